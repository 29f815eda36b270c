import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createClient } from '../../src/engine/access/clients.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import type { Engine } from '../../src/engine/context.ts';
import { silentLog } from '../../src/lib/log.ts';
import { scopes, type Tenant } from '../../src/model/tenant.ts';
import type { Credentials } from '../lib/api-client.ts';
import { phoneOf } from '../lib/archive-home.ts';
import type { Bench } from '../lib/benchmark.ts';
import { type BulkCall, BulkLoader, type LoadedCall } from '../lib/bulk-loader.ts';
import { type Server, startServer } from '../lib/server.ts';
import { CopySink } from './copy-sink.ts';
import { ask, PlainDatabase } from './databases.ts';
import { PlainBucket } from './plain-s3.ts';
import { factsOf, type Servers, startServers } from './servers.ts';
import type { ScaleSizes } from './sizes.ts';

const callsPerLoad = 25_000;
/** A prime that has nothing to do with any of the sizes. */
const stepOfLaps = 7919;

/** The most calls of one of the other customers. */
export const callsPerOther = 4;
/** The customer who is purged. All others have numbers after this one. */
export const customerPhone = phoneOf(0);

/** What makes the stage: servers, a database, a bucket, an archive in both. */
type Parts = {
  bench: Bench;
  servers: Servers;
  database: PlainDatabase;
  bucket: PlainBucket;
  tenant: Tenant;
  credentials: Credentials;
  home: string;
  /** Settings of the archive. */
  env: Record<string, string>;
};

/**
 * What the benchmarks at scale have in common: an archive on PostgreSQL and S3 that is filled as far as one of them needs.
 *
 * Most calls are rows alone, with their tokens and sealed parts. Spread evenly among them lie those with an object: the calls
 * of the one customer who is purged, and those that are erased one by one.
 */
export class Stage {
  readonly bench: Bench;
  readonly servers: Servers;
  readonly bucket: PlainBucket;
  readonly credentials: Credentials;
  readonly #parts: Parts;
  /** Calls of the customer, and calls to be erased one by one, both in the order of age. */
  readonly customer: LoadedCall[] = [];
  readonly singles: LoadedCall[] = [];
  #filled = 0;

  private constructor(parts: Parts) {
    this.bench = parts.bench;
    this.servers = parts.servers;
    this.bucket = parts.bucket;
    this.credentials = parts.credentials;
    this.#parts = parts;
  }

  static async open(bench: Bench): Promise<Stage> {
    const servers = await startServers(bench);
    // Loading fills the log faster than anything else; checkpoints of its making would come into what is measured.
    if (servers.areOurs) await ask(servers.postgres, "ALTER SYSTEM SET max_wal_size = '8GB'");
    if (servers.areOurs) await ask(servers.postgres, 'SELECT pg_reload_conf()');
    for (const fact of await factsOf(servers)) bench.note(fact);
    return await Stage.#on(bench, servers, { isVersioned: true });
  }

