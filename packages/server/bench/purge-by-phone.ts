import { randomBytes } from 'node:crypto';
import { mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { blobPaths, shards } from '../src/blobs/file-blob-layout.ts';
import { syncFolder } from '../src/lib/durable-files.ts';
import { newId } from '../src/lib/ids.ts';
import { ApiClient, drain } from './lib/api-client.ts';
import { makeHome, phoneOf } from './lib/archive-home.ts';
import type { Bench } from './lib/benchmark.ts';
import { detailsOf, type LoadedCall } from './lib/bulk-loader.ts';
import type { Goal } from './lib/figure.ts';
import { atSteadyRate, until } from './lib/load.ts';
import { checkpointPlain, openPlainDatabase } from './lib/plain-database.ts';
import { startServer } from './lib/server.ts';
import { median, percentile, timeMs } from './lib/timing.ts';

const callsPerLoad = 10_000;
/** Status requests that another client sends meanwhile, and sessions asked for in each. */
const statusPerSecond = 50;
const sessionsPerStatus = 5;
/** How often the observer looks; seldom enough not to be what is measured. */
const lookMs = 10;
const waitMsMax = 300_000;
/** The one who is purged; all others have numbers after this one, each used a few times. */
const purgedPhone = phoneOf(0);
const callsPerOther = 4;

/** One round of both sides, in ms. */
type Round = {
  scriptMs: number;
  scriptSyncedMs: number;
  unreadableMs: number;
  shreddedMs: number;
  answeredMs: number;
  goneMs: number;
  statusMs: number[];
};
type Archive = { purged: LoadedCall[]; others: LoadedCall[] };

/**
 * One customer's calls, spread evenly over an archive, purged by phone through a real server, beside the script that
 * people write: a table with an indexed phone, DELETE in one transaction, then unlink of each file.
 */
export async function benchPurgeByPhone(bench: Bench): Promise<void> {
  const rounds: Round[] = [];
  for (let round = 0; round < bench.sizes.purgeRounds; round += 1) {
    const folder = join(bench.folder, `round-${round}`);
    await mkdir(folder);
    rounds.push(await runRound({ ...bench, folder }));
    await rm(folder, { recursive: true });
  }
  report(bench, rounds);
}

async function runRound(bench: Bench): Promise<Round> {
  const archive: Archive = { purged: [], others: [] };
  const { home, credentials } = await makeHome(bench, 'home', async (loader) => {
    const { purgeCalls, purgeRecordings, recordingBytes } = bench.sizes;
    const recording = randomBytes(recordingBytes);
    for (let from = 0; from < purgeCalls; from += callsPerLoad) {
      const numbers = range(from, Math.min(purgeCalls, from + callsPerLoad));
      const calls = numbers.map((i) => callOf(i, isPurged(i, purgeCalls, purgeRecordings) ? recording : null));
      for (const [k, loaded] of (await loader.load(calls)).entries()) {
        archive[calls[k]?.recording ? 'purged' : 'others'].push(loaded);
      }
    }
  });
  const script = await runScript(bench);
  bench.say('an archive is loaded');
  const server = await startServer(bench, home);
  const clients = { purger: new ApiClient(server.url, 1), observer: new ApiClient(server.url, 2) };
  const other = new ApiClient(server.url, 32);
  try {
    for (const client of [clients.purger, clients.observer, other]) await client.signIn(credentials);
    const { beganAt, ...seen } = await purgeWatched({ ...clients, other }, archive);
    return { ...script, ...seen, shreddedMs: shreddedAt(home) - beganAt };
  } finally {
    for (const client of [clients.purger, clients.observer, other]) client.close();
    await server.stop();
  }
}

function range(from: number, toExclusive: number): number[] {
  return Array.from({ length: toExclusive - from }, (_, i) => from + i);
}

/** Spread evenly, whatever the two numbers are. */
function isPurged(i: number, calls: number, purged: number): boolean {
  return Math.floor((i * purged) / calls) !== Math.floor(((i + 1) * purged) / calls);
}

function callOf(i: number, recording: Buffer | null) {
  const phone = recording === null ? phoneOf(1 + Math.floor(i / callsPerOther)) : purgedPhone;
  return { sessionId: `session-${i}`, phone, startedAt: 1_750_000_000_000 + i * 1000, recording };
}

/** The script, timed: until rows and files are gone, and besides until the folders are synced. */
async function runScript(bench: Bench): Promise<Pick<Round, 'scriptMs' | 'scriptSyncedMs'>> {
  const folder = join(bench.folder, 'script');
  for (const shard of shards) mkdirSync(join(folder, shard), { recursive: true });
  const database = openPlainDatabase(join(folder, 'calls.sqlite'));
  try {
    fillScript(bench, database, folder);
    checkpointPlain(database);
    await bench.settle();
    const began = performance.now();
    const named = database.prepare('SELECT path FROM call WHERE phone = ?').pluck().all(purgedPhone);
    database.transaction(() => database.prepare('DELETE FROM call WHERE phone = ?').run(purgedPhone)).immediate();
    for (const path of named) if (typeof path === 'string') unlinkSync(path);
    const scriptMs = performance.now() - began;
    for (const shard of shards) await syncFolder(join(folder, shard));
    return { scriptMs, scriptSyncedMs: performance.now() - began };
  } finally {
    database.close();
    await bench.settle();
  }
}

function fillScript(bench: Bench, database: Database.Database, folder: string): void {
  const { purgeCalls, purgeRecordings, recordingBytes } = bench.sizes;
  const recording = randomBytes(recordingBytes);
  database.exec(`CREATE TABLE call (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, phone TEXT NOT NULL, direction TEXT NOT NULL,
    started_at INTEGER, ended_at INTEGER, details TEXT, path TEXT
  )`);
  database.exec('CREATE INDEX call_phone ON call (phone)');
  const insert = database.prepare('INSERT INTO call VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  database.transaction(() => {
    for (let i = 0; i < purgeCalls; i += 1) {
      const call = callOf(i, isPurged(i, purgeCalls, purgeRecordings) ? recording : null);
      const id = newId(call.startedAt);
      const path = call.recording === null ? null : blobPaths(folder, id).path;
      if (path !== null) writeFileSync(path, recording);
      const details = JSON.stringify(detailsOf(call));
      insert.run(id, call.sessionId, call.phone, 'inbound', call.startedAt, call.startedAt + 180_000, details, path);
    }
  })();
}

