import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError, Bug } from '../model/errors.ts';
import { openRange, type PlainRange, type SealContext, type SealedSource, sealBytes } from './sealing.ts';

const HEADER = 73;
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

/** A store that notes what is read from it, and gives it in chunks of the sizes asked for. */
function sourceOf(sealed: Buffer, chunkSizes: readonly number[] = [SEGMENT]) {
  const reads: [number, number][] = [];
  const source: SealedSource = {
    sizeBytes: sealed.length,
    read(start, endExclusive) {
      reads.push([start, endExclusive]);
      return inChunks(sealed.subarray(start, endExclusive), chunkSizes);
    },
  };
  return { ...source, reads };
}

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Reads until damage, which must come. Gives what was read before it. */
async function untilDamage(chunks: AsyncIterable<Uint8Array>): Promise<{ given: Buffer; detail: string | undefined }> {
  const given: Uint8Array[] = [];
  try {
    for await (const chunk of chunks) given.push(chunk);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'damage') throw error;
    return { given: Buffer.concat(given), detail: error.detail };
  }
  throw new Error('damaged bytes were opened');
}

describe('opening a range', () => {
  const plain = plainOf(BORDER_2 + 5000);
  const sealed = sealBytes(key, context, plain);

  test('every range around the borders gives exactly its bytes', async () => {
    const points = [0, 1, BORDER_1 - 1, BORDER_1, BORDER_1 + 1, BORDER_2 - 1, BORDER_2, BORDER_2 + 1];
    const ends = [...points, plain.length - 1, plain.length];
    for (const start of ends) {
      for (const endExclusive of ends.filter((end) => end >= start)) {
        const opened = await gather(openRange(key, context, sourceOf(sealed), { start, endExclusive }));
        expect(opened.equals(plain.subarray(start, endExclusive))).toBe(true);
      }
    }
  });

  test('any range of any plaintext, read in any chunks, gives exactly its bytes', async () => {
    const chunkSizes = fc.array(fc.oneof(fc.nat(20), fc.nat(2 * SEGMENT)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.nat(4 * SEGMENT), fc.nat(), fc.nat(), chunkSizes, async (sizeBytes, one, other, drawn) => {
        const ends = [one % (sizeBytes + 1), other % (sizeBytes + 1)];
        const range = { start: Math.min(...ends), endExclusive: Math.max(...ends) };
        const source = sourceOf(sealBytes(key, context, plainOf(sizeBytes)), [...drawn, 4096]);
        const opened = await gather(openRange(key, context, source, range));
        expect(opened.equals(plainOf(sizeBytes).subarray(range.start, range.endExclusive))).toBe(true);
      }),
    );
  });

  test('an empty range at the very end proves the whole size and gives nothing', async () => {
    for (const sizeBytes of [0, 1, BORDER_1, BORDER_1 + 1, BORDER_2]) {
      const source = sourceOf(sealBytes(key, context, plainOf(sizeBytes)));
      const opened = await gather(openRange(key, context, source, { start: sizeBytes, endExclusive: sizeBytes }));
      expect(opened.length).toBe(0);
    }
  });

  test('a store may use one buffer again and again', async () => {
    const shared = Buffer.alloc(SEGMENT);
    const reusing: SealedSource = {
      sizeBytes: sealed.length,
      async *read(start, endExclusive) {
        for await (const chunk of inChunks(sealed.subarray(start, endExclusive), [30_000, SEGMENT])) {
          yield shared.subarray(0, chunk.copy(shared));
        }
      },
    };
    expect((await gather(openRange(key, context, reusing, whole(plain)))).equals(plain)).toBe(true);
  });

  test('only the header, the last segment and the range are read', async () => {
    const large = sealBytes(key, context, plainOf(5 * SEGMENT));
    const last: [number, number] = [5 * SEGMENT, large.length];
    const readsOf = async (start: number, endExclusive: number) => {
      const source = sourceOf(large);
      await gather(openRange(key, context, source, { start, endExclusive }));
      return source.reads;
    };
    expect(await readsOf(BORDER_2, BORDER_2 + 1)).toEqual([[0, HEADER], last, [2 * SEGMENT, 3 * SEGMENT]]);
    expect(await readsOf(BORDER_1, BORDER_2 + 1)).toEqual([[0, HEADER], last, [SEGMENT, 3 * SEGMENT]]);
    expect(await readsOf(0, 1)).toEqual([[0, SEGMENT], last]);
    expect(await readsOf(5 * SEGMENT - 1, 5 * SEGMENT)).toEqual([[0, HEADER], last]);
    expect(await readsOf(0, 5 * SEGMENT)).toEqual([[0, SEGMENT], last, [SEGMENT, 5 * SEGMENT]]);
    expect(await readsOf(5 * SEGMENT, 5 * SEGMENT)).toEqual([[0, HEADER], last]);

    const small = sourceOf(sealBytes(key, context, plainOf(10)));
    await gather(openRange(key, context, small, { start: 3, endExclusive: 5 }));
    expect(small.reads).toEqual([[0, 99]]);
  });

  test('a range that cannot be is a defect; one behind the end is damage', async () => {
    for (const [start, endExclusive] of [
      [-1, 1],
      [2, 1],
      [0.5, 1],
      [0, Number.NaN],
    ] as const) {
      expect(() => openRange(key, context, sourceOf(sealed), { start, endExclusive })).toThrow(Bug);
    }
    for (const start of [0, plain.length, plain.length + SEGMENT]) {
      const range = { start, endExclusive: plain.length + SEGMENT + 1 };
      const { given, detail } = await untilDamage(openRange(key, context, sourceOf(sealed), range));
      expect(given.length).toBe(0);
      expect(detail).toBe('a range ends behind the plaintext');
    }
  });
});

