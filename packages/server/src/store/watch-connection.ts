import pg from 'pg';
import { steadyMs } from '../lib/clock.ts';
import type { ClockReading } from '../lib/followed-clock.ts';
import { within } from '../lib/within.ts';
import { AppError, Bug, hasCode } from '../model/errors.ts';
import { type HomeUse, inUse } from './home-lock.ts';
import { patiently } from './patience.ts';
import { columnTypes, readyConnection } from './postgres-connection.ts';
import { failureOfPostgres } from './postgres-errors.ts';
import { endQuietly } from './postgres-pool.ts';

/** For how long the server has been up, since its last crash if it has had one: then its statistics begin again. */
const upFor = `clock_timestamp() - greatest(pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter))`;

/** A session of the server, among all that it ever has. */
export type ServerSession = { pid: number; startedAt: string };

/**
 * The lock of the whole archive, one in each database, as the two integers of an advisory lock: "tace" in ASCII, and 1. Of
 * such pairs no other lock of the store is made (https://www.postgresql.org/docs/current/functions-admin.html, "Advisory
 * Lock Functions").
 */
export const archiveLock = '1952539493, 1';

/** Says that there may be work. Without a payload: nothing about it is worth telling the server's log. */
const channel = 'tacet_work';

// Whoever asks for the archive alone is in everybody's way for an instant, even where it is refused.
const lockPatienceMs = 1000;
const connectMsMax = 10_000;
/** A server that has not answered by then is as good as gone: a connection cut on its way ends without a word. */
const answerMsMax = 10_000;

/** The same text whatever the time zone of a session. */
const startedAt = 'CAST(extract(epoch FROM backend_start) AS TEXT)';

/**
 * A connection that holds the archive's lock for as long as it stands, hears what other processes say to each other, and
 * tells the server's time.
 */
export class WatchConnection {
  readonly session: ServerSession;
  /** Resolves with the reason when the connection is no more. */
  readonly over: Promise<AppError>;
  readonly #client: pg.Client;

  private constructor(client: pg.Client, session: ServerSession, over: Promise<AppError>) {
    this.#client = client;
    this.session = session;
    this.over = over;
  }

  /**
   * Connects and takes the lock. Throws `store_busy` with one of the sentences of `inUse` where somebody uses the archive
   * otherwise, and what else stands in the way: `store_busy` and `store_failed` may be over soon.
   *
   * @param heard called when another process says that there may be work.
   */
  static async open(url: string, use: HomeUse, heard: () => void): Promise<WatchConnection> {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'tacet watch',
      types: columnTypes,
      keepAlive: true,
      keepAliveInitialDelayMillis: answerMsMax,
      connectionTimeoutMillis: connectMsMax,
    });
    const over = endOf(client);
    try {
      await client.connect();
      const session = await inTime(ready(client, use));
      client.on('notification', ({ processId }) => {
        if (processId !== session.pid) heard();
      });
      return new WatchConnection(client, session, over);
    } catch (error) {
      await endQuietly(client);
      throw failureOfPostgres(error);
    }
  }

  /** Looks at the server's clock, which also shows that the connection stands; and for how long the server has been up. */
  async readClock(): Promise<ClockReading & { upMs: number }> {
    const askedAt = steadyMs();
    const ms = (time: string) => `CAST(extract(epoch FROM ${time}) * 1000 AS FLOAT8)`;
    const sql = `SELECT ${ms('clock_timestamp()')} AS now, ${ms(upFor)} AS up`;
    const [row] = (await this.#query<{ now: number; up: number }>(sql)).rows;
    if (row === undefined) throw new Bug('the server does not tell the time');
    return { askedAt, theirs: row.now, answeredAt: steadyMs(), upMs: row.up };
  }

  /** Says to the other processes that there may be work. */
  async tell(): Promise<void> {
    await this.#query(`NOTIFY ${channel}`);
  }

  /** Never fails. */
  async end(): Promise<void> {
    await endQuietly(this.#client);
  }

  async #query<R extends pg.QueryResultRow>(sql: string): Promise<pg.QueryResult<R>> {
    try {
      return await inTime(this.#client.query<R>(sql));
    } catch (error) {
      throw failureOfPostgres(error);
    }
  }
}

/** Everything that a new connection has to hear, or to be refused for. */
async function ready(client: pg.Client, use: HomeUse): Promise<ServerSession> {
  await readyConnection(client);
  await takeLock(client, use);
  const session = await sessionOf(client);
  await client.query(`LISTEN ${channel}`);
  return session;
}

async function takeLock(client: pg.Client, use: HomeUse): Promise<void> {
  const shared = `pg_try_advisory_lock_shared(${archiveLock})`;
  const wanted = use === 'shared' ? shared : `pg_try_advisory_lock(${archiveLock})`;
  const isTaken = async (lock: string) => {
    const { rows } = await client.query<{ taken: boolean }>(`SELECT ${lock} AS taken`);
    return rows[0]?.taken === true;
  };
  const takenInTime = patiently(lockPatienceMs, async () => {
    if (!(await isTaken(wanted))) throw new AppError('store_busy');
  });
  await takenInTime.catch(async (error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    const isElsewhereShared = use === 'alone' && (await isTaken(shared));
    throw new AppError('store_busy', { message: isElsewhereShared ? inUse.shared : inUse.alone });
  });
}

/** True where somebody uses the archive otherwise: not one of the things that are over in a moment. */
export function isInUse(error: unknown): boolean {
  return hasCode(error, 'store_busy') && Object.values(inUse).includes(error.message);
}

async function sessionOf(client: pg.Client): Promise<ServerSession> {
  const sql = `SELECT pid, ${startedAt} AS "startedAt" FROM pg_stat_activity WHERE pid = pg_backend_pid()`;
  const { rows } = await client.query<ServerSession>(sql);
  if (rows[0] === undefined) throw new Bug('the server does not know its own session');
  return rows[0];
}

/** True where `client` is connected to the server on which `session` stands. */
export async function isBeside(client: pg.ClientBase, session: ServerSession): Promise<boolean> {
  const sql = `SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE pid = $1 AND ${startedAt} = $2 AND datname = current_database()) AS "isBeside"`;
  const { rows } = await client.query<{ isBeside: boolean }>(sql, [session.pid, session.startedAt]);
  return rows[0]?.isBeside === true;
}

function endOf(client: pg.Client): Promise<AppError> {
  return new Promise((resolve) => {
    // Whatever it is, a connection that tells of an error out of turn is over.
    client.on('error', (error) => resolve(error instanceof pg.DatabaseError ? failureOfPostgres(error) : ended(error)));
    client.on('end', () => resolve(ended()));
  });
}

function ended(cause?: Error): AppError {
  return new AppError('store_busy', { detail: 'the connection has ended', cause });
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  return await within(answerMsMax, answer, () => new AppError('store_busy', { detail: 'the server does not answer' }));
}
