import type { CompiledQuery, QueryResult } from 'kysely';
import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import pg from 'pg';
import { AppError, Bug } from '../model/errors.ts';
import { postgresDialect } from './dialect.ts';
import { StatementDriver } from './kysely-driver.ts';
import { failureOfPostgres, isConnectionLost } from './postgres-errors.ts';
import type { Parameter, SqlRunner } from './session.ts';
import type { Tables } from './tables.ts';

/** A transaction's number, and since when the server runs that gave it: by these it can be asked later what became of it. */
export type TransactionName = { xid: string; serverRun: string };

/** What a driver's client and its pool have in common. */
type Queryable = { query(query: pg.QueryConfig): Promise<pg.QueryResult> };

/** Oldest server that has what the statements use, as it numbers itself. */
const serverVersionMin = 140_000;

// Named statements stay prepared on every connection. Texts differ in few sizes of batches; what comes after is not named.
const namedMax = 1000;

/** Texts as PostgreSQL takes them, `$1` for `?`. The same text has the same name on every connection. */
const statements = new Map<string, { text: string; name?: string }>();

function statementOf(sql: string): { text: string; name?: string } {
  const known = statements.get(sql);
  if (known) return known;
  let count = 0;
  const text = sql.replace(/\?/g, () => {
    count += 1;
    return `$${count}`;
  });
  if (statements.size >= namedMax) return { text };
  const statement = { text, name: `t${statements.size}` };
  statements.set(sql, statement);
  return statement;
}

/** Numbers above 2^53 are of no use to anybody here: ids, slots and times in ms are below. */
function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Bug('the database answers with a number that is none of ours');
  return value;
}

/**
 * Tells one run of the server from every other, its own after a crash included: when one of its processes dies badly, all
 * connections end and it recovers from its log without being started anew, but its statistics begin again
 * (https://www.postgresql.org/docs/current/monitoring-stats.html). The same text whatever the time zone of a session.
 */
const serverRun = `concat(extract(epoch FROM pg_postmaster_start_time()), ' ',
  (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter))`;

/** What each connection is to: a process of the server, by its id, and the run of that server, which it does not outlive. */
const backends = new WeakMap<pg.ClientBase, { run: string; pid: number }>();

const int8 = 20;
const numeric = 1700;

/** How columns are read: integers and sums as numbers, the rest as the driver does. */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === int8 || oid === numeric) return wholeNumber;
    return pg.types.getTypeParser(oid, format);
  },
};

/** Statements on a client, or on whichever of a pool is free. */
class QueryRunner implements SqlRunner {
  readonly dialect = postgresDialect;
  readonly builder: Kysely<Tables>;
  readonly #run: (query: pg.QueryConfig) => Promise<pg.QueryResult>;

  constructor(run: (query: pg.QueryConfig) => Promise<pg.QueryResult>) {
    this.#run = run;
    this.builder = new Kysely({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new StatementDriver(this),
        createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    });
  }