describe('damage under a range', () => {
  const plain = plainOf(3 * SEGMENT);
  const sealed = sealBytes(key, context, plain);
  const ranges = [whole(plain), { start: 0, endExclusive: 1 }, { start: BORDER_1, endExclusive: BORDER_2 }];
  const openAll = (source: SealedSource) => untilDamage(openRange(key, context, source, whole(plain)));

  test('bytes cut off at the end show before the first byte, whatever the range', async () => {
    const cuts = [HEADER, SEGMENT, 2 * SEGMENT, 3 * SEGMENT].flatMap((border) => [border - 1, border, border + 17]);
    for (const cut of [0, 1, 89, ...cuts, sealed.length - 1]) {
      for (const range of [...ranges, { start: 0, endExclusive: 0 }]) {
        const { given } = await untilDamage(openRange(key, context, sourceOf(sealed.subarray(0, cut)), range));
        expect(given.length).toBe(0);
      }
    }
  });

  test('only authentic bytes are given out, from the start and in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(sealed.readUInt8(at) ^ (1 << bit), at);
        const { given } = await openAll(sourceOf(changed, [10_000]));
        const segment = Math.floor(at / SEGMENT);
        const isAtAnEnd = segment === 0 || segment === 3;
        expect(given.length).toBe(isAtAnEnd ? 0 : segment * 65_520 - HEADER);
        expect(given.equals(plain.subarray(0, given.length))).toBe(true);
      }),
    );
  });

  test('segments exchanged, repeated or appended are found', async () => {
    const part = (from: number, to: number) => sealed.subarray(from * SEGMENT, to * SEGMENT);
    for (const parts of [
      [part(0, 1), part(2, 3), part(1, 2), part(3, 4)],
      [part(0, 2), part(1, 2), part(3, 4)],
      [part(0, 2), part(1, 4)],
      [part(0, 4), part(3, 4)],
      [part(0, 4), Buffer.from([1])],
    ]) {
      await openAll(sourceOf(Buffer.concat(parts)));
    }
  });

  test('another key, tenant, owner or kind gives nothing and says that the key does not fit', async () => {
    const otherKey = createHash('sha256').update('another key').digest();
    const openings = [
      openRange(otherKey, context, sourceOf(sealed), whole(plain)),
      ...(['tenantId', 'ownerId', 'kind'] as const).map((field) =>
        openRange(key, { ...context, [field]: 'other' }, sourceOf(sealed), whole(plain)),
      ),
    ];
    for (const opening of openings) {
      const { given, detail } = await untilDamage(opening);
      expect(given.length).toBe(0);
      expect(detail).toContain('the key does not fit');
    }
  });

  test('a store that gives less or more than was asked for is found out', async () => {
    const skewedSource = (skew: number, skewedRead: number): SealedSource => {
      let reads = 0;
      return {
        sizeBytes: sealed.length,
        read(start, endExclusive) {
          const end = Math.max(start, reads === skewedRead ? endExclusive + skew : endExclusive);
          reads += 1;
          // The first chunk is what was asked for; a surplus comes in the second.
          return inChunks(Buffer.concat([sealed, material]).subarray(start, end), [endExclusive - start]);
        },
      };
    };
    for (const skewedRead of [0, 1, 2]) {
      for (const skew of [-SEGMENT, -1, 1, SEGMENT]) {
        const { given, detail } = await openAll(skewedSource(skew, skewedRead));
        expect(given.equals(plain.subarray(0, given.length))).toBe(true);
        expect(detail).toContain(skew < 0 ? 'end early' : 'more bytes than were asked for');
      }
    }
  });

  test('bytes that are sealed anew between two reads are not mixed', async () => {
    const again = sealBytes(key, context, plain);
    for (const swapAfter of [1, 2]) {
      let reads = 0;
      const swapping: SealedSource = {
        sizeBytes: sealed.length,
        read(start, endExclusive) {
          reads += 1;
          return inChunks((reads > swapAfter ? again : sealed).subarray(start, endExclusive), [SEGMENT]);
        },
      };
      const { given } = await openAll(swapping);
      expect(given.length).toBe(swapAfter === 1 ? 0 : BORDER_1);
    }
  });

  test("a store's own failure is passed on as it is", async () => {
    const failure = new AppError('blob_failed');
    const failing: SealedSource = {
      sizeBytes: sealed.length,
      read() {
        throw failure;
      },
    };
    await expect(gather(openRange(key, context, failing, whole(plain)))).rejects.toBe(failure);
  });
});
