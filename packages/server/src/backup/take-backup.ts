import { open, rename, stat } from 'node:fs/promises';
import type { Clock } from '../lib/clock.ts';
import { syncFolder } from '../lib/durable-files.ts';
import type { BlobStore } from '../model/blob-store.ts';
import type { CopyOptions } from '../model/copy-options.ts';
import type { TopRow } from '../model/key-store.ts';
import type { Store } from '../model/store.ts';
import { RestingDatabase } from '../store/resting-database.ts';
import { listRecordings } from './list-recordings.ts';
import { type BackupManifest, databaseFile, manifestFile, recordingsFile, writeManifest } from './manifest.ts';
import { NewFolder, writing } from './new-folder.ts';
import { digestOf } from './read-backup.ts';

/** What is backed up, and how it is watched. */
export type TakeBackupOptions = {
  store: Pick<Store, 'copyTo'>;
  blobs: Pick<BlobStore, 'stat'>;
  clock: Clock;
  /** How long retired root keys live. */
  horizonMs: number;
  /** Throws unless the topmost page of this row opens under the vault's root key of its name. */
  proveOpens(top: TopRow): Promise<void>;
  /** Ends the backup, which then leaves nothing, with the signal's reason. */
  signal: AbortSignal;
  onProgress?: CopyOptions['onProgress'];
};

/** The manifest on its way, which also keeps others out of the folder. */
const unfinishedFile = `${manifestFile}.new`;

/**
 * Takes a backup of the database into a folder that is new or empty: copies it, reads the copy back and proves it, lists
 * the recordings that it names, and writes the manifest last. It neither waits for writers nor makes them wait. There is
 * no key in it, and nothing of the vault.
 *
 * Throws `input_invalid` for a folder that is not empty, `store_failed` for one that cannot be written, `damage` for a
 * copy that is not whole, and what `proveOpens` throws. Whatever fails, no manifest is left, and while this process
 * lives nothing else either.
 */
export async function takeBackup(dir: string, options: TakeBackupOptions): Promise<BackupManifest> {
  const folder = await NewFolder.open(dir, unfinishedFile);
  try {
    return await writing(async () => await fill(folder, options));
  } catch (error) {
    await folder.discard([databaseFile, recordingsFile, manifestFile]);
    throw error;
  }
}

async function fill(folder: NewFolder, options: TakeBackupOptions): Promise<BackupManifest> {
  const { signal } = options;
  const file = folder.file(databaseFile);
  const takenAt = options.clock.now();
  await options.store.copyTo(file, { signal, onProgress: options.onProgress });
  const copy = await readCopy(folder, options);
  signal.throwIfAborted();
  const database = { bytes: (await stat(file)).size, sha256: await digestOf(file) };
  const { archiveId, keyId, generation, sealedAt } = copy.top;
  const seal = { archiveId, keyId, generation, sealedAt };
  const times = { takenAt, horizonMs: options.horizonMs };
  const manifest: BackupManifest = { format: 1, ...seal, ...times, schema: copy.schema, database, blobs: copy.blobs };
  signal.throwIfAborted();
  await finish(folder, manifest);
  return manifest;
}

/** Opens the copy as whoever restores it will, and trusts nothing that the making of it said. */
async function readCopy(folder: NewFolder, options: TakeBackupOptions) {
  const database = RestingDatabase.open(folder.file(databaseFile));
  try {
    database.proveWhole();
    const top = database.top();
    await options.proveOpens(top);
    const blobs = await listRecordings(folder.file(recordingsFile), database.recordings(), options);
    return { top, schema: database.lastMigration(), blobs };
  } finally {
    database.close();
  }
}

/** Everything else is durable before the manifest has its name. */
async function finish(folder: NewFolder, manifest: BackupManifest): Promise<void> {
  await syncFolder(folder.path);
  const file = await open(folder.file(unfinishedFile), 'r+');
  try {
    await file.writeFile(writeManifest(manifest));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(folder.file(unfinishedFile), folder.file(manifestFile));
  await syncFolder(folder.path);
}
