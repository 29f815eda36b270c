import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { systemError } from '../lib/durable-files.ts';
import { assertBlobRange, type BlobName, type BlobReader } from '../model/blob-store.ts';
import { AppError, Bug } from '../model/errors.ts';
import { blobFailed, guarded } from './blob-failure.ts';

/** Bytes asked of the disk at once: four segments of a sealed recording. */
const pieceBytes = 256 * 1024;

/** Reads one open file. The file stays readable to its end after an erase, for as long as the reader is open. */
export class FileBlobReader implements BlobReader {
  readonly sizeBytes: number;
  readonly #name: BlobName;
  readonly #handle: FileHandle;
  #isClosed = false;

  private constructor(name: BlobName, handle: FileHandle, sizeBytes: number) {
    this.#name = name;
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
  }

  /** Null when there is no such file. Never follows a link. */
  static async open(name: BlobName, path: string): Promise<FileBlobReader | null> {
    const handle = await openIfThere(path);
    if (handle === null) return null;
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw blobFailed(`open ${name}: not a file`);
      return new FileBlobReader(name, handle, found.size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  read(start: number, endExclusive: number): AsyncIterable<Buffer> {
    assertBlobRange(start, endExclusive, this.sizeBytes);
    this.#assertOpen();
    return this.#pieces(start, endExclusive);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#handle.close();
  }

  async *#pieces(start: number, endExclusive: number): AsyncGenerator<Buffer> {
    for (let position = start; position < endExclusive; ) {
      this.#assertOpen();
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, endExclusive - position));
      const { bytesRead } = await guarded(`read ${this.#name}`, () =>
        this.#handle.read(piece, 0, piece.byteLength, position),
      );
      if (bytesRead === 0) throw new AppError('damage', { detail: `read ${this.#name}: shorter than it was` });
      position += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Bug('The blob reader is closed');
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemError(error)?.code === 'ENOENT') return null;
    throw error;
  }
}
