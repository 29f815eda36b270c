import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { AppError, Bug } from '../model/errors.ts';
import { openBytes, type SealContext, sealBytes, sealedSizeBytes } from './sealing.ts';
import { SegmentCipher } from './sealing-segments.ts';

const HEADER = 73;
const SEGMENT = 65_536;
const BORDER_1 = 65_447;
const BORDER_2 = BORDER_1 + 65_520;

const key = createHash('sha256').update('one key').digest();
const otherKey = createHash('sha256').update('another key').digest();
const context: SealContext = { tenantId: 'tenant', ownerId: 'owner', kind: 'recording' };
const material = createHash('shake256', { outputLength: 4 * SEGMENT })
  .update('plaintext')
  .digest();
const plainOf = (sizeBytes: number) => material.subarray(0, sizeBytes);

const borders = [0, 1, 15, 16, 17, 4096, BORDER_1, BORDER_2, BORDER_2 + 65_520];
const sizesAroundBorders = [...new Set(borders.flatMap((size) => [size - 1, size, size + 1]))].filter((n) => n >= 0);

/** The detail of the damage that `act` must end with. */
function damageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError && error.code === 'damage') return error.detail ?? '';
    throw error;
  }
  throw new Error('damaged bytes were opened');
}

describe('what was sealed', () => {
  test.each(sizesAroundBorders)('%i bytes open to what was sealed', (sizeBytes) => {
    const sealed = sealBytes(key, context, plainOf(sizeBytes));
    expect(sealed.length).toBe(sealedSizeBytes(sizeBytes));
    expect(openBytes(key, context, sealed).equals(plainOf(sizeBytes))).toBe(true);
  });

  test('anything opens to what was sealed, and only under its own key and context', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    const anyContext = fc.record({ tenantId: text, ownerId: text, kind: text });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), anyContext, anyContext, (plain, own, foreign) => {
        const sealed = sealBytes(key, own, plain);
        expect(openBytes(key, own, sealed).equals(plain)).toBe(true);
        expect(damageOf(() => openBytes(otherKey, own, sealed))).toContain('the key does not fit');
        fc.pre(JSON.stringify(own) !== JSON.stringify(foreign));
        expect(damageOf(() => openBytes(key, foreign, sealed))).toContain('the key does not fit');
      }),
    );
  });

  test.each([
    ['another artifact', { ...context, kind: 'transcript' }],
    ['another owner', { ...context, ownerId: 'owner-2' }],
    ['another tenant', { ...context, tenantId: 'tenant-2' }],
    ['owner and kind exchanged', { ...context, ownerId: context.kind, kind: context.ownerId }],
  ])('bytes put in the place of %s do not open', (_place, elsewhere) => {
    const sealed = sealBytes(key, context, plainOf(100));
    expect(damageOf(() => openBytes(key, elsewhere, sealed))).toContain('the key does not fit');
  });

  test.each([
    [
      { tenantId: 'a', ownerId: 'bc', kind: 'd' },
      { tenantId: 'ab', ownerId: 'c', kind: 'd' },
    ],
    [
      { tenantId: 'a', ownerId: '', kind: 'd' },
      { tenantId: '', ownerId: 'a', kind: 'd' },
    ],
    [
      { tenantId: 'a', ownerId: 'b\0\0\0\u0001c', kind: '' },
      { tenantId: 'a', ownerId: 'b', kind: 'c' },
    ],
  ])('contexts that only look alike when joined are told apart', (one, other) => {
    expect(damageOf(() => openBytes(key, other, sealBytes(key, one, plainOf(10))))).toContain('the key does not fit');
  });

  test('a context that could be mistaken for another is refused', () => {
    const loneSurrogate = { ...context, ownerId: '\ud800' };
    expect(() => sealBytes(key, loneSurrogate, plainOf(1))).toThrow(Bug);
    expect(() => sealBytes(key, { ...context, kind: 'x'.repeat(1024) }, plainOf(1))).toThrow(Bug);
  });

  test('a wiped, destroyed or cut key never seals or opens anything', () => {
    const sealed = sealBytes(key, context, plainOf(10));
    for (const bad of [Buffer.alloc(32), Buffer.alloc(32, 0xff), key.subarray(1), Buffer.alloc(0)]) {
      expect(() => sealBytes(bad, context, plainOf(10))).toThrow(Bug);
      expect(() => openBytes(bad, context, sealed)).toThrow(Bug);
    }
  });
});

