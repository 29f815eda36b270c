import { expect, test } from 'vitest';
import { Bug } from '../model/errors.ts';
import { FreshSupplies } from './fresh-supplies.ts';
import { associatedDataOf, keyBytes, nodeKeyCrypto } from './page.ts';

const pages = 64;
const plain = Buffer.from('what a page holds');
const supplies = () => new FreshSupplies(nodeKeyCrypto, pages, plain.length);

test('no key, no nonce and no room is handed out twice, nor by two steps', () => {
  const taken = [supplies(), supplies()].flatMap((fresh) =>
    Array.from({ length: pages }, () => ({ key: fresh.key(), ...fresh.forSealing() })),
  );
  expect(new Set(taken.map(({ key }) => key.toString('hex'))).size).toBe(2 * pages);
  expect(new Set(taken.map(({ nonce }) => Buffer.from(nonce).toString('hex'))).size).toBe(2 * pages);
  for (const [i, { room }] of taken.entries()) room.fill(i);
  for (const [i, { room }] of taken.entries()) expect(room.every((byte) => byte === i)).toBe(true);
});

test('what is sealed with supplies lies in their room, begins with their nonce, and opens', () => {
  const fresh = supplies();
  for (let index = 0; index < pages; index += 1) {
    const associated = associatedDataOf({ level: 0, index });
    const key = fresh.key();
    const brought = fresh.forSealing();
    const sealed = nodeKeyCrypto.seal(key, associated, plain, brought);
    expect(sealed).toBe(brought.room);
    expect(sealed.subarray(0, brought.nonce.length)).toEqual(brought.nonce);
    expect(nodeKeyCrypto.open(key, associated, sealed)).toEqual(plain);
  }
});

test('a step that seals more pages than it has drawn for is a defect', () => {
  const fresh = supplies();
  for (let i = 0; i < pages; i += 1) fresh.key();
  for (let i = 0; i < pages; i += 1) fresh.forSealing();
  expect(() => fresh.key()).toThrow(Bug);
  expect(() => fresh.forSealing()).toThrow(Bug);
});

test('no key is left in memory at the end of a step, and none is handed out after it', () => {
  const fresh = supplies();
  const key = fresh.key();
  fresh.wipe();
  expect(key).toEqual(Buffer.alloc(keyBytes));
  expect(() => fresh.key()).toThrow(Bug);
});
