import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { IdentifierKind } from '../model/token-store.ts';

/** Bytes of a token and of its core: one AES block. */
export const tokenBytes = 16;

/**
 * The core of a token: the first 16 bytes of HMAC-SHA-256 under the tenant's index key over kind and value.
 *
 * The same in every epoch, and never stored: an epoch turns by decrypting tokens to their cores and encrypting those
 * under the next key, for which no identifier is needed.
 */
export function tokenCore(indexKey: Uint8Array, kind: IdentifierKind, value: string): Buffer {
  const digest = createHmac('sha256', indexKey).update(`${kind}\0`).update(value, 'utf8').digest();
  return digest.subarray(0, tokenBytes);
}

/**
 * Cores to tokens under one key: AES-256, block by block, `cores` being any number of 16-byte cores in a row.
 *
 * One block under one key is a permutation of cores: equal cores give equal tokens, which look-up needs, and nothing
 * else can be told without the key. Cores are pseudo-random already, so there is no pattern for block mode to show.
 */
export function encryptCores(key: Uint8Array, cores: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(cores), cipher.final()]);
}

/** Tokens back to cores. */
export function decryptTokens(key: Uint8Array, tokens: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([decipher.update(tokens), decipher.final()]);
}

/** Cuts a row of 16-byte blocks into blocks (views). */
export function blocksOf(row: Buffer): Buffer[] {
  return Array.from({ length: row.length / tokenBytes }, (_, i) => row.subarray(i * tokenBytes, (i + 1) * tokenBytes));
}
