import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import {
  type CompiledQuery,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { makeFolder, syncFolder } from '../lib/durable-files.ts';
import { nextTurn } from '../lib/next-turn.ts';
import { AppError, Bug, type ErrorCode } from '../model/errors.ts';
import { DatabaseFiles, fileFailure } from './database-files.ts';
import { sqliteDialect } from './dialect.ts';
import { StatementDriver } from './kysely-driver.ts';
import type { Parameter, SqlConnection } from './session.ts';
import type { Tables } from './tables.ts';

/** A `read` connection cannot write, and lets the event loop turn while it is read from without a pause. */
export type ConnectionRole = 'read' | 'write';

type Statement = Database.Statement<unknown[]>;

// Twice what the store's own texts come to.
const statementsMax = 512;
// A reader waits only for a neighbour who recovers the log, which takes milliseconds.
const readTimeoutMs = 10_000;
const readStretchMsMax = 10;

/**
 * Creates the file (mode 0600) and its folder (mode 0700), durably, where they are missing, and keeps others out. Throws
 * `store_failed` with the system's word where it cannot.
 */
export async function prepareSqliteFile(file: string): Promise<void> {
  try {
    await makeFolder(dirname(file));
    try {
      // Only ever a new file: closing one that is open elsewhere in this process would drop SQLite's locks on it.
      closeSync(openSync(file, 'wx', 0o600));
    } catch (error) {
      if (!existsSync(file)) throw error;
    }
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    await syncFolder(dirname(file));
  } catch (error) {
    throw fileFailure(error);
  }
}

/**
 * One connection to a SQLite file, which must exist.
 *
 * better-sqlite3 is synchronous: a statement has run when its promise is made. A write transaction never waits for
 * another process here, since that would stop this one: it fails with `store_busy`, and `db.ts` tries again.
 *
 * Every failure of SQLite is an AppError with SQLite's own code as detail: `store_busy`, `store_failed` where the disk or
 * the system is at fault, else `internal`. A statement that cannot be run at all is a Bug.
 *
 * A write transaction begins only while the files that were opened still have their names and may be written. SQLite
 * itself would go on writing into a database that somebody has moved, removed or replaced, and lose it with the process.
 */
export class SqliteConnection implements SqlConnection {
  readonly dialect = sqliteDialect;
  readonly builder: Kysely<Tables>;
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Statement>();
  readonly #isReader: boolean;
  readonly #files: DatabaseFiles;
  /** When the reads began that the event loop has not turned since; undefined when it has. */
  #stretchBegan: number | undefined;

  constructor(file: string, role: ConnectionRole) {
    this.#isReader = role === 'read';
    this.#files = new DatabaseFiles(file);
    this.#database = attempt(() => openDatabase(file, role));
    this.builder = new Kysely({ dialect: kyselyDialect(this) });
  }

  async rows(sql: string, parameters: readonly unknown[]): Promise<unknown[]> {
    if (this.#isRestDue()) await nextTurn();
    return attempt(() => this.#prepare(sql).all(parameters));
  }

  async change(sql: string, parameters: readonly Parameter[]): Promise<number> {
    return attempt(() => this.#prepare(sql).run(parameters).changes);
  }

  /** Runs what the query builder made. */
  async execute(query: CompiledQuery): Promise<QueryResult<unknown>> {
    if (this.#isRestDue()) await nextTurn();
    return attempt(() => {
      const statement = this.#prepare(query.sql);
      if (statement.reader) return { rows: statement.all(query.parameters) };
      return { rows: [], numAffectedRows: BigInt(statement.run(query.parameters).changes) };
    });
  }

  async begin(kind: 'read' | 'write'): Promise<void> {
    if (kind === 'write') this.#files.check();
    attempt(() => {
      this.#prepare(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN').run();
      // A read transaction begins with its first read.
      if (kind === 'read') this.#prepare('SELECT count(*) FROM sqlite_schema').all();
    });
    if (kind === 'write') this.#files.noteLog();
  }

  async commit(): Promise<void> {
    attempt(() => this.#prepare('COMMIT').run());
  }

  async rollback(): Promise<void> {
    if (this.#database.inTransaction) attempt(() => this.#prepare('ROLLBACK').run());
  }

  async savepoint(): Promise<void> {
    // Outside a transaction SQLite takes it for the beginning of one, and its release for the commit.
    if (!this.#database.inTransaction)
      throw new AppError('internal', { detail: 'the transaction has ended by itself' });
    attempt(() => this.#prepare('SAVEPOINT work').run());
  }

  async release(): Promise<void> {
    attempt(() => this.#prepare('RELEASE work').run());
  }

  async undo(): Promise<boolean> {
    if (!this.#database.inTransaction) return false;
    attempt(() => this.#prepare('ROLLBACK TO work').run());
    await this.release();
    return true;
  }

  async checkpoint(): Promise<boolean> {
    return attempt(() => this.#database.pragma('wal_checkpoint(TRUNCATE)', { simple: true })) === 0;
  }

  async close(): Promise<void> {
    attempt(() => this.#database.close());
  }

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    // Put back at the end, so that the first one is always the one that was not used for longest.
    if (known) this.#statements.delete(sql);
    const statement = known ?? this.#database.prepare<unknown[]>(sql);
    this.#statements.set(sql, statement);
    if (this.#statements.size > statementsMax) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    return statement;
  }

  /** Promises that are kept at once never let the event loop turn, so a long walk through pages would stop the server. */
  #isRestDue(): boolean {
    if (!this.#isReader) return false;
    if (this.#stretchBegan !== undefined) return performance.now() - this.#stretchBegan >= readStretchMsMax;
    this.#stretchBegan = performance.now();
    void nextTurn().then(() => {
      this.#stretchBegan = undefined;
    });
    return false;
  }
}

function openDatabase(file: string, role: ConnectionRole): Database.Database {
  const isReader = role === 'read';
  const timeout = isReader ? readTimeoutMs : 0;
  const database = new Database(file, { fileMustExist: true, readonly: isReader, timeout });
  try {
    const mode = database.pragma(isReader ? 'journal_mode' : 'journal_mode = WAL', { simple: true });
    // Some network file systems cannot, and SQLite then goes on without a word.
    if (mode !== 'wal') throw new AppError('internal', { detail: `the journal mode is ${mode}, not wal` });
    for (const pragma of isReader ? readerPragmas : writerPragmas) database.pragma(pragma);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

const readerPragmas = ['temp_store = MEMORY', 'foreign_keys = OFF'];
/** Besides WAL, what every writer sets. Exported so that a baseline can be given the same promises to keep. */
export const writerPragmas: readonly string[] = [
  'synchronous = FULL',
  'secure_delete = ON',
  'temp_store = MEMORY',
  'foreign_keys = OFF',
  // In KiB: an erasure of thousands touches tens of thousands of pages, and what does not fit is written twice.
  'cache_size = -65536',
  // In pages: 4 MiB, SQLite's own default, said here because it matters. A checkpoint inside a commit stalls everybody, for
  // longer the more there is to copy; four times as much at a time stalls more than twice as long and saves nothing.
  'wal_autocheckpoint = 1000',
];

/** Kysely's view of one connection. */
function kyselyDialect(connection: SqliteConnection) {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new StatementDriver(connection),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function attempt<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (!(error instanceof Database.SqliteError)) throw new Bug('a statement could not be run', { cause: error });
    throw new AppError(codeOfSqlite(error.code), { detail: error.code, cause: error });
  }
}

/** SQLite's result codes (https://www.sqlite.org/rescode.html), the extended ones by what they begin with. */
function codeOfSqlite(code: string): ErrorCode {
  const [, primary = ''] = /^SQLITE_([A-Z]+)/.exec(code) ?? [];
  if (primary === 'BUSY' || primary === 'LOCKED' || primary === 'PROTOCOL') return 'store_busy';
  // The only triggers there are close a database.
  if (code === 'SQLITE_CONSTRAINT_TRIGGER') return 'archive_moved';
  return outsideFailures.has(primary) ? 'store_failed' : 'internal';
}

/** What the disk, its rights or the system's limits bring about: over as soon as somebody puts that right. */
const outsideFailures = new Set(['FULL', 'IOERR', 'READONLY', 'CANTOPEN', 'NOMEM', 'NOLFS', 'PERM']);