/** Purges and looks from outside, while another client asks for the status of calls that nobody purges. */
async function purgeWatched(
  { purger, observer, other }: Record<'purger' | 'observer' | 'other', ApiClient>,
  { purged, others }: Archive,
): Promise<Omit<Round, 'scriptMs' | 'scriptSyncedMs' | 'shreddedMs'> & { beganAt: number }> {
  const last = purged.at(-1);
  if (last === undefined) throw new Error('there is nobody to purge');
  const asked = sample(others, sessionsPerStatus).map(({ sessionId }) => sessionId);
  await other.statuses(asked);
  if ((await isUnreadable(observer, last.callId)) || (await areGone(observer, [last]))) {
    throw new Error('a call cannot be read before it is purged');
  }

  let isOver = false;
  const load = atSteadyRate({ perSecond: statusPerSecond, stopped: () => isOver }, async () => {
    await other.statuses(asked);
  });
  const options = { pauseMs: lookMs, maxMs: waitMsMax };
  const beganAt = Date.now();
  const began = performance.now();
  const unreadable = until(async () => await isUnreadable(observer, last.callId), options);
  // Items are verified in the order of age, so the last one goes last.
  const gone = until(async () => await areGone(observer, [last]), options);
  let found = 0;
  const answeredMs = await timeMs(async () => {
    found = await purger.purgeCustomer(purgedPhone, { whatIf: false });
  });
  const [unreadableAt, goneAt] = await Promise.all([unreadable, gone]);
  isOver = true;
  const statusMs = await load;
  if (found !== purged.length) throw new Error(`${found} calls were purged instead of ${purged.length}`);
  if (!(await areGone(observer, sample(purged, 100)))) throw new Error('calls are still there after the last one went');
  return { beganAt, unreadableMs: unreadableAt - began, answeredMs, goneMs: goneAt - began, statusMs };
}

/** When the one erasure of a home had destroyed its last key, by the server's own clock, which is this machine's. */
function shreddedAt(home: string): number {
  const database = new Database(join(home, 'db', 'tacet.sqlite'), { readonly: true });
  try {
    const at: unknown = database.prepare('SELECT shredded_at FROM erasure').pluck().get();
    if (typeof at !== 'number') throw new Error('the erasure has not destroyed its keys');
    return at;
  } finally {
    database.close();
  }
}

function report(bench: Bench, rounds: readonly Round[]): void {
  const of = (part: Exclude<keyof Round, 'statusMs'>) => median(rounds.map((round) => round[part]));
  const common = { benchmark: 'purge-by-phone', unit: 'ms' };
  const baseline = of('scriptMs');
  const say = (name: string, value: number, limits: Pick<Goal, 'bound' | 'aim'>) => {
    bench.report({ ...common, name, value, baseline, goal: { of: 'ratio', is: 'at most', ...limits } });
  };
  say('until no surface returns the data', of('unreadableMs'), { bound: 0.5 });
  say('until keys are destroyed', of('shreddedMs'), { bound: 2, aim: 1 });
  say('until verified', of('goneMs'), { bound: 4, aim: 2 });
  bench.report({ ...common, name: 'until the request is answered', value: of('answeredMs') });
  const statusMs = rounds.flatMap((round) => round.statusMs);
  const goal: Goal = { of: 'value', is: 'at most', bound: 100 };
  bench.report({ ...common, name: 'status requests meanwhile, p99', value: percentile(statusMs, 99), goal });
  bench.report({ ...common, name: 'status requests meanwhile, median', value: percentile(statusMs, 50) });
  bench.report({ ...common, name: 'status requests meanwhile, sent', unit: '', value: statusMs.length });
  bench.report({ ...common, name: 'the script, folders synced as well', value: of('scriptSyncedMs') });
}

/** `count` of them, spread evenly, the last one always among them. */
function sample<T>(all: readonly T[], count: number): T[] {
  const step = Math.max(1, Math.floor(all.length / count));
  return all.filter((_, i) => (all.length - 1 - i) % step === 0).slice(-count);
}

async function isUnreadable(client: ApiClient, callId: string): Promise<boolean> {
  const answer = await client.recording(callId, 'bytes=0-0');
  await drain(answer);
  return answer.statusCode === 404;
}

async function areGone(client: ApiClient, calls: readonly LoadedCall[]): Promise<boolean> {
  const statuses = await client.statuses(calls.map(({ sessionId }) => sessionId));
  return statuses.every(({ status }) => status === 'NotFound');
}
