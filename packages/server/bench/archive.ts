import { createCipheriv, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { blobPaths, shards } from '../src/blobs/file-blob-layout.ts';
import { newId } from '../src/lib/ids.ts';
import { ApiClient } from './lib/api-client.ts';
import { makeHome, phoneOf } from './lib/archive-home.ts';
import type { Bench } from './lib/benchmark.ts';
import { detailsOf } from './lib/bulk-loader.ts';
import { inLanes } from './lib/load.ts';
import { openPlainDatabase } from './lib/plain-database.ts';
import { startServer } from './lib/server.ts';
import { Throughput } from './lib/throughput.ts';
import { percentile, timeMs } from './lib/timing.ts';

const lanes = 8;
/** Both sides take turns, so that a disk that slows down slows both. */
const turns = 4;
const turnMsMax = 60_000;
const warmUps = 32;

/** Recordings archived over HTTP, eight at a time, beside a bare loop that makes each one durable before the next. */
export async function benchArchive(bench: Bench): Promise<void> {
  const { home, credentials } = await makeHome(bench, 'home', async () => undefined);
  const bare = new BareArchive(join(bench.folder, 'bare'));
  const server = await startServer(bench, home);
  const client = new ApiClient(server.url, lanes);
  const audio = randomBytes(bench.sizes.recordingBytes);
  const tookMs: number[] = [];
  let number = 0;
  const upload = async () => {
    number += 1;
    await client.archive(infoOf(number), audio);
  };
  try {
    await client.signIn(credentials);
    await inLanes({ count: Math.min(warmUps, bench.sizes.uploads), lanes, maxMs: turnMsMax }, upload);
    const [ours, theirs] = [new Throughput(), new Throughput()];
    const count = Math.ceil(bench.sizes.uploads / turns);
    for (let turn = 0; turn < turns; turn += 1) {
      await bench.settle();
      theirs.add(await inLanes({ count, lanes: 1, maxMs: turnMsMax }, async () => bare.archive(audio)));
      await bench.settle();
      const timed = async () => void tookMs.push(await timeMs(upload));
      ours.add(await inLanes({ count, lanes, maxMs: turnMsMax }, timed));
    }
    const common = { benchmark: 'archive', unit: '/s' };
    bench.report({
      ...common,
      name: `recordings of ${bench.sizes.recordingBytes} bytes, ${lanes} at a time`,
      value: ours.perSecond(),
      baseline: theirs.perSecond(),
      goal: { of: 'ratio', is: 'at least', bound: 0.5, aim: 0.8 },
    });
    bench.report({ ...common, unit: 'ms', name: 'one upload, median', value: percentile(tookMs, 50) });
    bench.report({ ...common, unit: 'ms', name: 'one upload, p99', value: percentile(tookMs, 99) });
  } finally {
    client.close();
    await server.stop();
    bare.close();
  }
}

function infoOf(number: number): object {
  const { participants, ...rest } = detailsOf({ phone: phoneOf(number) });
  const startTime = '2026-01-05T09:00:00Z';
  return { sessionId: `session-${number}`, direction: 'Inbound', startTime, contacts: participants, ...rest };
}

/** The bare loop: AES-256-GCM, write, fsync, rename, fsync of the folder, one insert that is its own transaction. */
class BareArchive {
  readonly #folder: string;
  readonly #database: Database.Database;
  readonly #insert: Database.Statement;
  readonly #key = randomBytes(32);

  constructor(folder: string) {
    this.#folder = folder;
    for (const shard of shards) mkdirSync(join(folder, shard), { recursive: true });
    this.#database = openPlainDatabase(join(folder, 'calls.sqlite'));
    this.#database.exec('CREATE TABLE call (id TEXT PRIMARY KEY, started_at INTEGER, details TEXT, path TEXT)');
    this.#insert = this.#database.prepare('INSERT INTO call VALUES (?, ?, ?, ?)');
  }

  archive(audio: Buffer): void {
    const now = Date.now();
    const id = newId(now);
    const { folder, path, temporaryPath } = blobPaths(this.#folder, id);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    const sealed = Buffer.concat([nonce, cipher.update(audio), cipher.final(), cipher.getAuthTag()]);
    const file = openSync(temporaryPath, 'wx', 0o600);
    for (let at = 0; at < sealed.length; ) at += writeSync(file, sealed, at);
    fsyncSync(file);
    closeSync(file);
    renameSync(temporaryPath, path);
    const directory = openSync(folder, 'r');
    fsyncSync(directory);
    closeSync(directory);
    this.#insert.run(id, now, JSON.stringify(infoOf(now)), path);
  }

  close(): void {
    this.#database.close();
  }
}
