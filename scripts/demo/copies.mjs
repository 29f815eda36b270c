// Copies of home and vault, taken while the server runs, as a backup tool would take them.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { SqliteConnection } from '../../packages/server/dist/store/sqlite-driver.js';
import { databaseOf } from './old-copy.mjs';

/**
 * Copies a home file by file. A reader held open meanwhile keeps SQLite from emptying its log, so that database and log,
 * copied in this order, make a whole database at whatever instant the copy of the log ended. Throws when they do not.
 */
export async function copyHome(home, to) {
  const reader = new SqliteConnection(databaseOf(home), 'read');
  try {
    await reader.begin('read');
    await cp(databaseOf(home), databaseOf(to));
    await cp(`${databaseOf(home)}-wal`, `${databaseOf(to)}-wal`);
    await reader.rollback();
  } finally {
    await reader.close();
  }
  await cp(join(home, 'blobs'), join(to, 'blobs'), { recursive: true });
  const copy = new SqliteConnection(databaseOf(to), 'read');
  try {
    const [{ integrity_check: found }] = await copy.rows('PRAGMA integrity_check', []);
    if (found !== 'ok') throw new Error(`the copy of the database is not whole: ${found}`);
  } finally {
    await copy.close();
  }
}

/** Copies a vault: the thing that must never lie beside the copies of the home. */
export async function copyVault(vault, to) {
  await cp(vault, to, { recursive: true });
}