  async rows(sql: string, parameters: readonly Parameter[]): Promise<unknown[]> {
    return (await this.#run({ ...statementOf(sql), values: [...parameters] })).rows;
  }

  async change(sql: string, parameters: readonly Parameter[]): Promise<number> {
    return (await this.#run({ ...statementOf(sql), values: [...parameters] })).rowCount ?? 0;
  }

  /** Runs what the query builder made. */
  async execute(query: CompiledQuery): Promise<QueryResult<unknown>> {
    const result = await this.#run({ text: query.sql, values: [...query.parameters] });
    return { rows: result.rows, numAffectedRows: BigInt(result.rowCount ?? 0) };
  }
}

/** Reads, each on whichever connection of a pool is free, each seeing the last committed state. */
export function pooledRunner(pool: Queryable, patiently: <T>(read: () => Promise<T>) => Promise<T>): SqlRunner {
  return new QueryRunner((query) => patiently(async () => await mapped(pool.query(query))));
}

/** One connection, for a transaction. Failures are AppErrors (`failureOfPostgres`). */
export class PostgresConnection extends QueryRunner {
  readonly #client: pg.ClientBase;
  #isLost = false;

  constructor(client: pg.ClientBase) {
    super((query) => this.#query(query));
    this.#client = client;
  }

  /** True once the connection has failed: what was said over it last may or may not have been done. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * Begins a write transaction, which has its number from the start so that its outcome can be asked for. With `sharing`, the
   * name of a lock in SQL, it shares that lock, and throws `store_busy` where somebody has it alone.
   */
  async begin(sharing: string | undefined): Promise<TransactionName> {
    const begun = 'BEGIN ISOLATION LEVEL READ COMMITTED';
    const shares = sharing === undefined ? 'true' : `pg_try_advisory_xact_lock_shared(${sharing})`;
    // Two statements in one message answer with two results, which the driver's types do not say.
    const answer: unknown = await this.#query({
      text: `${begun}; SELECT pg_current_xact_id()::text AS xid, pg_backend_pid() AS pid, ${shares} AS shares`,
    });
    const [
      ,
      {
        rows: [row],
      } = { rows: [] },
    ] = answer as pg.QueryResult<{ xid: string; pid: number; shares: boolean }>[];
    if (row === undefined) throw new Bug('a transaction has no number');
    const { run, pid } = backendOf(this.#client);
    // Never of one that is the server's own, or pooled by session.
    if (row.pid !== pid) {
      await this.rollback();
      throw sharedOut();
    }
    if (!row.shares) {
      await this.rollback();
      throw new AppError('store_busy', { detail: 'somebody has the archive alone' });
    }
    return { xid: row.xid, serverRun: run };
  }

  /** Begins reads that all see the instant of this call: their snapshot is taken by the first statement. */
  async beginSnapshot(): Promise<void> {
    await this.#query({ text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1' });
  }

  async commit(): Promise<void> {
    const { command } = await this.#query({ text: 'COMMIT' });
    // A statement failed and nobody minded: PostgreSQL has undone everything, and says so in one word.
    if (command !== 'COMMIT') throw new AppError('internal', { detail: 'the transaction was rolled back' });
  }

  /** Never fails: a connection that cannot even do this is lost, and its transaction with it. */
  async rollback(): Promise<void> {
    if (this.#isLost) return;
    try {
      await this.#query({ text: 'ROLLBACK' });
    } catch {
      this.#isLost = true;
    }
  }

  async #query(query: pg.QueryConfig): Promise<pg.QueryResult> {
    try {
      return await this.#client.query(query);
    } catch (error) {
      // What the driver says by itself, it says of a connection that it has given up.
      if (!(error instanceof pg.DatabaseError) || isConnectionLost(error)) this.#isLost = true;
      throw failureOfPostgres(error);
    }
  }
}

/**
 * What became of a transaction, asked of the server that there is now. Throws `store_busy` while it is not over: the old
 * connection's end of it may not have noticed yet that nobody listens.
 *
 * A server that was started since, or that took another's place, may have given the number a second time where the log of
 * the first was lost before it was on disk. So of such a one only a number that is not committed says something: had ours
 * been, nobody else would have got it.
 */
export async function outcomeOf(
  client: pg.ClientBase,
  { xid, serverRun: run }: TransactionName,
): Promise<'committed' | 'not committed' | 'unknown'> {
  // A number that the server has not given yet is refused as an argument, so it is not asked for.
  const sql = 'SELECT $1::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) AS "isToCome"';
  const [server] = (await mapped(client.query<{ isToCome: boolean }>(sql, [xid]))).rows;
  if (server === undefined) throw new Bug('the server does not answer');
  const isSame = backendOf(client).run === run;
  if (server.isToCome && !isSame) return 'not committed';
  const asked = await mapped(
    client.query<{ status: string | null }>('SELECT pg_xact_status($1::text::xid8) AS status', [xid]),
  );
  const status = asked.rows[0]?.status;
  if (status === 'in progress' && isSame) throw new AppError('store_busy', { detail: 'commit under way' });
  if (status === 'in progress' || status === 'aborted') return 'not committed';
  return status === 'committed' && isSame ? 'committed' : 'unknown';
}

async function mapped<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw failureOfPostgres(error);
  }
}

/** What `readyConnection` asks a new connection about its server, in one statement. */
type Found = { isReplica: boolean; version: number; run: string; pid: number; hasLocks: boolean };

/** Has commits wait for the disk even where the server's settings do not; stricter settings are kept. */
const durableCommits = `CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
  ELSE current_setting('synchronous_commit') END`;

/** Timeouts of one connection, by their names in PostgreSQL, in ms. */
export type ConnectionTimeouts = { lock_timeout?: number; idle_in_transaction_session_timeout?: number };

/**
 * Refuses a server that must not be used: a replica shows what was committed a while ago, and an old server lacks what the
 * statements use. Refuses a pooler that gives one connection of the server to several of ours in turn, by the locks that are
 * held on it though this one has taken none: the archive's belongs to a connection for as long as this stands. Once for every
 * new connection.
 *
 * Timeouts are set here: told when a connection begins, they would be refused by poolers that do not know them.
 */
export async function readyConnection(client: pg.ClientBase, timeouts: ConnectionTimeouts = {}): Promise<void> {
  const set = Object.entries(timeouts).map(([name, ms]) => `, set_config('${name}', '${ms}', false)`);
  const { rows } = await client.query<Found>(
    `SELECT pg_is_in_recovery() AS "isReplica", current_setting('server_version_num')::int AS version,
      ${serverRun} AS run, pg_backend_pid() AS pid,
      EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS "hasLocks",
      set_config('synchronous_commit', ${durableCommits}, false)${set.join('')}`,
  );
  const [server] = rows;
  // While another takes over, the old address may for a moment lead to a replica.
  if (server?.isReplica !== false) throw new AppError('store_busy', { detail: 'the server is a replica' });
  if (server.version < serverVersionMin) {
    throw new AppError('config_invalid', { message: 'TACET_DATABASE_URL: the server is older than PostgreSQL 14' });
  }
  if (server.hasLocks) throw sharedOut();
  backends.set(client, server);
}

function backendOf(client: pg.ClientBase): { run: string; pid: number } {
  const backend = backends.get(client);
  if (backend === undefined) throw new Bug('a connection is used that was not made ready');
  return backend;
}

function sharedOut(): AppError {
  const message = 'TACET_DATABASE_URL: a pooler shares out the connections of the server; it must pool by session';
  return new AppError('config_invalid', { message });
}
