import { join } from 'node:path';
import Database from 'better-sqlite3';
import { AppError, hasCode } from '../model/errors.ts';
import { patiently } from './patience.ts';
import { prepareSqliteFile } from './sqlite-driver.ts';

/** `shared`: one of any number that use the home. `alone`: nobody else may. */
export type HomeUse = 'shared' | 'alone';

/** What whoever is refused is told, by how it is in use. */
export const inUse: Readonly<Record<HomeUse, string>> = {
  shared: 'A server or command is using this home; stop it first',
  alone: 'A restore is under way; try again when it has ended',
};

/** A home in use, until `release`. Releasing twice is fine. */
export type HeldHome = { release(): Promise<void> };

/** In the home: an empty database that nobody ever writes to. Only its locks mean something. */
const lockFile = 'in-use.sqlite';

// Whoever asks for the home alone is in everybody's way for an instant, even where it is refused.
const patienceMs = 1000;

/** A connection that is forgotten would be closed, and its lock dropped, whenever memory is cleaned up. */
const held = new Set<Database.Database>();

/**
 * Marks a home (a folder, made where it is missing) as in use, whatever state its database is in.
 *
 * Throws `store_busy`, saying who has it, when somebody uses it otherwise: for `shared` a holder alone, for `alone` any
 * holder. Holders may be in this process or in others; what a killed process held is free at once. Throws
 * `store_failed` where the home, or its lock file, cannot be used.
 *
 * An open transaction on a file with a rollback journal is a lock of the operating system, which ends with its process.
 * NOTE: nothing but SQLite may open that file: a process that closes any descriptor of a file drops all its locks on it.
 */
export async function holdHome(home: string, use: HomeUse): Promise<HeldHome> {
  const file = join(home, lockFile);
  await prepareSqliteFile(file);
  try {
    return await patiently(patienceMs, async () => take(file, use));
  } catch (error) {
    throw hasCode(error, 'store_busy')
      ? new AppError('store_busy', { message: whoHas(file, use), cause: error })
      : error;
  }
}

function take(file: string, use: HomeUse): HeldHome {
  const database = lock(file, use);
  held.add(database);
  return {
    async release() {
      held.delete(database);
      database.close();
    },
  };
}

/** A connection whose open transaction is the lock. */
function lock(file: string, use: HomeUse): Database.Database {
  const database = new Database(file, { fileMustExist: true, timeout: 0 });
  try {
    // A first transaction on an empty file prepares its first page, and would leave a journal behind if it were killed.
    database.pragma('journal_mode = MEMORY');
    database.exec(use === 'alone' ? 'BEGIN EXCLUSIVE' : 'BEGIN');
    // A read transaction begins with its first read.
    if (use === 'shared') database.prepare('SELECT count(*) FROM sqlite_schema').all();
    return database;
  } catch (error) {
    database.close();
    throw failureOf(error);
  }
}

function whoHas(file: string, use: HomeUse): string {
  return use === 'shared' || !isShared(file) ? inUse.alone : inUse.shared;
}

/** True where a home that could not be had alone can be shared: then those who have it share it too. */
function isShared(file: string): boolean {
  try {
    lock(file, 'shared').close();
    return true;
  } catch (error) {
    if (hasCode(error, 'store_busy')) return false;
    throw error;
  }
}

function failureOf(error: unknown): AppError {
  const detail = error instanceof Database.SqliteError ? error.code : 'unknown';
  return new AppError(detail.startsWith('SQLITE_BUSY') ? 'store_busy' : 'store_failed', { detail, cause: error });
}
