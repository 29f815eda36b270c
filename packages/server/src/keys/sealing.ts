import { Bug } from '../model/errors.ts';
import { collect, wholeSegments } from './sealing-blocks.ts';
import {
  HEADER_BYTES,
  plainStart,
  SEGMENT_BYTES,
  SEGMENT_PLAIN_BYTES,
  SEGMENTS_MAX,
  sealedStart,
  segmentAt,
  segmentCount,
  TAG_BYTES,
} from './sealing-layout.ts';
import {
  damage,
  openHeader,
  type SealContext,
  type SegmentCipher,
  type SegmentPlace,
  startSealing,
} from './sealing-segments.ts';

/**
 * Artifact bytes: AES-GCM-HKDF streaming as Tink defines it, behind a version byte and a key commitment. The layout
 * is drawn in `sealing-layout.ts`.
 *
 * Keys are 32 bytes, belong to the caller, and are not kept: he may wipe one as soon as the call has returned. A key
 * of another length, or one that was wiped or destroyed, is a `Bug`.
 */

export type { SealContext };

/** Sealed bytes that can be read in part: an artifact in the blob store. */
export type SealedSource = {
  sizeBytes: number;
  /** Exactly the bytes from `start` up to, not including, `endExclusive`, in chunks of any size. */
  read(start: number, endExclusive: number): AsyncIterable<Uint8Array>;
};

/** Part of a plaintext, in bytes. */
export type PlainRange = {
  start: number;
  endExclusive: number;
};

/** How many bytes a plaintext of `plainBytes` takes when sealed. */
export function sealedSizeBytes(plainBytes: number): number {
  if (!Number.isSafeInteger(plainBytes) || plainBytes < 0) throw new Bug('a plaintext size is a whole number');
  const segments = Math.ceil((plainBytes + HEADER_BYTES) / SEGMENT_PLAIN_BYTES);
  if (segments > SEGMENTS_MAX) throw new Bug('a plaintext is too large for one sealing');
  return HEADER_BYTES + plainBytes + segments * TAG_BYTES;
}

/**
 * How many bytes of plaintext a sealing of `sealedBytes` holds. Arithmetic only: the size is proven by opening.
 *
 * @throws AppError `damage` for a size that no sealing has.
 */
export function plainSizeBytes(sealedBytes: number): number {
  const segments = segmentCount(sealedBytes);
  const plainBytes = sealedBytes - HEADER_BYTES - segments * TAG_BYTES;
  // Only a sealing of nothing ends in an empty segment; so each plaintext size has one sealed size.
  const isPossible =
    Number.isSafeInteger(plainBytes) &&
    plainBytes >= 0 &&
    segments <= SEGMENTS_MAX &&
    sealedSizeBytes(plainBytes) === sealedBytes;
  if (!isPossible) throw damage('no sealing has this size');
  return plainBytes;
}

/** Seals bytes in memory under a fresh salt and nonce prefix. The same input never gives the same bytes twice. */
export function sealBytes(key: Uint8Array, context: SealContext, plain: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(sealedSizeBytes(plain.length));
  const { header, cipher } = startSealing(key, context);
  try {
    header.copy(sealed);
    const count = segmentCount(sealed.length);
    for (let index = 0; index < count; index += 1) {
      const part = plain.subarray(plainStart(index), plainStart(index + 1));
      cipher.seal(
        { index, isLast: index === count - 1 },
        [part],
        sealed.subarray(sealedStart(index), sealedStart(index + 1)),
      );
    }
    return sealed;
  } finally {
    cipher.wipe();
  }
}

/**
 * Opens sealed bytes in memory.
 *
 * @throws AppError `damage` for whatever was not sealed, as a whole, under this key and context. The detail tells
 *   whether the key or a segment did not fit.
 */
export function openBytes(key: Uint8Array, context: SealContext, sealed: Uint8Array): Buffer {
  const plain = Buffer.allocUnsafe(plainSizeBytes(sealed.length));
  const cipher = openHeader(key, context, sealed.subarray(0, HEADER_BYTES));
  try {
    const count = segmentCount(sealed.length);
    for (let index = 0; index < count; index += 1) {
      cipher
        .open({ index, isLast: index === count - 1 }, sealed.subarray(sealedStart(index), sealedStart(index + 1)))
        .copy(plain, plainStart(index));
    }
    return plain;
  } finally {
    cipher.wipe();
  }
}

/**
 * Seals a stream in constant memory. Each chunk that comes out is one segment, the first with the header before it.
 *
 * The keys are derived at once, not at the first chunk. When the source fails, so does this generator, and what came
 * out until then has no last segment: it never opens.
 */
export function sealStream(
  key: Uint8Array,
  context: SealContext,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const { header, cipher } = startSealing(key, context);
  return wipedAtEnd(sealSegments(header, cipher, source), () => cipher.wipe());
}

/**
 * Opens any range of a plaintext, in constant memory, reading no segments but the range's and the last.
 *
 * Header and last segment are opened before the first byte is given out, so bytes cut off at the end show at once,
 * whatever the range. Damage further on ends the stream with an error after bytes that were authentic.
 *
 * @throws AppError `damage`, also for a range that ends behind the plaintext: then record and bytes disagree.
 */
