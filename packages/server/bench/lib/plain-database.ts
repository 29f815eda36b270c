import Database from 'better-sqlite3';

/** The pragmas of the archive's own writer (`store/sqlite-driver.ts`), so that a baseline has the same promises to keep. */
const pragmas = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'secure_delete = ON',
  'temp_store = MEMORY',
  'foreign_keys = OFF',
  'cache_size = -65536',
  'wal_autocheckpoint = 16384',
];

/** A SQLite database by the bare driver, created where it is missing. */
export function openPlainDatabase(file: string): Database.Database {
  const database = new Database(file);
  for (const pragma of pragmas) database.pragma(pragma);
  return database;
}

/** Empties the write-ahead log, so that the next measurement begins where the last one did. */
export function checkpointPlain(database: Database.Database): void {
  database.pragma('wal_checkpoint(TRUNCATE)');
}