  static async #on(bench: Bench, servers: Servers, options: { isVersioned: boolean }): Promise<Stage> {
    const database = await PlainDatabase.make(servers.postgres);
    const name = `tacet-bench-${randomBytes(6).toString('hex')}`;
    const bucket = await PlainBucket.make(servers.s3, name, options);
    const home = join(bench.folder, name);
    const env = { TACET_HOME: home, TACET_DATABASE_URL: database.url, ...bucket.settings };
    // Where the S3 client looks for them, in this process and in those it starts.
    Object.assign(process.env, bucket.credentials);
    const made = await inArchive(env, async (engine) => {
      const tenant = await createTenant(engine, { slug: 'bench', region: 'US' });
      return { tenant, credentials: await createClient(engine, tenant, { scopes: [...scopes], actor: operator }) };
    });
    return new Stage({ bench, servers, database, bucket, home, env, ...made });
  }

  /** An empty archive on the same servers, in a bucket without versions. Whoever has it removes it. */
  async withoutVersions(): Promise<Stage> {
    return await Stage.#on(this.bench, this.servers, { isVersioned: false });
  }

  /** Connection to the archive's own database, for looking into it. */
  get database(): PlainDatabase {
    return this.#parts.database;
  }

  /** A server on the archive, in a process of its own. */
  async serve(): Promise<Server> {
    return await startServer(this.bench, this.#parts.home, this.#parts.env);
  }

  /** Fills the archive up to this many calls. */
  async fill(calls: number): Promise<void> {
    if (this.#filled >= calls) return;
    const { env, tenant, database } = this.#parts;
    await inArchive(env, async (engine) => {
      const sink = await CopySink.open(database.url, { tenant, blobs: engine.blobs });
      const loader = new BulkLoader(engine, tenant, sink);
      while (this.#filled < calls) await this.#load(loader, Math.min(callsPerLoad, calls - this.#filled));
      await sink.close();
    });
    await database.client.query('VACUUM (ANALYZE)');
    await this.settle();
  }

  /** Writes out what the servers hold back, so that nothing measured pays for what came before. */
  async settle(): Promise<void> {
    await this.#parts.database.client.query('CHECKPOINT');
    await this.bench.settle();
  }

  /** The archive goes, the servers stay. */
  async remove(): Promise<void> {
    await this.#parts.database.remove();
    if (!this.servers.areOurs) await this.bucket.remove();
  }

  async close(): Promise<void> {
    await this.remove();
    await this.servers.stop();
  }

  async #load(loader: BulkLoader, count: number): Promise<void> {
    const { scale } = this.bench.sizes;
    const planned = Array.from({ length: count }, (_, i) => plannedCall(scale, this.#filled + i));
    const calls = planned.map(({ has, ...call }): BulkCall => {
      return { ...call, recording: has === 'nothing' ? null : randomBytes(scale.objectBytes) };
    });
    for (const [i, loaded] of (await loader.load(calls)).entries()) {
      if (planned[i]?.has === 'customer') this.customer.push(loaded);
      if (planned[i]?.has === 'single') this.singles.push(loaded);
    }
    this.#filled += count;
    this.bench.say(`${this.#filled} calls loaded`);
  }
}

/** One of the calls that the archive and its baseline are filled with; `has` says whose object it has. */
export type PlannedCall = Omit<BulkCall, 'recording'> & { has: 'nothing' | 'customer' | 'single' };

/** Call number `i`. Those with an object are spread evenly over all; and so, among these, those erased one by one. */
export function plannedCall({ calls, customerCalls, erasures }: ScaleSizes, i: number): PlannedCall {
  const singles = erasures[0] + erasures[1];
  const objects = customerCalls + singles;
  const object = Math.floor((i * objects) / calls[1]);
  const hasObject = object !== Math.floor(((i + 1) * objects) / calls[1]);
  const isSingle = Math.floor((object * singles) / objects) !== Math.floor(((object + 1) * singles) / objects);
  const has = hasObject ? (isSingle ? 'single' : 'customer') : 'nothing';
  return {
    sessionId: `session-${i}`,
    phone: has === 'customer' ? customerPhone : phoneOf(1 + otherOf(i, calls[0])),
    startedAt: 1_750_000_000_000 + i * 1000,
    has,
  };
}

/** How many other customers an archive of this many calls has: `phoneOf` of 1 to that number. */
export function othersOf(calls: number): number {
  return Math.floor(calls / callsPerOther);
}

/** Calls of a customer lie far apart, within stretches of the size of the small archive: in each they have as many. */
function otherOf(i: number, stretch: number): number {
  const others = othersOf(stretch);
  const lap = Math.floor((i % stretch) / others);
  // No two laps begin with the same customer: calls that lie in step with those that have objects are not all of one.
  return Math.floor(i / stretch) * others + ((i + lap * stepOfLaps) % others);
}

/** Runs `work` in the archive of these settings, in this process, and closes it. */
async function inArchive<T>(env: Record<string, string>, work: (engine: Engine) => Promise<T>): Promise<T> {
  const app = await openApp(readConfig(env), { log: silentLog });
  try {
    await app.prepare();
    return await work(app.engine);
  } finally {
    await app.close();
  }
}
