/** 10,000 calls move while a server works on them: killed twice on the way, and no purge is lost. */
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, expect, test } from 'vitest';
import { databaseFile } from '../../src/app-places.ts';
import { archive, callerOf } from '../crash/life.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp } from '../support/harness.ts';
import { adminQuery } from '../support/postgres.ts';
import { describeWithServers } from '../support/servers.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { newTarget, type Target, versionsIn } from './moves.ts';

const calls = 10_000;
const recordings = 200;
const lanes = 16;
/** Where the files are memory, syncing thousands of them costs nothing. */
const root = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const wholeMsMax = 400_000;

/** Two customers who are purged on the way, and all the others. Of each a part has recordings. */
const customers = { first: '+15125550001', second: '+15125550002', others: '+15125550003' };
const phoneOf = (i: number) => {
  if (i % 100 === 1) return customers.first;
  return i % 100 === 2 ? customers.second : customers.others;
};
const sessionOf = (i: number) => `session ${i}`;
const hasRecording = (i: number) => Math.floor(i / 3) % (calls / recordings) === 0;

const folder = mkdtempSync(join(root, 'tacet-move-'));
const env = {
  TACET_HOME: join(folder, 'home'),
  TACET_DATABASE_URL: '',
  TACET_BLOBS_URL: '',
  TACET_LISTEN: '127.0.0.1:0',
  TACET_JOB_LEASE: '1s',
};
const processes: TacetProcess[] = [];
let target: Target | undefined;

afterAll(async () => {
  for (const { child } of processes) child.kill('SIGKILL');
  await Promise.all(processes.map(({ ended }) => ended));
  await target?.remove();
  await rm(folder, { recursive: true, force: true });
});

function start(args: readonly string[], more: Record<string, string>): TacetProcess {
  const started = startTacet(args, { ...env, ...more });
  processes.push(started);
  return started;
}

