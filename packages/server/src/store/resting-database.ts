import { existsSync, rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { nextTurn } from '../lib/next-turn.ts';
import { AppError } from '../model/errors.ts';
import type { TopRow } from '../model/key-store.ts';
import { toTop } from './rows.ts';
import type { Row } from './tables.ts';

/** A finished recording as a database names it. */
export type NamedRecording = { name: string; sizeBytes: number };

const recordingsPerPage = 500;

/**
 * A SQLite file that nobody writes to, opened to be read: a backup, or the database of a home that is held alone.
 *
 * Nothing is changed, and nothing is left beside the file that was not there before. The caller sees to it that nobody
 * else opens it meanwhile. What the file does not hold is `damage`; one that cannot be read is `store_failed`.
 */
export class RestingDatabase {
  readonly #database: Database.Database;
  readonly #strangers: readonly string[];
  readonly #log: string;

  private constructor(database: Database.Database, file: string, strangers: readonly string[]) {
    this.#database = database;
    this.#log = `${file}-wal`;
    this.#strangers = strangers;
  }

  /** Opens the file, which must be there. A log beside it is read too. */
  static open(file: string): RestingDatabase {
    // Even a reader makes these for a database whose journal mode is WAL, and cannot remove them again by itself.
    const strangers = [`${file}-wal`, `${file}-shm`].filter((name) => !existsSync(name));
    const database = attempt(() => new Database(file, { fileMustExist: true, readonly: true }));
    return new RestingDatabase(database, file, strangers);
  }

  /** The archive's row. */
  top(): TopRow {
    const sql = 'SELECT archive_id, key_id, generation, sealed_at, is_restoring, next_leaf, page FROM archive';
    const row = attempt(() => this.#database.prepare<[], Omit<Row<'archive'>, 'one'>>(sql).get());
    if (row === undefined) throw new AppError('damage', { detail: 'the database has no archive row' });
    return toTop(row);
  }

  /** Name of the last migration that the schema has seen. */
  lastMigration(): string {
    const sql = 'SELECT name FROM migration ORDER BY name DESC LIMIT 1';
    const row = attempt(() => this.#database.prepare<[], Row<'migration'>>(sql).get());
    if (row === undefined) throw new AppError('damage', { detail: 'the database has no schema' });
    return row.name;
  }

  /** Every recording that was stored to its end, by slot, in pages. */
  async *recordings(): AsyncGenerator<NamedRecording[]> {
    const sql = `SELECT slot, blob AS name, blob_bytes AS sizeBytes FROM artifact
      WHERE slot > ? AND blob IS NOT NULL AND blob_bytes IS NOT NULL ORDER BY slot LIMIT ?`;
    const page = attempt(() => this.#database.prepare<[number, number], NamedRecording & { slot: number }>(sql));
    let after = -1;
    for (;;) {
      const rows = attempt(() => page.all(after, recordingsPerPage));
      if (rows.length === 0) return;
      after = rows.at(-1)?.slot ?? after;
      yield rows.map(({ name, sizeBytes }) => ({ name, sizeBytes }));
      await nextTurn();
    }
  }

  /** Reads every page and every index. Throws `damage` unless all is as it must be. Takes about as long as reading the file. */
  proveWhole(): void {
    const found = attempt(() => this.#database.pragma('integrity_check(1)', { simple: true }));
    if (found !== 'ok') throw new AppError('damage', { detail: 'the database fails its integrity check' });
  }

  close(): void {
    this.#database.close();
    // A log with something in it is somebody else's after all.
    if ((statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0) > 0 && this.#strangers.includes(this.#log)) return;
    for (const name of this.#strangers) rmSync(name, { force: true });
  }
}

function attempt<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw failureOf(error);
  }
}

/** No table of ours, no database, or a broken one: none of these will do what a database of ours does. */
const damages = /^SQLITE_(ERROR|NOTADB|CORRUPT)/;

function failureOf(error: unknown): AppError {
  const detail = error instanceof Database.SqliteError ? error.code : 'the file cannot be opened';
  return new AppError(damages.test(detail) ? 'damage' : 'store_failed', { detail, cause: error });
}
