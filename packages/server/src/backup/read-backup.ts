import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';
import type { TopRow } from '../model/key-store.ts';
import { refuseUnknownSchema } from '../store/known-schemas.ts';
import { RestingDatabase } from '../store/resting-database.ts';
import {
  type BackupManifest,
  databaseFile,
  manifestFile,
  parseManifest,
  recordingsFile,
  unusable,
} from './manifest.ts';

/** A finished backup: what it says of itself, and where its files are. */
export type Backup = { manifest: BackupManifest; databaseFile: string; recordingsFile: string };

/**
 * The backup in a folder, after a look at everything that costs nothing to look at.
 *
 * Throws `input_invalid` with the reason: no such folder, no manifest, an unknown format, a file missing or cut; and
 * `store_newer` for one that a newer version has made. What the files hold is `verifyBackup`'s business.
 */
export async function readBackup(dir: string): Promise<Backup> {
  const folder = await whereThere(stat(dir));
  if (!folder?.isDirectory()) throw unusable('there is no such folder');
  const bytes = await whereThere(readFile(join(dir, manifestFile)));
  if (bytes === undefined) throw unusable(`it has no ${manifestFile}; a backup without one was not finished`);
  const manifest = parseManifest(bytes);
  const files = { databaseFile: join(dir, databaseFile), recordingsFile: join(dir, recordingsFile) };
  const database = await whereThere(stat(files.databaseFile));
  if (!database?.isFile()) throw unusable(`its ${databaseFile} is missing`);
  if (database.size !== manifest.database.bytes) {
    throw unusable(`its ${databaseFile} has ${database.size} bytes instead of ${manifest.database.bytes}`);
  }
  refuseUnknownSchema(manifest.schema);
  if (!(await whereThere(stat(files.recordingsFile)))?.isFile()) throw unusable(`its ${recordingsFile} is missing`);
  return { manifest, ...files };
}

/**
 * Reads all of a backup: throws `damage`, naming the file, unless both files are what was written, the database is whole,
 * and its archive row is the one that the manifest speaks of.
 */
export async function verifyBackup({ manifest, ...files }: Backup): Promise<void> {
  await proveDigest(files.databaseFile, manifest.database.sha256, databaseFile);
  await proveDigest(files.recordingsFile, manifest.blobs.sha256, recordingsFile);
  const database = RestingDatabase.open(files.databaseFile);
  try {
    database.proveWhole();
    const { archiveId, keyId, generation } = database.top();
    if (archiveId !== manifest.archiveId || keyId !== manifest.keyId || generation !== manifest.generation) {
      throw damaged(`${databaseFile} is of another archive or seal than ${manifestFile} says`);
    }
  } finally {
    database.close();
  }
}

/**
 * The topmost row of a SQLite file that nobody else opens meanwhile: a backup's, or the database of a home held alone. A
 * log beside it is read too, and nothing is left beside it that was not there. Throws `damage` for a file that is no
 * database of ours, `store_failed` for one that cannot be read.
 */
export async function topRowOf(file: string): Promise<TopRow> {
  const database = RestingDatabase.open(file);
  try {
    return database.top();
  } finally {
    database.close();
  }
}

/** SHA-256 of a file, as lower-case hex, read in pieces. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function proveDigest(file: string, expected: string, name: string): Promise<void> {
  if ((await digestOf(file)) !== expected) throw damaged(`${name} is not what was written`);
}

function damaged(what: string): AppError {
  return new AppError('damage', { message: `The backup is damaged: ${what}` });
}

/** Undefined where there is nothing of that name. */
async function whereThere<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    const code = systemError(error)?.code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unusable(`it cannot be read (${code ?? 'unknown'})`);
  }
}
