import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bug } from '../model/errors.ts';
import {
  associatedDataOf,
  isAbsent,
  isDestroyed,
  keyBytes,
  leafOf,
  nodeKeyCrypto,
  parentOf,
  pathOf,
  sealedBytes,
  slotsByLeaf,
  standardShape,
  topPlace,
} from './page.ts';

const key = Buffer.alloc(keyBytes, 1);
const plain = Buffer.from('what a page holds');
const place = { level: 1, index: 7 };

test('a page opens under its key at its place', () => {
  const sealed = nodeKeyCrypto.seal(key, associatedDataOf(place), plain);
  expect(nodeKeyCrypto.open(key, associatedDataOf(place), sealed)).toEqual(plain);
});

test('a page opens neither at another place nor under another key', () => {
  const sealed = nodeKeyCrypto.seal(key, associatedDataOf(place), plain);
  for (const other of [
    { level: 2, index: 7 },
    { level: 1, index: 8 },
  ]) {
    expect(nodeKeyCrypto.open(key, associatedDataOf(other), sealed)).toBeUndefined();
  }
  expect(nodeKeyCrypto.open(Buffer.alloc(keyBytes, 2), associatedDataOf(place), sealed)).toBeUndefined();
});

test('a page with one bit changed, or cut short, does not open', () => {
  const sealed = nodeKeyCrypto.seal(key, associatedDataOf(place), plain);
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(nodeKeyCrypto.open(key, associatedDataOf(place), changed)).toBeUndefined();
    expect(nodeKeyCrypto.open(key, associatedDataOf(place), sealed.subarray(0, at))).toBeUndefined();
  }
});

test('the same page sealed twice gives different bytes', () => {
  const [one, two] = [1, 2].map(() => nodeKeyCrypto.seal(key, associatedDataOf(place), plain));
  expect(one).not.toEqual(two);
});

test('the last of 2^40 slots has a path to the top like the first', () => {
  const last = 2 ** 40 - 1;
  expect(leafOf(last, standardShape)).toEqual({ leaf: 2 ** 32 - 1, offset: 255 });
  const path = pathOf(2 ** 32 - 1, standardShape);
  expect(path).toEqual([
    { level: 0, index: 2 ** 32 - 1 },
    { level: 1, index: 2 ** 24 - 1 },
    { level: 2, index: 2 ** 16 - 1 },
    { level: 3, index: 2 ** 8 - 1 },
  ]);
  expect(parentOf({ level: 3, index: 255 }, standardShape)).toEqual({ place: topPlace(standardShape), offset: 255 });
});

test('only 32 bytes FF are a destroyed slot, and only 32 bytes 00 a child never born', () => {
  expect([isDestroyed(Buffer.alloc(32, 0xff)), isAbsent(Buffer.alloc(32))]).toEqual([true, true]);
  for (const at of [0, 31]) {
    const nearly = Buffer.alloc(32, 0xff);
    nearly.writeUInt8(0xfe, at);
    expect(isDestroyed(nearly)).toBe(false);
    expect(isAbsent(Buffer.alloc(32).fill(1, at, at + 1))).toBe(false);
  }
});

test('a page is sealed into room of exactly its size, under a nonce of exactly 12 bytes', () => {
  const fit = sealedBytes(plain.length);
  for (const [roomBytes, nonceBytes] of [
    [fit - 1, 12],
    [fit + 1, 12],
    [fit, 11],
    [fit, 13],
  ] as const) {
    const brought = { room: Buffer.alloc(roomBytes), nonce: nodeKeyCrypto.random(nonceBytes) };
    expect(() => nodeKeyCrypto.seal(key, associatedDataOf(place), plain, brought)).toThrow(Bug);
  }
});

test('associated data names the place in a form that never changes', () => {
  const fixed = '7461636574206b65792070616765203101000000000000000000000000000007';
  expect(associatedDataOf(place).toString('hex')).toBe(fixed);
  const far = associatedDataOf({ level: 0, index: 2 ** 40 + 5 });
  expect(far.toString('hex', 24)).toBe('0000010000000005');
});

test('slots come by leaf, each once and ascending, in whatever order they are named', () => {
  const shape = { fanOut: 4, levels: 3 };
  const slot = fc.oneof(fc.nat(40), fc.nat(2 ** 40));
  fc.assert(
    fc.property(fc.array(slot, { maxLength: 40 }), fc.boolean(), (drawn, isSorted) => {
      const slots = isSorted ? [...drawn].sort((a, b) => a - b) : drawn;
      const byLeaf = slotsByLeaf(slots, shape);
      expect([...byLeaf.values()].flat()).toEqual([...new Set(slots)].sort((a, b) => a - b));
      for (const [leaf, mine] of byLeaf) expect(mine.every((one) => Math.floor(one / 4) === leaf)).toBe(true);
      expect([...byLeaf.keys()]).toEqual([...byLeaf.keys()].sort((a, b) => a - b));
      expect([...byLeaf.values()].every((mine) => mine.length > 0)).toBe(true);
    }),
  );
});
