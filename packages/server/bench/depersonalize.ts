import { randomBytes } from 'node:crypto';
import { mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { blobPaths, shards } from '../src/blobs/file-blob-layout.ts';
import { newId } from '../src/lib/ids.ts';
import { ApiClient, type Credentials } from './lib/api-client.ts';
import { makeHome, phoneOf } from './lib/archive-home.ts';
import type { Bench } from './lib/benchmark.ts';
import { type BulkCall, detailsOf } from './lib/bulk-loader.ts';
import type { Figure } from './lib/figure.ts';
import { inLanes, until } from './lib/load.ts';
import { checkpointPlain, openPlainDatabase } from './lib/plain-database.ts';
import { startServer } from './lib/server.ts';
import { Throughput } from './lib/throughput.ts';
import { percentile, timeMs } from './lib/timing.ts';

const lanes = 8;
/** Both sides take turns, so that a disk that slows down slows both. */
const turns = 2;
const turnMsMax = 120_000;
const warmUps = 200;
/** How often it is looked whether everything is verified, and how long. */
const lookMs = 50;
const goneMsMax = 180_000;
const callsPerLoad = 5000;

/** What both sides are to erase. */
type Loaded = { home: string; credentials: Credentials; callIds: string[]; candidateId: string };

/**
 * Depersonalizes calls with their recordings over HTTP: one by one, eight requests at a time, and all calls of one candidate
 * in one request. Beside it the bare loop that people write: personal columns set to NULL and the file unlinked, one durable
 * transaction for each call.
 */
export async function benchDepersonalize(bench: Bench): Promise<void> {
  const loaded = await load(bench);
  const bare = new BareUpdates(bench, warmUps + bench.sizes.depersonalizeCalls + bench.sizes.candidateCalls);
  await bench.settle();
  const server = await startServer(bench, loaded.home);
  const client = new ApiClient(server.url, lanes);
  try {
    await client.signIn(loaded.credentials);
    await oneByOne(bench, { client, bare, loaded });
    await wholeCandidate(bench, { client, bare, loaded });
  } finally {
    client.close();
    await server.stop();
    bare.close();
  }
}

async function load(bench: Bench): Promise<Loaded> {
  const { depersonalizeCalls, candidateCalls, objectBytes } = bench.sizes;
  const recording = randomBytes(objectBytes);
  const callIds: string[] = [];
  let candidateId = '';
  const home = await makeHome(bench, 'home', async (loader) => {
    candidateId = await loader.loadCandidate(phoneOf(0));
    const single = warmUps + depersonalizeCalls;
    for (let from = 0; from < single + candidateCalls; from += callsPerLoad) {
      const to = Math.min(from + callsPerLoad, single + candidateCalls);
      const calls: BulkCall[] = [];
      for (let i = from; i < to; i += 1) calls.push(callOf(i, recording, i < single ? null : candidateId));
      for (const { callId } of await loader.load(calls)) if (callIds.length < single) callIds.push(callId);
    }
  });
  bench.say('an archive is loaded');
  return { ...home, callIds, candidateId };
}

function callOf(i: number, recording: Buffer, candidateId: string | null): BulkCall {
  const phone = phoneOf(candidateId === null ? i + 1 : 0);
  return { sessionId: `session-${i}`, phone, startedAt: 1_750_000_000_000 + i * 1000, recording, candidateId };
}

type Sides = { client: ApiClient; bare: BareUpdates; loaded: Loaded };

async function oneByOne(bench: Bench, { client, bare, loaded }: Sides): Promise<void> {
  const [ours, theirs] = [new Throughput(), new Throughput()];
  const requestMs: number[] = [];
  const bareMs: number[] = [];
  await inLanes({ count: warmUps, lanes, maxMs: turnMsMax }, async (i) => {
    await client.depersonalizeCall(loaded.callIds[i] ?? '');
  });
  bare.erase(0, warmUps);
  const each = Math.floor(bench.sizes.depersonalizeCalls / turns);
  for (let turn = 0; turn < turns; turn += 1) {
    const from = warmUps + turn * each;
    bare.checkpoint();
    await bench.settle();
    const bareTurn = await inLanes({ count: each, lanes: 1, maxMs: turnMsMax }, async (i) => {
      bareMs.push(await timeMs(() => bare.erase(from + i, from + i + 1)));
    });
    theirs.add(bareTurn);
    await bench.settle();
    const turnOfOurs = await inLanes({ count: each, lanes, maxMs: turnMsMax }, async (i) => {
      requestMs.push(await timeMs(async () => await client.depersonalizeCall(loaded.callIds[from + i] ?? '')));
    });
    ours.add(turnOfOurs);
    await until(async () => (await unfinished(loaded.home)) === 0, { pauseMs: lookMs, maxMs: goneMsMax });
  }
  const say = sayFor(bench);
  say('/s', `one call a request, ${lanes} at a time`, ours.perSecond(), theirs.perSecond(), {
    of: 'ratio',
    is: 'at least',
    bound: 0.2,
    aim: 0.5,
  });
  say('ms', 'one call a request, median', percentile(requestMs, 50), percentile(bareMs, 50));
  say('ms', 'one call a request, p99', percentile(requestMs, 99), percentile(bareMs, 99));
}

async function wholeCandidate(bench: Bench, { client, bare, loaded }: Sides): Promise<void> {
  const { depersonalizeCalls, candidateCalls } = bench.sizes;
  const from = warmUps + depersonalizeCalls;
  bare.checkpoint();
  await bench.settle();
  const bareMs = await timeMs(() => {
    for (let i = 0; i < candidateCalls; i += 1) bare.erase(from + i, from + i + 1);
  });
  await bench.settle();
  const ms = await timeMs(async () => await client.depersonalizeCandidate(loaded.candidateId));
  const name = `a candidate with ${candidateCalls} calls, until its keys are destroyed`;
  sayFor(bench)('ms', name, ms, bareMs, { of: 'value', is: 'at most', bound: 1000 });
}

function sayFor(bench: Bench) {
  return (unit: string, name: string, value: number, baseline: number, goal?: NonNullable<Figure['goal']>) =>
    bench.report({ benchmark: 'depersonalize', unit, name, value, baseline, ...(goal && { goal }) });
}

/** How many erasures still run: what an answer leaves to be done must not slow the next turn down. */
async function unfinished(home: string): Promise<number> {
  const database = new Database(join(home, 'db', 'tacet.sqlite'), { readonly: true });
  try {
    return Number(database.prepare("SELECT count(*) FROM erasure WHERE state = 'running'").pluck().get());
  } finally {
    database.close();
  }
}

/** The bare loop's own archive: one table with an indexed phone, and a file for each call. */
class BareUpdates {
  readonly #database: Database.Database;
  readonly #folder: string;
  readonly #ids: string[] = [];
  readonly #erase: Database.Transaction<(id: string) => void>;

  constructor(bench: Bench, count: number) {
    this.#folder = join(bench.folder, 'bare');
    for (const shard of shards) mkdirSync(join(this.#folder, shard), { recursive: true });
    this.#database = openPlainDatabase(join(this.#folder, 'calls.sqlite'));
    this.#database.exec(`CREATE TABLE call (
      id TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, started_at INTEGER, status TEXT, price REAL, phone TEXT,
      variables TEXT, results TEXT, messages TEXT, path TEXT
    )`);
    this.#database.exec('CREATE INDEX call_phone ON call (phone)');
    this.#fill(count, randomBytes(bench.sizes.objectBytes));
    const erase = this.#database.prepare(
      'UPDATE call SET phone = NULL, variables = NULL, results = NULL, messages = NULL, path = NULL WHERE id = ?',
    );
    this.#erase = this.#database.transaction((id: string) => {
      if (erase.run(id).changes !== 1) throw new Error('the call is not there');
    });
  }

  #fill(count: number, recording: Buffer): void {
    const insert = this.#database.prepare('INSERT INTO call VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    const fill = this.#database.transaction(() => {
      for (let i = 0; i < count; i += 1) {
        const id = newId(1_750_000_000_000 + i);
        this.#ids.push(id);
        const { path } = blobPaths(this.#folder, id);
        writeFileSync(path, recording);
        const details = JSON.stringify(detailsOf({ phone: phoneOf(i) }));
        insert.run(id, `session-${i}`, i, 'ANSWERED', 1.5, phoneOf(i), details, details, '', path);
      }
    });
    fill();
  }

  /** The calls from one number to just below another. */
  erase(from: number, toExclusive: number): void {
    for (const id of this.#ids.slice(from, toExclusive)) {
      this.#erase.immediate(id);
      unlinkSync(blobPaths(this.#folder, id).path);
    }
  }

  checkpoint(): void {
    checkpointPlain(this.#database);
  }

  close(): void {
    this.#database.close();
  }
}
