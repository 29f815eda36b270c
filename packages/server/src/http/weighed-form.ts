import { AppError } from '../model/errors.ts';
import type { Part } from './multipart.ts';

/**
 * The bytes of a form, weighed as they come. Throws `upload_too_large` when what is no recording (parts that nobody reads,
 * a preamble, an epilogue) weighs more than `otherBytesMax`, by no more than one chunk.
 */
export class WeighedForm implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #otherBytesMax: number;
  /** Bytes that have come, less those of the recording. */
  #otherBytes = 0;

  constructor(source: AsyncIterable<Uint8Array>, otherBytesMax: number) {
    this.#source = source;
    this.#otherBytesMax = otherBytesMax;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.#otherBytes += chunk.length;
      yield chunk;
      // Asked for more, the form's reader has passed on what of this chunk belongs to the recording.
      if (this.#otherBytes > this.#otherBytesMax) {
        const message = `The form is larger than ${this.#otherBytesMax / 1024} KiB without its recording`;
        throw new AppError('upload_too_large', { message });
      }
    }
  }

  /** The body of the part that is the recording, which has a limit of its own. */
  async *recordingIn(part: Part): AsyncGenerator<Uint8Array> {
    for await (const chunk of part.body) {
      this.#otherBytes -= chunk.length;
      yield chunk;
    }
  }
}

/** Spares a client the sending of what will be refused: throws `upload_too_large` for an announced length above the most. */
export function refuseAnnounced(contentLength: string | undefined, bytesMax: number): void {
  if (Number(contentLength ?? 0) > bytesMax) throw new AppError('upload_too_large');
}