export function openRange(
  key: Uint8Array,
  context: SealContext,
  source: SealedSource,
  range: PlainRange,
): AsyncGenerator<Buffer> {
  const { start, endExclusive } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(endExclusive) || start < 0 || endExclusive < start) {
    throw new Bug('a range is two whole numbers, the first not behind the second');
  }
  // The salt has yet to be read, so the keys cannot be derived before the caller wipes his own.
  const ownKey = Buffer.from(key);
  return wipedAtEnd(openSegments(ownKey, context, source, { start, endExclusive }), () => ownKey.fill(0));
}

async function* sealSegments(
  header: Buffer,
  cipher: SegmentCipher,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const pending = Buffer.allocUnsafe(SEGMENT_PLAIN_BYTES);
  let pendingBytes = 0;
  let index = 0;
  let room = plainStart(1);
  try {
    for await (const chunk of source) {
      let at = 0;
      // A full segment waits until a byte behind it is seen: only then is it known not to be the last.
      while (chunk.length - at > room) {
        const parts = [pending.subarray(0, pendingBytes), chunk.subarray(at, at + room)];
        yield sealBlock(header, cipher, { index, isLast: false }, parts);
        at += room;
        index += 1;
        pendingBytes = 0;
        room = SEGMENT_PLAIN_BYTES;
      }
      pending.set(chunk.subarray(at), pendingBytes);
      pendingBytes += chunk.length - at;
      room -= chunk.length - at;
    }
    yield sealBlock(header, cipher, { index, isLast: true }, [pending.subarray(0, pendingBytes)]);
  } finally {
    cipher.wipe();
  }
}

/** One segment, sealed; the first one behind the header. */
function sealBlock(header: Buffer, cipher: SegmentCipher, place: SegmentPlace, parts: Uint8Array[]): Buffer {
  const headBytes = place.index === 0 ? header.length : 0;
  const block = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + part.length, headBytes + TAG_BYTES));
  header.copy(block, 0, 0, headBytes);
  cipher.seal(place, parts, block.subarray(headBytes));
  return block;
}

async function* openSegments(
  key: Buffer,
  context: SealContext,
  source: SealedSource,
  range: PlainRange,
): AsyncGenerator<Buffer> {
  const { cipher, plainBytes, first, firstBlock, last, lastPlain } = await openEnds(key, context, source, range.start);
  try {
    if (range.endExclusive > plainBytes) throw damage('a range ends behind the plaintext');
    if (range.start === range.endExclusive) return;
    const until = segmentAt(range.endExclusive - 1) + 1;
    if (first === 0 && last > 0) yield inRange(range, 0, cipher.open({ index: 0, isLast: false }, firstBlock));
    let index = Math.max(first, 1);
    const untilWhole = Math.min(until, last);
    if (index < untilWhole) {
      const chunks = source.read(sealedStart(index), sealedStart(untilWhole));
      for await (const sealed of wholeSegments(chunks, untilWhole - index)) {
        yield inRange(range, index, cipher.open({ index, isLast: false }, sealed));
        index += 1;
      }
    }
    if (until > last) yield inRange(range, last, lastPlain);
  } finally {
    cipher.wipe();
  }
}

/** A sealing whose header and last segment have been opened: its size is proven, its key derived. */
type OpenedEnds = {
  cipher: SegmentCipher;
  plainBytes: number;
  /** The segment that the range starts in; the last one when it starts at the very end. */
  first: number;
  /** Segment 0, still sealed. Empty when the range does not need it. */
  firstBlock: Buffer;
  last: number;
  lastPlain: Buffer;
};

/** Wipes the key in any case. The caller wipes the cipher. */
async function openEnds(key: Buffer, context: SealContext, source: SealedSource, start: number): Promise<OpenedEnds> {
  let cipher: SegmentCipher | undefined;
  try {
    const { sizeBytes } = source;
    const plainBytes = plainSizeBytes(sizeBytes);
    const last = segmentCount(sizeBytes) - 1;
    const first = Math.min(segmentAt(start), last);
    // A range that starts in segment 0 needs it anyway: one read for both.
    const headBytes = first === 0 ? Math.min(SEGMENT_BYTES, sizeBytes) : HEADER_BYTES;
    const head = await collect(source.read(0, headBytes), headBytes);
    cipher = openHeader(key, context, head.subarray(0, HEADER_BYTES));
    const firstBlock = head.subarray(HEADER_BYTES);
    const lastAt = sealedStart(last);
    const lastBlock = last === 0 ? firstBlock : await collect(source.read(lastAt, sizeBytes), sizeBytes - lastAt);
    const lastPlain = cipher.open({ index: last, isLast: true }, lastBlock);
    return { cipher, plainBytes, first, firstBlock, last, lastPlain };
  } catch (error) {
    cipher?.wipe();
    throw error;
  } finally {
    key.fill(0);
  }
}

/** What the range takes of segment `index`. */
function inRange(range: PlainRange, index: number, plain: Buffer): Buffer {
  const at = plainStart(index);
  return plain.subarray(Math.max(0, range.start - at), Math.max(0, range.endExclusive - at));
}

/**
 * The same generator, which also wipes when it is ended from outside. A generator that was never started runs no
 * `finally` of its own: a client that hangs up before the first byte would leave a key in memory.
 */
function wipedAtEnd(generator: AsyncGenerator<Buffer>, wipe: () => void): AsyncGenerator<Buffer> {
  const finish = generator.return.bind(generator);
  const fail = generator.throw.bind(generator);
  generator.return = (value: unknown) => finish(value).finally(wipe);
  generator.throw = (error: unknown) => fail(error).finally(wipe);
  return generator;
}
