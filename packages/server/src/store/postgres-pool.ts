import type { Socket } from 'node:net';
import pg from 'pg';
import { within } from '../lib/within.ts';
import { AppError } from '../model/errors.ts';
import { columnTypes, readyConnection } from './postgres-connection.ts';
import { failureOfPostgres, isConnectionLost } from './postgres-errors.ts';
import type { WatchedServer } from './watched-server.ts';

export type ConnectingOptions = {
  /** `postgres://...` of the primary. */
  url: string;
  /** How long a connection may take, and how long a statement waits for a lock, in ms. */
  busyTimeoutMs: number;
  /** Refuses servers other than the one on which this process holds the archive. */
  watch?: WatchedServer;
};

/**
 * Ends what a process that stands still holds, so that everybody else goes on. Longer than anything of ours takes under a
 * lock, which is waiting for a vault that does not show its key (10 s).
 */
const idleInTransactionMs = 25_000;
/** After so long a silence the system asks whether the other end is still there. */
const keepAliveAfterMs = 10_000;
/** How long the end of a connection may take. */
const goodbyeMsMax = 500;

/** Connections to the server, kept for whoever needs one next. Failures are AppErrors (`failureOfPostgres`). */
export class PostgresPool {
  readonly #pool: pg.Pool;
  readonly #inUse = new Set<pg.ClientBase>();
  /** Connections that lead where the archive is held. */
  #proved = new WeakSet<pg.ClientBase>();

  constructor(options: ConnectingOptions & { connections: number }) {
    this.#pool = new pg.Pool({
      ...settingsOf(options),
      max: options.connections,
      verify: (client, done) => {
        const proved = this.#proved;
        ready(options, client).then(
          () => {
            proved.add(client);
            done();
          },
          (error: Error) => done(error),
        );
      },
    });
    // An idle connection that ends is replaced when it is needed. One in use says so to its next statement: unheard, what it
    // says between two would end the process.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
    this.#pool.on('acquire', (client) => this.#inUse.add(client));
    this.#pool.on('release', (_error, client) => this.#inUse.delete(client));
    // A server that is gone without a word would have its statements waited for, and their connections, without an end.
    options.watch?.onLost(() => {
      for (const client of this.#inUse) cut(client);
    });
    // The server was found again, and may be another one: connections made before are used no more.
    options.watch?.onFound(() => {
      this.#proved = new WeakSet();
    });
  }

  /** A connection that is the caller's until it is released. */
  async connect(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.#pool.connect().catch((error: unknown) => {
        throw failureOfPostgres(error);
      });
      if (this.#proved.has(client)) return client;
      client.release(true);
    }
  }

  /** A statement by itself. */
  async query(query: pg.QueryConfig): Promise<pg.QueryResult> {
    const client = await this.connect();
    let failure: unknown;
    try {
      return await client.query(query);
    } catch (error) {
      failure = error;
      throw failureOfPostgres(error);
    } finally {
      // A statement that the server refused leaves the connection as it was.
      client.release(failure !== undefined && (!(failure instanceof pg.DatabaseError) || isConnectionLost(failure)));
    }
  }

  /** Waits for those in use. */
  async end(): Promise<void> {
    await this.#pool.end();
  }
}

/** A connection opened for one purpose. Whoever asked for it ends it by `endQuietly`. */
export async function newClient(options: ConnectingOptions): Promise<pg.Client> {
  const client = new pg.Client(settingsOf(options));
  client.on('error', () => undefined);
  const forget = options.watch?.onLost(() => cut(client));
  client.once('end', () => forget?.());
  try {
    await client.connect();
    await ready(options, client);
    return client;
  } catch (error) {
    await endQuietly(client);
    throw failureOfPostgres(error);
  }
}

/** Ends a connection. A server that does not answer is not waited for. */
export async function endQuietly(client: pg.Client): Promise<void> {
  await within(goodbyeMsMax, client.end(), () => new AppError('store_busy')).catch(() => cut(client));
}

/** Ends a connection at once, and with it what waits for an answer over it. */
function cut(client: pg.ClientBase): void {
  // The driver's types do not name the socket; every client of it has one.
  (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
}

async function ready({ busyTimeoutMs, watch }: ConnectingOptions, client: pg.ClientBase): Promise<void> {
  await readyConnection(client, {
    lock_timeout: busyTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
  });
  await watch?.refuseOther(client);
}

function settingsOf({ url, busyTimeoutMs }: ConnectingOptions): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'tacet',
    types: columnTypes,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    connectionTimeoutMillis: busyTimeoutMs,
  };
}
