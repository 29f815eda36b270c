import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { silentLog } from '../../src/lib/log.ts';
import { expectAtRest, standingOf } from '../crash/invariants.ts';
import { archive, callerOf, type LifeCall, lifeConfig, lifeEnv } from '../crash/life.ts';
import { dataPart, formOf, formType, infoPart } from '../support/creovai-forms.ts';
import { startApp } from '../support/harness.ts';
import { programOf } from '../support/programs.ts';
import { until } from '../support/until.ts';
import { type Answer, expectTryLater } from './honest-answers.ts';

const main = programOf(new URL('../../src/main.ts', import.meta.url));
/** Enough for a server to start with, from sources that are read side by side. */
const filesMax = 512;

const kept: LifeCall = { session: 'kept', phone: '+15125550101', bytes: 9000 };
const purged: LifeCall = { session: 'purged', phone: '+15125550102', bytes: 9000 };

const folder = mkdtempSync(join(tmpdir(), 'tacet-files-'));
const idle: Socket[] = [];
let server: ChildProcess | undefined;

afterEach(async () => {
  for (const socket of idle) socket.destroy();
  server?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** A server that may have few files open at once. Resolves with its address. */
async function serveWithFewFiles(): Promise<{ url: string; pid: number; ended: Promise<number | null> }> {
  const limited = ['-c', `ulimit -n ${filesMax}; exec "$@"`, 'sh', process.execPath, main, 'serve'];
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...lifeEnv(folder) };
  const child = spawn('/bin/sh', limited, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  server = child;
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const said = /^listening on (\S+)$/m.exec(chunk.toString())?.[1];
      if (said !== undefined) resolve(said);
    });
    void ended.then(() => reject(new Error(`it ended before it listened: ${errors}`)));
  });
  return { url, pid: child.pid ?? 0, ended };
}

/** All requests on one connection, which stands while the server can take no other. */
class OneConnection {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  token = '';

  constructor(url: string) {
    this.#url = url;
  }

  async send(method: string, path: string, type?: string, body?: Buffer | string): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.token}`, ...(type && { 'content-type': type }) };
    return await new Promise<Answer>((resolve, reject) => {
      const asked = request(`${this.#url}${path}`, { method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [name, `${value}`]);
          const { statusCode = 0 } = response;
          resolve({ status: statusCode, headers: new Headers(pairs), body: Buffer.concat(chunks).toString() });
        });
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  async archive(sessionId: string): Promise<Answer> {
    const info = { sessionId, startTime: '2026-01-02T03:04:05Z', contacts: [] };
    return await this.send('POST', '/callCapture/v1/archive', formType, formOf([infoPart(info), dataPart()]));
  }

  async statusOf(session: string): Promise<string> {
    const asked = JSON.stringify({ callSessionIds: [session] });
    return (await this.send('POST', '/callCapture/v1/status', 'application/json', asked)).body;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Takes connections until the process has no file left to open. */
async function useUpFiles(url: string, pid: number): Promise<void> {
  const openFiles = () => readdirSync(`/proc/${pid}/fd`).length;
  const { hostname, port } = new URL(url);
  await until(async () => {
    const socket = connect(Number(port), hostname);
    idle.push(socket);
    // Those that are too many are cut off by the server.
    socket.on('error', () => undefined);
    await new Promise((resolve) => {
      socket.once('connect', resolve);
      socket.once('close', resolve);
    });
    return openFiles() >= filesMax;
  });
}

async function seed() {
  const app = await startApp({ folder, env: lifeEnv(folder), workers: 0 });
  const { engine, tenant, client } = app;
  const keptId = (await archive(engine, callerOf(tenant), kept)).callId;
  const purgedId = (await archive(engine, callerOf(tenant), purged)).callId;
  await app.close();
  return { tenant, client, keptId, purgedId };
}

describe.skipIf(!existsSync('/proc/self/fd'))('a server that can open no more files', () => {
  test('says so to whoever is connected, lives, and goes on when it can', { timeout: 60_000 }, async () => {
    const { tenant, client, keptId, purgedId } = await seed();
    const { url, pid, ended } = await serveWithFewFiles();
    const one = new OneConnection(url);
    const { clientId, clientSecret } = client;
    const form = `${new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret })}`;
    const granted = await one.send('POST', '/Token', 'application/x-www-form-urlencoded', form);
    one.token = (JSON.parse(granted.body) as { access_token: string }).access_token;
    expect((await one.send('GET', '/readyz')).status).toBe(200);

    await useUpFiles(url, pid);
    expectTryLater(await one.archive('new'), 'creovai');
    expectTryLater(await one.send('GET', `/v1/calls/${keptId}/recording`), 'native');
    // What was well is remembered for a moment.
    await until(async () => (await one.send('GET', '/readyz')).status === 503);
    const asked = JSON.stringify({ ids: [purgedId] });
    const purge = await one.send('POST', '/purge/v1/calls', 'application/json', asked);
    if (purge.status !== 200) expectTryLater(purge, 'creovai');
    expect((await one.send('GET', `/v1/calls/${purgedId}/recording`)).status, 'the gate stands').toBe(404);
    expect(await one.statusOf('purged'), 'neither sealed nor removed').toContain('Complete');

    for (const socket of idle) socket.destroy();
    await until(async () => (await one.send('GET', '/readyz')).status === 200);
    expect((await one.send('GET', `/v1/calls/${keptId}/recording`)).status).toBe(200);
    expect((await one.archive('new')).status).toBe(200);
    await until(async () => (await one.statusOf('purged')).includes('NotFound'));
    one.close();
    server?.kill('SIGTERM');
    expect(await ended).toBe(0);
    await expectRest(tenant.slug);
  });
});

test('a connection that the system does not hand over is logged, and ends nothing', async () => {
  const app = await startApp({ workers: 0 });
  const url = await app.listen();
  const logged = app.nextLog((line) => line.event === 'http.accept_failed');
  app.http.server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE', syscall: 'accept' }));
  expect(await logged).toMatchObject({ error: 'EMFILE' });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  await app.close();
});

async function expectRest(slug: string): Promise<void> {
  const config = lifeConfig(folder);
  const app = await openApp(config, { log: silentLog });
  await app.prepare();
  const tenant = await app.engine.store.reads.tenants.find({ slug });
  if (tenant === undefined) throw new Error('the tenant is gone');
  // What the refused upload left.
  await sweepAbandonedUploads(app.engine);
  expect(await standingOf(app.engine, callerOf(tenant), kept)).toBe('whole');
  expect(await standingOf(app.engine, callerOf(tenant), purged)).toBe('gone');
  await app.engine.rootKeys.seal();
  await app.engine.rootKeys.expire();
  await app.close();
  const looking = await openApp(config, { log: silentLog });
  await expectAtRest(looking, config);
  await looking.close();
}
