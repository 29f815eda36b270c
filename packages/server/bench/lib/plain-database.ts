import Database from 'better-sqlite3';
import { writerPragmas } from '../../src/store/sqlite-driver.ts';

/**
 * A SQLite database by the bare driver, created where it is missing. It has the pragmas of the archive's own writer, so
 * that a baseline has the same promises to keep.
 */
export function openPlainDatabase(file: string): Database.Database {
  const database = new Database(file);
  for (const pragma of ['journal_mode = WAL', ...writerPragmas]) database.pragma(pragma);
  return database;
}

/** Empties the write-ahead log, so that the next measurement begins where the last one did. */
export function checkpointPlain(database: Database.Database): void {
  database.pragma('wal_checkpoint(TRUNCATE)');
}
