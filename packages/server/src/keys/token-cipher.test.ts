import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { blocksOf, decryptTokens, encryptCores, tokenBytes, tokenCore } from './token-cipher.ts';

const indexKey = Buffer.alloc(32, 3);
const cores = ['+10', '+11', '+10'].map((phone) => tokenCore(indexKey, 'phone', phone));

test('a core is the first 16 bytes of HMAC-SHA-256 over kind and value', () => {
  const digest = createHmac('sha256', indexKey).update('phone\0+10').digest();
  expect(cores[0]).toEqual(digest.subarray(0, tokenBytes));
});

test('one value of two kinds, or of two tenants, has two cores', () => {
  const others = [tokenCore(indexKey, 'session', '+10'), tokenCore(Buffer.alloc(32, 4), 'phone', '+10')];
  for (const other of others) expect(other).not.toEqual(cores[0]);
});

test('tokens of equal cores are equal in one epoch and differ between two', () => {
  const [one, other] = [5, 6].map((byte) => blocksOf(encryptCores(Buffer.alloc(32, byte), Buffer.concat(cores))));
  expect(one?.[0]).toEqual(one?.[2]);
  expect(one?.[0]).not.toEqual(one?.[1]);
  expect(one?.[0]).not.toEqual(other?.[0]);
});

test('a turn of the epoch needs no plaintext: tokens go back to their cores', () => {
  const key = Buffer.alloc(32, 5);
  const row = Buffer.concat(cores);
  expect(decryptTokens(key, encryptCores(key, row))).toEqual(row);
  expect(blocksOf(row)).toEqual(cores);
});
