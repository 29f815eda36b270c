/** A home with thousands of calls of one customer and a few neighbours: built once, copied for each process to die in. */
import { existsSync, mkdtempSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type App, openApp } from '../../src/app.ts';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { ErasureTally } from '../../src/model/erasure-store.ts';
import type { AuditEntry } from '../../src/model/tenant.ts';
import { openSqliteStore } from '../../src/store/store.ts';
import { expectAtRest, standingOf } from '../crash/invariants.ts';
import { archive, callerOf, type LifeCall, lifeConfig, lifeEnv } from '../crash/life.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp } from '../support/harness.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';

/** Where the files are memory, syncing thousands of them costs nothing. */
const root = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const phone = '+15125551234';
const lanes = 16;
/** Every lease of a process that is gone is over by then. */
const laterMs = 5 * 60_000;

const neighbours: readonly LifeCall[] = [
  { session: 'neighbour', phone: '+15125559999', bytes: 70_000, hasTranscript: true },
  { session: 'neighbouring chat', phone: '+15125559998', bytes: 0, hasTranscript: true },
];

type Credentials = { clientId: string; clientSecret: string };

export class PurgeHome {
  readonly calls: number;
  readonly #seed = mkdtempSync(join(root, 'tacet-purge-'));
  readonly #copies: string[] = [];
  readonly #processes: TacetProcess[] = [];
  #credentials: Credentials = { clientId: '', clientSecret: '' };

  constructor(options: { calls: number }) {
    this.calls = options.calls;
  }

