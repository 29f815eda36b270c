/**
 * The marker that a blob folder bears: a file beside the shards, which says whose recordings are in it.
 *
 * A disk that is not mounted leaves its mount point behind, a folder like any other. The marker is on the disk.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NewFile, syncFolder, systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';

/** Never taken for a shard, whose name has two characters. Not hidden, so that whoever copies what he sees copies it too. */
const markerFile = 'archive';

/** Id of the archive that the folder is marked as; undefined where it has no marker, or is not there. */
export async function readMarker(root: string): Promise<string | undefined> {
  try {
    return archiveIdIn(await readFile(join(root, markerFile), 'utf8'));
  } catch (error) {
    if (systemError(error)?.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes the marker (mode 0600), durable when it resolves. One that is there stays, whatever it says: whoever marks at the
 * same time reads afterwards which of them was first.
 */
export async function makeMarker(root: string, archiveId: string): Promise<void> {
  const path = join(root, markerFile);
  const file = await NewFile.open(join(root, `.${markerFile}-${randomUUID()}.new`));
  try {
    await file.write(Buffer.from(`${JSON.stringify({ format: 1, archiveId })}\n`));
    await file.sync();
    await file.place(path);
  } catch (error) {
    await file.discard();
    if (systemError(error)?.code !== 'EEXIST') throw error;
  } finally {
    await file.close();
  }
  // The other's too, which may not have come to it yet.
  await syncFolder(root);
}

function archiveIdIn(text: string): string {
  const marker = parsed(text);
  const archiveId =
    typeof marker === 'object' && marker !== null && 'archiveId' in marker ? marker.archiveId : undefined;
  if (typeof archiveId === 'string' && archiveId !== '') return archiveId;
  throw new AppError('damage', {
    detail: `the file ${markerFile} in the recordings folder names no archive; remove it where the folder is the right one`,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
