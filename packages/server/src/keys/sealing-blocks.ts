import { SEGMENT_BYTES } from './sealing-layout.ts';
import { damage } from './sealing-segments.ts';

/**
 * Sealed bytes come in pieces of any size; here they are cut at segment borders.
 *
 * Nothing is kept of a chunk once the next one has been asked for, so a source may reuse its buffers.
 */

/**
 * Collects a stream of exactly `sizeBytes` into one buffer.
 *
 * @throws AppError `damage` when the stream holds more or less.
 */
export async function collect(chunks: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<Buffer> {
  const all = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for await (const chunk of chunks) {
    if (at + chunk.length > sizeBytes) throw surplus();
    all.set(chunk, at);
    at += chunk.length;
  }
  if (at < sizeBytes) throw shortage();
  return all;
}

/**
 * Cuts a stream into `count` whole segments of 64 KiB. Each is valid until the next one is asked for.
 *
 * @throws AppError `damage` when the stream holds more or less.
 */
export async function* wholeSegments(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  const pending = Buffer.allocUnsafe(SEGMENT_BYTES);
  let pendingBytes = 0;
  let leftBytes = count * SEGMENT_BYTES;
  for await (const chunk of chunks) {
    leftBytes -= chunk.length;
    if (leftBytes < 0) throw surplus();
    let at = 0;
    while (at < chunk.length) {
      const piece = chunk.subarray(at, at + SEGMENT_BYTES - pendingBytes);
      at += piece.length;
      if (piece.length === SEGMENT_BYTES) {
        yield piece;
        continue;
      }
      pending.set(piece, pendingBytes);
      pendingBytes += piece.length;
      if (pendingBytes < SEGMENT_BYTES) continue;
      pendingBytes = 0;
      yield pending;
    }
  }
  if (leftBytes > 0) throw shortage();
}

function surplus(): Error {
  return damage('the store gave more bytes than were asked for');
}

function shortage(): Error {
  return damage('the stored bytes end early');
}
