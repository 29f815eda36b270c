import { Readable } from 'node:stream';
import { assertBlobRange, type BlobName, type BlobReader } from '../model/blob-store.ts';
import { AppError, Bug } from '../model/errors.ts';
import { blobFailed } from './blob-failure.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { s3Failed, statusOf } from './s3-failure.ts';
import type { S3Object } from './s3-object.ts';

/** Connections in a row that may end without having brought a byte. */
const emptyMax = 3;

/**
 * Reads one object, that very version and content: whatever takes its place is not read.
 *
 * Bytes stream as fast as they are taken. A connection that is cut, or that the store or a slow reader leaves silent for
 * too long, is replaced by another for the rest; one after the other without a byte are a failure.
 */
export class S3BlobReader implements BlobReader {
  readonly sizeBytes: number;
  readonly #bucket: S3Bucket;
  readonly #name: BlobName;
  readonly #object: S3Object;
  readonly #closing = new AbortController();

  constructor(bucket: S3Bucket, name: BlobName, object: S3Object) {
    this.#bucket = bucket;
    this.#name = name;
    this.#object = object;
    this.sizeBytes = object.sizeBytes;
  }

  read(start: number, endExclusive: number): AsyncIterable<Buffer> {
    assertBlobRange(start, endExclusive, this.sizeBytes);
    this.#assertOpen();
    return this.#pieces(start, endExclusive);
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async *#pieces(start: number, endExclusive: number): AsyncGenerator<Buffer> {
    let position = start;
    for (let empty = 0; position < endExclusive; empty += 1) {
      if (empty === emptyMax) throw blobFailed(`read ${this.#name}: S3 cut the answer short`);
      const body = await this.#get(position, endExclusive);
      try {
        for await (const piece of untilCut(body)) {
          this.#assertOpen();
          position += piece.byteLength;
          if (position > endExclusive) throw new AppError('damage', { detail: `read ${this.#name}: too many bytes` });
          empty = -1;
          yield piece;
        }
      } finally {
        body.destroy();
      }
    }
  }

  /** The body of an answer that has those bytes and no others. */
  async #get(start: number, endExclusive: number): Promise<Readable> {
    this.#assertOpen();
    const what = `read ${this.#name}`;
    const { key, versionId, etag } = this.#object;
    const request = {
      ...{ Bucket: this.#bucket.bucket, Key: key, IfMatch: etag, Range: `bytes=${start}-${endExclusive - 1}` },
      ...(versionId !== undefined && { VersionId: versionId }),
    };
    try {
      const answer = await this.#bucket.s3.getObject(request, { abortSignal: this.#closing.signal });
      const body = answer.Body;
      if (!(body instanceof Readable)) throw new Bug('The body of an answer is no stream');
      // Listened to from the first moment: an error that nobody has come to await yet would end the process.
      body.on('error', () => undefined);
      if (answer.ContentRange === `bytes ${start}-${endExclusive - 1}/${this.sizeBytes}`) return body;
      body.destroy();
    } catch (error) {
      this.#assertOpen();
      if (statusOf(error) !== 412)
        throw s3Failed(what, error, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion');
    }
    throw new AppError('damage', { detail: `${what}: not the object that was opened` });
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new Bug('The blob reader is closed');
  }
}

/** The pieces of a body for as long as they come. Whether it was all of them is for the caller to count. */
async function* untilCut(body: Readable): AsyncGenerator<Buffer> {
  const pieces: AsyncIterator<unknown> = body[Symbol.asyncIterator]();
  for (;;) {
    const next = await pieces.next().catch(() => undefined);
    if (next === undefined || next.done === true) return;
    if (!Buffer.isBuffer(next.value)) throw new Bug('A body of something else than bytes');
    yield next.value;
  }
}
