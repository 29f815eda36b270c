import type { Faults } from '../lib/faults.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { Database } from './database.ts';
import { Patience, patiently } from './patience.ts';
import { outcomeOf, PostgresConnection, pooledRunner, type TransactionName } from './postgres-connection.ts';
import { isTwice } from './postgres-errors.ts';
import { endQuietly, newClient, PostgresPool } from './postgres-pool.ts';
import { Session } from './session.ts';
import { archiveLock } from './watch-connection.ts';
import type { WatchedServer } from './watched-server.ts';

export type PostgresDbOptions = {
  /** `postgres://...` of the primary. */
  url: string;
  /** Connections for writers, and as many again for readers: a write may read beside its own transaction. */
  connections: number;
  /** How long a transaction is tried again, after conflicts or while the server is away, before `store_busy`. */
  busyTimeoutMs: number;
  faults: Faults;
  /** Holds the archive for this process. Nothing is done without it, and nothing on a server that it does not stand on. */
  watch?: WatchedServer;
};

// A server that restarts is asked again soon, and not all the time.
const pauseMsMax = 250;

/**
 * A PostgreSQL database. The only place that opens its transactions, tries them again after conflicts and lost
 * connections, and finds out what became of a COMMIT that nobody answered.
 *
 * Transactions run side by side at READ COMMITTED; what must not is locked by who reads it (`SqlDialect.lock`).
 */
export class PostgresDb implements Database {
  readonly reads: Session;
  /** Only those wait that want the same rows; and whoever wants the topmost key page, for the second half of it. */
  readonly writeAimMs = 250;
  readonly #options: PostgresDbOptions;
  readonly #writers: PostgresPool;
  readonly #readers: PostgresPool;
  /** Transactions under way, those that wait for a connection included. */
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(options: PostgresDbOptions) {
    this.#options = options;
    this.#writers = new PostgresPool(options);
    this.#readers = new PostgresPool(options);
    this.reads = new Session(pooledRunner(this.#readers, (read) => this.#patiently(read)));
  }

  async write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return await this.#noted(this.#transact((run) => this.#onPooled(this.#writers, run), work));
  }

  /** No write of this database shares its transaction. */
  async writeAlone<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return await this.write(work);
  }

  async writeFresh<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return await this.#noted(this.#transact((run) => this.#onFresh(run), work));
  }

  async snapshot<T>(work: (session: Session) => Promise<T>): Promise<T> {
    this.#refuseClosed();
    this.#options.watch?.refuseLost();
    const taken = this.#onPooled(this.#readers, async (connection) => {
      await connection.beginSnapshot();
      const session = new Session(connection);
      try {
        return await work(session);
      } finally {
        session.end();
        await connection.rollback();
      }
    });
    return await this.#noted(taken);
  }

  /** Nothing to do: what lingers in the log is sealed under keys that are gone. */
  async checkpoint(): Promise<boolean> {
    return true;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#writers.end();
    this.reads.end();
    await this.#readers.end();
  }

  /** Has `close` wait for it. */
  async #noted<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  #refuseClosed(): void {
    if (this.#closing) throw new AppError('internal', { detail: 'the database is closed' });
  }

  #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { busyTimeoutMs, watch } = this.#options;
    return patiently(
      busyTimeoutMs,
      async () => {
        watch?.refuseLost();
        return await attempt();
      },
      { pauseMsMax },
    );
  }

  /** Runs attempts until one commits, or fails for good. */
  async #transact<T>(on: Connecting, work: (session: Session) => Promise<T>): Promise<T> {
    const patience = new Patience(this.#options.busyTimeoutMs, pauseMsMax);
    let cameTwice = false;
    this.#refuseClosed();
    for (;;) {
      try {
        this.#options.watch?.refuseLost();
        const result = await on((connection) => this.#attempt(connection, work));
        await this.#options.faults.at('store:committed');
        return result;
      } catch (error) {
        // Somebody has put a row under the same key since we looked; looking again shows it.
        const isFirst: boolean = isTwice(error) && !cameTwice;
        cameTwice ||= isFirst;
        if (!isFirst && !patience.allows(error)) throw error;
      }
      await patience.pause();
    }
  }

  async #attempt<T>(connection: PostgresConnection, work: (session: Session) => Promise<T>): Promise<T> {
    const name = await connection.begin(this.#options.watch?.isShared ? archiveLock : undefined);
    const session = new Session(connection);
    let result: T;
    try {
      result = await work(session);
      session.end();
      await this.#options.faults.at('store:before-commit');
    } catch (error) {
      session.end();
      await connection.rollback();
      throw error;
    }
    try {
      await connection.commit();
    } catch (error) {
      if (!connection.isLost) throw error;
      await this.#askOutcome(name);
    }
    return result;
  }

  /**
   * What became of a COMMIT whose answer was lost with the connection: returns where it was committed, throws `store_busy`,
   * so that it runs again, where it was not, and `store_failed` where that cannot be known.
   */
  async #askOutcome(name: TransactionName): Promise<void> {
    const outcome = await this.#patiently(async () => {
      const client = await newClient(this.#options);
      try {
        return await outcomeOf(client, name);
      } finally {
        await endQuietly(client);
      }
    }).catch((error: unknown) => {
      throw hasCode(error, 'store_busy') ? unknownOutcome(error) : error;
    });
    if (outcome === 'committed') return;
    if (outcome === 'unknown') throw unknownOutcome();
    throw new AppError('store_busy', { detail: 'the connection was lost before the commit' });
  }

  async #onPooled<T>(pool: PostgresPool, run: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    const connection = new PostgresConnection(client);
    try {
      return await run(connection);
    } finally {
      client.release(connection.isLost);
    }
  }

  async #onFresh<T>(run: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    const client = await newClient(this.#options);
    try {
      return await run(new PostgresConnection(client));
    } finally {
      await endQuietly(client);
    }
  }
}

/** Finds a connection for a piece of work. */
type Connecting = <T>(run: (connection: PostgresConnection) => Promise<T>) => Promise<T>;

function unknownOutcome(cause?: AppError): AppError {
  return new AppError('store_failed', { detail: 'nobody knows whether the last commit was done', cause });
}
