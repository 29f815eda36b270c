import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  openBytes,
  openRange,
  type PlainRange,
  type SealContext,
  type SealedSource,
  sealBytes,
  sealedSizeBytes,
  sealStream,
} from './sealing.ts';

const SEGMENT = 65_536;
const BORDER_1 = 65_447;
const BORDER_2 = BORDER_1 + 65_520;

const key = createHash('sha256').update('one key').digest();
const context: SealContext = { tenantId: 'tenant', ownerId: 'owner', kind: 'recording' };
const material = createHash('shake256', { outputLength: 6 * SEGMENT })
  .update('plaintext')
  .digest();
const plainOf = (sizeBytes: number) => material.subarray(0, sizeBytes);
const whole = (plain: Buffer): PlainRange => ({ start: 0, endExclusive: plain.length });

async function* inChunks(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const sourceOf = (sealed: Buffer): SealedSource => ({
  sizeBytes: sealed.length,
  read: (start, endExclusive) => inChunks(sealed.subarray(start, endExclusive), [SEGMENT]),
});

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe('sealing a stream', () => {
  const borders = [0, 1, BORDER_1, BORDER_2];
  const sizes = [...new Set(borders.flatMap((size) => [size - 1, size, size + 1]))].filter((size) => size >= 0);

  test.each(sizes)('%i bytes come out as one chunk for each segment, and open', async (sizeBytes) => {
    for (const chunkSizes of [[SEGMENT], [1000, 70_001], [BORDER_1], [BORDER_1, 65_520], [300_000]]) {
      const chunks: Buffer[] = [];
      for await (const chunk of sealStream(key, context, inChunks(plainOf(sizeBytes), chunkSizes))) chunks.push(chunk);
      const sealed = Buffer.concat(chunks);
      expect(sealed.length).toBe(sealedSizeBytes(sizeBytes));
      expect(chunks.length).toBe(Math.ceil(sealed.length / SEGMENT));
      expect(chunks.slice(0, -1).every((chunk) => chunk.length === SEGMENT)).toBe(true);
      expect(openBytes(key, context, sealed).equals(plainOf(sizeBytes))).toBe(true);
    }
  });

  test('any chunking of any plaintext opens to the same plaintext', async () => {
    const chunkSizes = fc.array(fc.oneof(fc.nat(20), fc.nat(3 * SEGMENT)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.nat(4 * SEGMENT), chunkSizes, async (sizeBytes, sizesDrawn) => {
        const progressing = [...sizesDrawn, 4096];
        const sealed = await gather(sealStream(key, context, inChunks(plainOf(sizeBytes), progressing)));
        expect(openBytes(key, context, sealed).equals(plainOf(sizeBytes))).toBe(true);
      }),
    );
  });

  test('a source of nothing, or of empty chunks only, is an empty plaintext', async () => {
    for (const chunks of [[], [Buffer.alloc(0), Buffer.alloc(0)]]) {
      const source = (async function* () {
        yield* chunks;
      })();
      const sealed = await gather(sealStream(key, context, source));
      expect(sealed.length).toBe(89);
      expect(openBytes(key, context, sealed).length).toBe(0);
    }
  });

  test('a source may use one buffer again and again', async () => {
    const shared = Buffer.alloc(50_000);
    const reusing = (async function* () {
      for (let at = 0; at < 200_000; at += shared.length) {
        material.copy(shared, 0, at, at + shared.length);
        yield shared;
      }
    })();
    const sealed = await gather(sealStream(key, context, reusing));
    expect(openBytes(key, context, sealed).equals(plainOf(200_000))).toBe(true);
  });

  test('what goes in comes out before more is asked for', async () => {
    let pulledBytes = 0;
    const counted = (async function* () {
      for await (const chunk of inChunks(plainOf(5 * SEGMENT), [8192])) {
        pulledBytes += chunk.length;
        yield chunk;
      }
    })();
    let sealedBytes = 0;
    for await (const chunk of sealStream(key, context, counted)) {
      sealedBytes += chunk.length;
      expect(pulledBytes - sealedBytes).toBeLessThanOrEqual(8192);
    }
  });

  test('a source that fails leaves nothing that opens', async () => {
    const lost = new Error('connection lost');
    const failing = (async function* () {
      yield plainOf(BORDER_2);
      throw lost;
    })();
    const given: Buffer[] = [];
    const sealing = (async () => {
      for await (const chunk of sealStream(key, context, failing)) given.push(chunk);
    })();
    await expect(sealing).rejects.toBe(lost);
    expect(() => openBytes(key, context, Buffer.concat(given))).toThrow(expect.objectContaining({ code: 'damage' }));
  });

  test('the caller may wipe his key as soon as the call has returned', async () => {
    const lent = Buffer.from(key);
    const sealing = sealStream(lent, context, inChunks(plainOf(100), [10]));
    lent.fill(0);
    const sealed = await gather(sealing);
    lent.set(key);
    const opening = openRange(lent, context, sourceOf(sealed), { start: 0, endExclusive: 100 });
    lent.fill(0);
    expect((await gather(opening)).equals(plainOf(100))).toBe(true);
  });
});

describe('whichever way it ends', () => {
  afterEach(() => void vi.restoreAllMocks());

  const plain = plainOf(3 * SEGMENT);
  const sealed = sealBytes(key, context, plain);
  const cutInside = Buffer.from(sealed).fill(0, SEGMENT, SEGMENT + 1);
  const sealing = () => sealStream(key, context, inChunks(plain, [SEGMENT]));
  const opening = (bytes = sealed) => openRange(key, context, sourceOf(bytes), whole(plain));
  const leave = async (chunks: AsyncIterable<Buffer>) => {
    for await (const _chunk of chunks) return;
  };

  const ways: { name: string; keys: number; run: () => unknown }[] = [
    { name: 'bytes sealed', keys: 2, run: () => sealBytes(key, context, plain) },
    { name: 'bytes opened', keys: 2, run: () => openBytes(key, context, sealed) },
    { name: 'bytes found damaged', keys: 2, run: () => openBytes(key, context, cutInside) },
    { name: 'a stream sealed', keys: 2, run: () => gather(sealing()) },
    { name: 'a sealing left half-way', keys: 2, run: () => leave(sealing()) },
    { name: 'a sealing never started, returned', keys: 2, run: () => sealing().return(undefined) },
    { name: 'a sealing never started, failed', keys: 2, run: () => sealing().throw(new Error('gone')) },
    { name: 'a range opened', keys: 3, run: () => gather(opening()) },
    { name: 'an opening left half-way', keys: 3, run: () => leave(opening()) },
    { name: 'an opening never started, returned', keys: 1, run: () => opening().return(undefined) },
    { name: 'an opening never started, failed', keys: 1, run: () => opening().throw(new Error('gone')) },
    { name: 'a range found damaged', keys: 3, run: () => gather(opening(cutInside)) },
    { name: 'a range found cut', keys: 3, run: () => gather(opening(sealed.subarray(0, 2 * SEGMENT))) },
    { name: 'a range of an impossible size', keys: 1, run: () => gather(opening(sealed.subarray(0, 9))) },
  ];

  test.each(ways)('no key is left in memory: $name', async ({ keys, run }) => {
    const fill = vi.spyOn(Buffer.prototype, 'fill');
    await (async () => run())().catch(() => undefined);
    const wiped = new Set(fill.mock.contexts.filter((buffer) => buffer.length === 32));
    expect(wiped.size).toBe(keys);
    for (const buffer of wiped) expect(buffer.equals(Buffer.alloc(32))).toBe(true);
    expect(wiped.has(key)).toBe(false);
  });

  test('leaving early closes what was read from', async () => {
    let closed = 0;
    const watched = async function* (bytes: Buffer) {
      try {
        yield* inChunks(bytes, [10_000]);
      } finally {
        closed += 1;
      }
    };
    await leave(sealStream(key, context, watched(plain)));
    expect(closed).toBe(1);

    const source: SealedSource = { sizeBytes: sealed.length, read: (from, to) => watched(sealed.subarray(from, to)) };
    const range = { start: BORDER_1, endExclusive: plain.length };
    await leave(openRange(key, context, source, range));
    expect(closed).toBe(4);
  });
});
