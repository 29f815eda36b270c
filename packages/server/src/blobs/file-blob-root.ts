import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { systemError } from '../lib/durable-files.ts';
import { blobFailed, guarded } from './blob-failure.ts';

/**
 * The folder that all blobs lie below, known again by its number.
 *
 * A disk that is unmounted leaves an empty folder behind, a home that was moved away leaves none. Whoever took that for a
 * store without blobs would report bytes as erased that are still on the disk, and store new ones beside it.
 */
export class FileBlobRoot {
  readonly path: string;
  #opened: Stats | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Throws `blob_failed` unless the folder is the one that was met first. One never met may be missing: it is made later. */
  async check(): Promise<void> {
    const found = await guarded('the blob folder', () => statIfThere(this.path));
    this.#opened ??= found;
    if (found?.dev !== this.#opened?.dev || found?.ino !== this.#opened?.ino) {
      throw blobFailed('the blob folder is not the one that was opened');
    }
  }
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemError(error)?.code === 'ENOENT') return undefined;
    throw error;
  }
}