async function build() {
  const app = await startApp({ folder, env, workers: 0 });
  const numbers = Array.from({ length: calls }, (_, i) => i);
  const ids = new Map<string, string>();
  const lane = async () => {
    for (let i = numbers.pop(); i !== undefined; i = numbers.pop()) {
      const call = { session: sessionOf(i), phone: phoneOf(i), bytes: hasRecording(i) ? 300 : 0 };
      ids.set(call.session, (await archive(app.engine, callerOf(app.tenant), call)).callId);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const { client } = app;
  await app.close();
  return { client, ids };
}

async function clientOf(server: TacetProcess, given: { clientId: string; clientSecret: string }) {
  const url = await server.listening;
  const form = { grant_type: 'client_credentials', client_id: given.clientId, client_secret: given.clientSecret };
  const answer = await fetch(`${url}/Token`, { method: 'POST', body: new URLSearchParams(form) });
  return new CreovaiClient(url, ((await answer.json()) as { access_token: string }).access_token);
}

const says = async (process: TacetProcess, words: string) =>
  await until(async () => process.errors().includes(words) || process.child.exitCode !== null);

function idsOfCustomer(ids: Map<string, string>, phone: string): string[] {
  return Array.from({ length: calls }, (_, i) => i).flatMap((i) =>
    phoneOf(i) === phone ? (ids.get(sessionOf(i)) ?? []) : [],
  );
}

/** Names of the stored files that bear one of the ids. */
function filesOf(ids: readonly string[]): string[] {
  const wanted = new Set(ids);
  const files = readdirSync(join(env.TACET_HOME, 'blobs'), { recursive: true, withFileTypes: true });
  return files.map((file) => file.name).filter((name) => wanted.has(name.slice(0, 36)));
}

describeWithServers('an archive of 10,000 calls', (servers) => {
  test('moves while purges are asked for, through two deaths', { timeout: wholeMsMax }, async () => {
    const { client, ids } = await build();
    target = await newTarget(servers);
    const place = target;
    const args = ['move', ...place.args];
    const began = performance.now();

    // Nobody carries out here what another process leaves behind.
    const server = start(['serve'], { TACET_WORKERS: '0' });
    const creovai = await clientOf(server, client);
    const first = start(args, { ...place.credentials, TACET_FAULT: 'move:rows-written#20' });
    expect((await first.ended).signal, first.errors()).toBe('SIGKILL');

    // The second goes on. Beside it one customer is purged, and of another the purge is begun by a server that dies of it.
    const second = start(args, { ...place.credentials, TACET_FAULT: 'move:last-rows-copied' });
    await says(second, 'copying');
    const purged = await creovai.purge('/customer', { phoneNumber: customers.first });
    expect(purged).toHaveLength(100);
    const dying = start(['serve'], { TACET_FAULT: 'erase:gated', TACET_WORKERS: '0' });
    const asked = (await clientOf(dying, client)).purge('/customer', { phoneNumber: customers.second });
    await expect(asked).rejects.toThrow();
    expect((await dying.ended).signal).toBe('SIGKILL');
    await until(async () => (await creovai.status(sessionOf(1))) === 'NotFound');
    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0 });
    expect((await second.ended).signal, second.errors()).toBe('SIGKILL');

    const third = await start([...args, '--json'], place.credentials).ended;
    expect(third.code, third.errors).toBe(0);
    const took = performance.now() - began;
    process.stderr.write(`moved in ${Math.round(took)} ms\n`);
    expect(JSON.parse(third.output)).toMatchObject({ moved: true, clean: true, recordings: { missing: [] } });
    expect((await start(['keys', 'status'], {}).ended).code).toBe(11);

    // The erasure that the dead server had begun has moved as what it was: rows and a job.
    const there = start(['serve'], { ...place.env, ...place.credentials });
    const moved = await clientOf(there, client);
    await until(async () => (await moved.status(sessionOf(2))) === 'NotFound');
    expect(await moved.status(sessionOf(1))).toBe('NotFound');
    for (const i of [0, 3, 9_999]) expect(await moved.status(sessionOf(i)), sessionOf(i)).toBe('Complete');
    const played = await moved.recording(ids.get(sessionOf(0)) ?? '');
    expect((await played.arrayBuffer()).byteLength).toBe(300);
    there.child.kill('SIGTERM');
    expect((await there.ended).code).toBe(0);

    const gone = [...idsOfCustomer(ids, customers.first), ...idsOfCustomer(ids, customers.second)];
    const inTarget = async (table: string) =>
      await adminQuery({ url: place.databaseUrl }, `select owner_id from ${table} where owner_id = any($1)`, [gone]);
    expect(await inTarget('artifact')).toEqual([]);
    expect(await inTarget('token')).toEqual([]);
    const [left] = await adminQuery({ url: place.databaseUrl }, 'select count(*) as calls from call');
    expect(Number(left?.['calls'])).toBe(calls - gone.length);
    const stored = new Set((await versionsIn(place.bucket)).map((key) => key.split('/').at(-1)?.slice(0, 36)));
    expect(gone.filter((id) => stored.has(id))).toEqual([]);

    const states = await adminQuery({ url: place.databaseUrl }, 'select state from erasure');
    expect(states).toEqual([{ state: 'completed' }, { state: 'completed' }]);

    // And in the old place, of the one who was purged there.
    const erased = idsOfCustomer(ids, customers.first);
    expect(filesOf(erased)).toEqual([]);
    const database = new Database(databaseFile(env.TACET_HOME), { readonly: true });
    const count = database.prepare(
      'SELECT count(*) AS n FROM artifact WHERE owner_id IN (SELECT value FROM json_each(?))',
    );
    expect(count.get(JSON.stringify(erased))).toEqual({ n: 0 });
    database.close();

    const looked = await start(['fsck', '--deep'], { ...place.env, ...place.credentials }).ended;
    expect(looked.code, looked.output).toBe(0);
  });
});
