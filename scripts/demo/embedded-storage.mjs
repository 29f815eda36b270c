// Where the demo's archive stands by itself: a database and recordings as files in its home.
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { blobPaths } from '../../packages/server/dist/blobs/file-blob-layout.js';
import { SqliteConnection } from '../../packages/server/dist/store/sqlite-driver.js';
import { filesBelow, piecesOfFiles } from './raw-bytes.mjs';

export class EmbeddedStorage {
  /** How many processes of each kind run on it. */
  fleet = { servers: 1, workers: 0 };
  /** What is copied in a copy of it, and what is searched. */
  words = { copied: 'the whole home', copy: 'A copy of the home', searched: 'home' };
  environment = {};
  #home;

  constructor(home) {
    this.#home = home;
  }

  /** What it holds now, as an attacker reads it: without the product. */
  now() {
    return new HomeReader(this.#home);
  }

  /** Copies it into a folder while the server runs, as a backup tool would. Answers with a reader of the copy. */
  async copyTo(folder) {
    await copyHome(this.#home, folder);
    return new HomeReader(folder);
  }

  /** All that has been written: `{ name, read }`, one for each file. */
  async pieces() {
    return piecesOfFiles(await filesBelow(this.#home));
  }

  async remove() {}
}

/** The database of a home. */
export function databaseOf(home) {
  return join(home, 'db', 'tacet.sqlite');
}

class HomeReader {
  #home;

  constructor(home) {
    this.#home = home;
  }

  async rows(sql) {
    const connection = new SqliteConnection(databaseOf(this.#home), 'read');
    try {
      return await connection.rows(sql, []);
    } finally {
      await connection.close();
    }
  }

  async recordings(blob) {
    return [await readFile(blobPaths(join(this.#home, 'blobs'), blob).path)];
  }
}

/**
 * Copies a home file by file. A reader held open meanwhile keeps SQLite from emptying its log, so that database and log,
 * copied in this order, make a whole database at whatever instant the copy of the log ended. Throws when they do not.
 */
async function copyHome(home, to) {
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
