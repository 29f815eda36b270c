/**
 * What an attacker needs to open what he has taken, written from the documents with nothing but Node's own AES and HMAC:
 * if the product and this file agree, it is about the format and not about shared code.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** Bytes of every key there is: root, page and slot keys. */
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const blockBytes = 16;
const entries = 256;
const pagePlainBytes = entries * keyBytes;

/** Of the topmost page and of each level below it, down to the leaves. */
export const topLevel = 4;

/** A key page as a database stores it, and where it belongs. */
export type SealedPage = { level: number; index: number; sealed: Buffer };

/** Where an artifact belongs: what its sealing is bound to. No secret. */
export type Context = { tenantId: string; ownerId: string; kind: string };

/** The plaintext of a key page: 256 entries in a row. Undefined where the key does not fit. */
export function openPage(key: Uint8Array, { level, index, sealed }: SealedPage): Buffer | undefined {
  const place = Buffer.alloc(32);
  place.write('tacet key page 1', 'latin1');
  place.writeUInt8(level, 16);
  place.writeBigUInt64BE(BigInt(index), 24);
  return openGcm(key, sealed.subarray(0, nonceBytes), sealed.subarray(nonceBytes), place);
}

/** The entries of an opened page that hold a key: neither destroyed nor never born. */
export function keysIn(page: Buffer): { offset: number; key: Buffer }[] {
  const keys: { offset: number; key: Buffer }[] = [];
  for (let offset = 0; offset < page.length / keyBytes; offset += 1) {
    const key = page.subarray(offset * keyBytes, (offset + 1) * keyBytes);
    if (!key.every((byte) => byte === 0) && !key.every((byte) => byte === 0xff)) keys.push({ offset, key });
  }
  return keys;
}

/**
 * Tells of many keys quickly whether one may open any of some pages above the leaves.
 *
 * The last entry of such a page is empty, 32 bytes of zero, until 255 others are in use. So its last block of ciphertext
 * is the keystream itself: AES of nonce and block counter, one block instead of a whole page and its tag. A page whose
 * last entry is in use would be passed over; tests have archives of a few leaves.
 */
export class PageProbe {
  readonly #pages: readonly SealedPage[];
  readonly #counters: Buffer;
  readonly #expected: Buffer;

  constructor(pages: readonly SealedPage[]) {
    this.#pages = pages;
    const blocks = pagePlainBytes / blockBytes;
    const counter = Buffer.alloc(4);
    // GCM gives its first block to the tag and counts from two.
    counter.writeUInt32BE(blocks + 1);
    this.#counters = Buffer.concat(pages.flatMap(({ sealed }) => [sealed.subarray(0, nonceBytes), counter]));
    const lastBlock = nonceBytes + pagePlainBytes - blockBytes;
    this.#expected = Buffer.concat(pages.map(({ sealed }) => sealed.subarray(lastBlock, lastBlock + blockBytes)));
  }

  /** Pages that the key opens, with their plaintexts. */
  opened(key: Uint8Array): { page: SealedPage; plain: Buffer }[] {
    const found: { page: SealedPage; plain: Buffer }[] = [];
    if (this.#pages.length === 0) return found;
    const stream = aesBlocks('encrypt', key, this.#counters);
    for (const [i, page] of this.#pages.entries()) {
      const at = i * blockBytes;
      if (stream.readUInt32LE(at) !== this.#expected.readUInt32LE(at)) continue;
      const plain = openPage(key, page);
      if (plain !== undefined) found.push({ page, plain });
    }
    return found;
  }
}

/**
 * Opens an artifact's bytes; undefined where the key or the context does not fit. The version byte, the commitment of 32
 * bytes, then Tink's AES-GCM-HKDF stream: header length, salt of 32, nonce prefix of 7, and segments that end at
 * multiples of 64 KiB.
 */
export function openSealing(key: Uint8Array, context: Context, sealed: Buffer): Buffer | undefined {
  const salt = sealed.subarray(34, 66);
  const place = fieldsOf([context.tenantId, context.ownerId, context.kind]);
  const extracted = hmac(salt, [key]);
  const commitment = hmac(extracted, [fieldsOf(['tacet artifact v1 commitment']), place, Buffer.of(1)]);
  if (!commitment.equals(sealed.subarray(1, 33))) return undefined;
  const segmentKey = hmac(extracted, [fieldsOf(['tacet artifact v1']), place, Buffer.of(1)]);
  const plains: Buffer[] = [];
  for (let index = 0, from = 73; from < sealed.length; index += 1) {
    const to = Math.min((index + 1) * 65_536, sealed.length);
    const nonce = Buffer.alloc(nonceBytes);
    sealed.copy(nonce, 0, 66, 73);
    nonce.writeUInt32BE(index, 7);
    nonce.writeUInt8(to === sealed.length ? 1 : 0, 11);
    const plain = openGcm(segmentKey, nonce, sealed.subarray(from, to));
    if (plain === undefined) throw new Error(`a key fits, and segment ${index} does not open`);
    plains.push(plain);
    from = to;
  }
  return Buffer.concat(plains);
}

/** A secret of the server's own (`index-key`, `tombstone-key`): HKDF-SHA-256 of its slot's key, without a salt. */
export function secretOf(slotKey: Uint8Array, kind: string): Buffer {
  return hmac(hmac(Buffer.alloc(32), [slotKey]), [Buffer.from(`tacet secret ${kind}`), Buffer.of(1)]);
}

/** What an identifier's token is an encryption of: 16 bytes, the same in every epoch. */
export function coreOf(indexKey: Uint8Array, kind: string, value: string): Buffer {
  return hmac(indexKey, [Buffer.from(`${kind}\0${value}`)]).subarray(0, blockBytes);
}

/** AES-256 block by block: tokens to cores with `decrypt`. The input is a whole number of 16-byte blocks. */
export function aesBlocks(how: 'encrypt' | 'decrypt', key: Uint8Array, blocks: Uint8Array): Buffer {
  const make = how === 'encrypt' ? createCipheriv : createDecipheriv;
  return make('aes-256-ecb', key, null).setAutoPadding(false).update(blocks);
}

/** Ciphertext and tag to plaintext. */
export function openGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array = Buffer.alloc(0),
): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(associated);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  const plain = decipher.update(sealed.subarray(0, -tagBytes));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

function hmac(key: Uint8Array, parts: readonly Uint8Array[]): Buffer {
  const made = createHmac('sha256', key);
  for (const part of parts) made.update(part);
  return made.digest();
}

/** Each field behind its length as four bytes. */
function fieldsOf(fields: readonly string[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
