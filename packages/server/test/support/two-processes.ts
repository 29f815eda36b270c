/** Two processes on one archive in PostgreSQL, of which the one can be stopped in the middle of a transaction. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Caller } from '../../src/engine/context.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from './harness.ts';
import { adminQuery, type PostgresServer, type TestDatabase } from './postgres.ts';
import { newMigratedDatabase } from './postgres-stores.ts';
import { until } from './until.ts';

/** Stops whoever comes with it just before a commit, once: the first one after the fault point, or the very first. */
class Hold {
  readonly reached: Promise<void>;
  readonly #after: string | undefined;
  #isDue: boolean;
  #tellReached: () => void = () => undefined;
  #goOn: () => void = () => undefined;
  readonly #told: Promise<void>;

  constructor(after: string | undefined) {
    this.#after = after;
    this.#isDue = after === undefined;
    this.reached = new Promise((resolve) => {
      this.#tellReached = resolve;
    });
    this.#told = new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  async at(point: string): Promise<void> {
    if (point === this.#after) this.#isDue = true;
    if (point !== 'store:before-commit' || !this.#isDue) return;
    this.#isDue = false;
    this.#tellReached();
    await this.#told;
  }

  goOn(): void {
    this.#goOn();
  }
}

export class TwoProcesses {
  readonly one: TestApp;
  readonly other: TestApp;
  readonly #server: PostgresServer;
  readonly #database: TestDatabase;
  readonly #folder: string;
  /** Tells the work that is to be stopped from all else that its process does. */
  readonly #holds: AsyncLocalStorage<Hold>;
  readonly #lapse: (ms: number) => void;

  static async start(server: PostgresServer): Promise<TwoProcesses> {
    const database = await newMigratedDatabase(server);
    const folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
    const holds = new AsyncLocalStorage<Hold>();
    const env = { TACET_BACKUP_HORIZON: '0', TACET_DATABASE_URL: database.url };
    const faults = { at: async (point: string) => await holds.getStore()?.at(point) };
    let lapsedMs = 0;
    const clock = { now: () => Date.now() + lapsedMs };
    const one = await startApp({ folder, env, faults });
    const other = await startApp({ folder, env, clock, workers: 0 });
    const lapse = (ms: number) => {
      lapsedMs += ms;
    };
    return new TwoProcesses({ one, other, server, database, folder, holds, lapse });
  }

  private constructor(parts: {
    one: TestApp;
    other: TestApp;
    server: PostgresServer;
    database: TestDatabase;
    folder: string;
    holds: AsyncLocalStorage<Hold>;
    lapse: (ms: number) => void;
  }) {
    this.one = parts.one;
    this.other = parts.other;
    this.#server = parts.server;
    this.#database = parts.database;
    this.#folder = parts.folder;
    this.#holds = parts.holds;
    this.#lapse = parts.lapse;
  }

  get caller(): Caller {
    return this.one.caller();
  }

  /** Sets the clock of the other process forward. */
  lapse(ms: number): void {
    this.#lapse(ms);
  }

  /**
   * Lets two pieces of work meet. `first` is stopped before it commits what it does next after the fault point `after`, or
   * its first transaction. Then `second` begins, and when it has come to its end, or to where it waits for the first, that
   * goes on. Tells how both ended.
   */
  async meet<A, B>(
    first: () => Promise<A>,
    second: () => Promise<B>,
    { after }: { after?: string } = {},
  ): Promise<[PromiseSettledResult<A>, PromiseSettledResult<B>]> {
    const hold = new Hold(after);
    const begun = this.#holds.run(hold, first);
    await Promise.race([hold.reached, begun.then(notStopped)]);
    const [began] = await adminQuery(this.#server, 'SELECT clock_timestamp()::text AS at', []);
    const met = second();
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    met.then(over, over);
    await until(async () => isOver || (await this.#isAnybodyWaiting(began?.['at'])));
    hold.goOn();
    const [a, b] = await Promise.allSettled([begun, met]);
    return [a, b];
  }

  /** Waits until all is done, expects a clean `fsck`, and closes. */
  async end(): Promise<void> {
    try {
      await untilQuiet(this.one.engine);
      expect((await fsck(this.one.engine, { deep: true })).problems).toEqual([]);
    } finally {
      await this.other.close();
      await this.one.close();
      await this.#database.remove();
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  /**
   * For what a transaction has that has stood still since then: the one that is stopped. The background of both processes
   * waits for its own locks now and then, as one of the two chains the audit rows.
   */
  async #isAnybodyWaiting(since: unknown): Promise<boolean> {
    const name = new URL(this.#database.url).pathname.slice(1);
    const sql = `SELECT waiting.pid FROM pg_stat_activity waiting
      JOIN pg_stat_activity stopped ON stopped.pid = ANY(pg_blocking_pids(waiting.pid))
      WHERE waiting.datname = $1 AND waiting.wait_event_type = 'Lock'
        AND stopped.state = 'idle in transaction' AND stopped.state_change < $2::timestamptz`;
    return (await adminQuery(this.#server, sql, [name, since])).length > 0;
  }
}

function notStopped(): never {
  throw new Error('the first has ended without a commit to be stopped before');
}