describe('damage', () => {
  const fourSegments = sealBytes(key, context, plainOf(3 * SEGMENT));
  const segmentAt = (index: number) => fourSegments.subarray(index * SEGMENT, (index + 1) * SEGMENT);
  const open = (...parts: Uint8Array[]) => openBytes(key, context, Buffer.concat(parts));

  test('every single bit of a small sealing matters', () => {
    const sealed = sealBytes(key, context, plainOf(20));
    const parts = [
      { start: 0, end: 1, detail: 'unknown format version' },
      { start: 1, end: 33, detail: 'the key does not fit' },
      { start: 33, end: 34, detail: 'unknown header length' },
      { start: 34, end: 66, detail: 'the key does not fit' },
      { start: 66, end: sealed.length, detail: 'segment 0 does not authenticate' },
    ];
    for (const { start, end, detail } of parts) {
      for (let bit = start * 8; bit < end * 8; bit += 1) {
        const flipped = Buffer.from(sealed);
        flipped.writeUInt8(sealed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(damageOf(() => openBytes(key, context, flipped))).toContain(detail);
      }
    }
  });

  test('any changed byte of a large sealing is found', () => {
    fc.assert(
      fc.property(fc.nat(fourSegments.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(fourSegments);
        changed.writeUInt8(fourSegments.readUInt8(at) ^ change, at);
        const detail = damageOf(() => openBytes(key, context, changed));
        if (at >= HEADER) expect(detail).toBe(`segment ${Math.floor(at / SEGMENT)} does not authenticate`);
      }),
    );
  });

  test('bytes cut off at a segment border, or beside one, are missed', () => {
    for (const border of [HEADER, SEGMENT, 2 * SEGMENT, 3 * SEGMENT, fourSegments.length]) {
      for (const cut of [-17, -16, -1, 0, 1, 16, 17]) {
        if (border + cut < fourSegments.length) damageOf(() => open(fourSegments.subarray(0, border + cut)));
      }
    }
  });

  test('bytes cut off anywhere are missed', () => {
    fc.assert(
      fc.property(fc.nat(fourSegments.length - 1), (cut) => {
        damageOf(() => open(fourSegments.subarray(0, cut)));
      }),
    );
  });

  test('segments cannot be exchanged, repeated or left out', () => {
    damageOf(() => open(segmentAt(0), segmentAt(2), segmentAt(1), segmentAt(3)));
    damageOf(() => open(segmentAt(0), segmentAt(1), segmentAt(1), segmentAt(3)));
    damageOf(() => open(segmentAt(0), segmentAt(1), segmentAt(1), segmentAt(2), segmentAt(3)));
    damageOf(() => open(segmentAt(0), segmentAt(2), segmentAt(3)));
    damageOf(() => open(segmentAt(0), segmentAt(3)));
    damageOf(() => open(fourSegments, segmentAt(3)));
    expect(open(segmentAt(0), segmentAt(1), segmentAt(2), segmentAt(3)).equals(plainOf(3 * SEGMENT))).toBe(true);
  });

  test('nothing can be appended', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (more) => {
        damageOf(() => open(fourSegments, more));
      }),
    );
  });

  test('segments of two sealings under one key and context do not mix', () => {
    const again = sealBytes(key, context, plainOf(3 * SEGMENT));
    damageOf(() => open(segmentAt(0), again.subarray(SEGMENT)));
    damageOf(() => open(again.subarray(0, HEADER), fourSegments.subarray(HEADER)));
  });
});

test('what does not authenticate is wiped, not left for whoever reads the memory', () => {
  const sealed = sealBytes(key, context, plainOf(20));
  const fill = vi.spyOn(Buffer.prototype, 'fill');
  damageOf(() =>
    openBytes(key, context, Buffer.concat([sealed.subarray(0, -1), Buffer.of(sealed.readUInt8(108) ^ 1)])),
  );
  const wiped: Buffer[] = fill.mock.contexts;
  fill.mockRestore();
  expect(wiped.filter((buffer) => buffer.length === 20)).toEqual([Buffer.alloc(20)]);
});

describe('a derived key', () => {
  test('is never used again once it was wiped, nor for one segment twice', () => {
    const derived = Buffer.from(key);
    const cipher = new SegmentCipher(derived, Buffer.alloc(7));
    const first = { index: 0, isLast: false };
    const sealed = Buffer.alloc(17);
    cipher.seal(first, [Buffer.of(1)], sealed);
    expect(() => cipher.seal(first, [Buffer.of(2)], Buffer.alloc(17))).toThrow(Bug);
    expect(() => cipher.seal({ index: 1, isLast: true }, [Buffer.of(2)], Buffer.alloc(16))).toThrow(Bug);
    cipher.wipe();
    expect(derived.equals(Buffer.alloc(32))).toBe(true);
    expect(() => cipher.open(first, sealed)).toThrow(Bug);
  });
});