  /** Archives everything. */
  async build(): Promise<void> {
    const seeding = await startApp({ folder: this.#seed, env: lifeEnv(this.#seed), workers: 0 });
    const { engine, tenant, client } = seeding;
    this.#credentials = client;
    const caller = callerOf(tenant);
    const numbers = Array.from({ length: this.calls }, (_, i) => i);
    const lane = async () => {
      for (let i = numbers.pop(); i !== undefined; i = numbers.pop()) {
        await archive(engine, caller, { session: `purged ${i}`, phone, bytes: 40 });
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    for (const call of neighbours) await archive(engine, caller, call);
    await seeding.close();
  }

  /** Ends what still runs, and removes every copy. */
  async remove(): Promise<void> {
    for (const { child } of this.#processes) child.kill('SIGKILL');
    await Promise.all(this.#processes.map(({ ended }) => ended));
    for (const folder of [this.#seed, ...this.#copies]) await rm(folder, { recursive: true, force: true });
  }

  async copy(): Promise<PurgeCopy> {
    const copy = await this.empty();
    await cp(this.#seed, copy.folder, { recursive: true });
    return copy;
  }

  /** A folder without a home in it. */
  async empty(): Promise<PurgeCopy> {
    const folder = mkdtempSync(join(root, 'tacet-purge-'));
    this.#copies.push(folder);
    return new PurgeCopy({ folder, calls: this.calls, credentials: this.#credentials, processes: this.#processes });
  }
}

/** One copy, and the processes on it. */
export class PurgeCopy {
  readonly folder: string;
  readonly #calls: number;
  readonly #credentials: Credentials;
  readonly #processes: TacetProcess[];
  readonly #up = new Map<TacetProcess, Promise<void>>();

  constructor(of: { folder: string; calls: number; credentials: Credentials; processes: TacetProcess[] }) {
    this.folder = of.folder;
    this.#calls = of.calls;
    this.#credentials = of.credentials;
    this.#processes = of.processes;
  }

  /** Starts `tacet ARGS` on it, with short leases. */
  start(args: readonly string[], env: Record<string, string> = {}): TacetProcess {
    const leases = { TACET_JOB_LEASE: '1s', TACET_UPLOAD_LEASE: '1s' };
    // It purges nearly all that there is, which nobody is to approve first.
    const unguarded = { TACET_GUARD_CALLS: '0', TACET_GUARD_PERCENT: '0' };
    const started = startTacet(args, { ...lifeEnv(this.folder, leases), ...unguarded, ...env });
    this.#processes.push(started);
    this.#up.set(started, saysItIsUp(started));
    return started;
  }

  /** Resolves when a process says that it is up, or has ended: a signal that comes before ends it out of order. */
  async untilUp(process: TacetProcess): Promise<void> {
    await this.#up.get(process);
  }

  async client(server: TacetProcess): Promise<CreovaiClient> {
    const url = await server.listening;
    const { clientId, clientSecret } = this.#credentials;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    const answer = await fetch(`${url}/Token`, { method: 'POST', body: new URLSearchParams(form) });
    return new CreovaiClient(url, ((await answer.json()) as { access_token: string }).access_token);
  }

  /** Asks a server to purge the customer. Resolves with how it answered, or that the connection broke. */
  async purge(server: TacetProcess): Promise<number | string> {
    const client = await this.client(server);
    return await client.purge('/customer', { phoneNumber: phone }).then(
      (items) => items.length,
      (error: Error) => error.message,
    );
  }

  /** How the one erasure stands, asked again and again until it is as wanted. */
  async untilItems(isSo: (tally: ErasureTally) => boolean): Promise<ErasureTally> {
    const store = await openSqliteStore({ file: join(this.folder, 'home', 'db', 'tacet.sqlite') });
    try {
      let found: ErasureTally | undefined;
      await until(async () => {
        const [erasure] = await store.reads.erasures.page('', 1);
        found = erasure?.unreadableAt ? await store.reads.erasures.tally(erasure.id) : undefined;
        return found !== undefined && isSo(found);
      });
      if (found === undefined) throw new Error('no erasure has begun');
      return found;
    } finally {
      await store.close();
    }
  }

  /** Waits for a process to have finished the erasure; ends it; then looks at everything. */
  async expectFinishedBy(finisher: TacetProcess): Promise<void> {
    await this.untilUp(finisher);
    const tally = await this.untilItems((items) => items.verified === this.#calls);
    expect(tally).toMatchObject({ items: this.#calls, verified: this.#calls });
    await this.#untilJobsEnd();
    finisher.child.kill('SIGTERM');
    expect(await finisher.ended, finisher.errors()).toMatchObject({ code: 0, signal: null });
    const audit = await this.expectAtRest();
    expect(audit.filter((one) => one.event === 'erasure.completed')).toHaveLength(1);
  }

  /** Looks with a later process at all that must hold once nothing runs. Its neighbours play. Returns the audit trail. */
  async expectAtRest(): Promise<readonly AuditEntry[]> {
    const config = lifeConfig(this.folder);
    const app = await openApp(config, { log: silentLog, clock: { now: () => Date.now() + laterMs } });
    await app.prepare();
    while ((await sweepAbandonedUploads(app.engine)) > 0);
    await this.#expectNeighbours(app);
    const audit = await app.engine.store.reads.audit.page('', 10_000);
    await app.engine.rootKeys.seal();
    await app.engine.rootKeys.expire();
    await app.close();
    const looking = await openApp(config, { log: silentLog });
    await expectAtRest(looking, config);
    await looking.close();
    return audit;
  }

  async #untilJobsEnd(): Promise<void> {
    const store = await openSqliteStore({ file: join(this.folder, 'home', 'db', 'tacet.sqlite') });
    await until(async () => (await store.reads.jobs.nextRunAt()) === undefined);
    await store.close();
  }

  async #expectNeighbours({ engine }: App): Promise<void> {
    const [tenant] = await engine.store.reads.tenants.list();
    if (tenant === undefined) return;
    for (const call of neighbours) expect(await standingOf(engine, callerOf(tenant), call)).toBe('whole');
  }
}

async function saysItIsUp({ child, ended }: TacetProcess): Promise<void> {
  const up = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (/^(working|listening on .*)$/m.test(chunk.toString())) resolve();
    });
  });
  await Promise.race([up, ended]);
}
