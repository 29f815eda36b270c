import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { AppError } from '../model/errors.ts';
import type { PagePlace } from '../model/key-store.ts';

/** Bytes of every key in the tree: slot keys, page keys and root keys alike. */
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** How many entries a page has and how many levels there are, the topmost page included. */
export type TreeShape = { fanOut: number; levels: number };

/** 256^5 = 2^40 slots. Fixed for ever: a slot's path is computed from its number. */
export const standardShape: TreeShape = { fanOut: 256, levels: 5 };

/**
 * The two primitives of the tree. The product uses `nodeKeyCrypto`; the attacker test passes one that also notes which
 * key sealed what, so that it need not try every window on every ciphertext by force.
 */
export interface KeyCrypto {
  /** Fresh random bytes. */
  random(bytes: number): Buffer;
  /** AES-256-GCM with a random nonce: nonce, ciphertext, tag. */
  seal(key: Uint8Array, associated: Uint8Array, plain: Uint8Array): Buffer;
  /** The plaintext, or undefined where the tag does not fit. */
  open(key: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Buffer | undefined;
}

export const nodeKeyCrypto: KeyCrypto = {
  random: (bytes) => randomFillSync(Buffer.allocUnsafeSlow(bytes)),
  seal(key, associated, plain) {
    const sealed = Buffer.allocUnsafe(nonceBytes + plain.length + tagBytes);
    const nonce = randomFillSync(sealed.subarray(0, nonceBytes));
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    cipher.setAAD(associated);
    cipher.update(plain).copy(sealed, nonceBytes);
    cipher.final();
    cipher.getAuthTag().copy(sealed, nonceBytes + plain.length);
    return sealed;
  },
  open(key, associated, sealed) {
    if (sealed.length < nonceBytes + tagBytes) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes));
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const plain = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes));
    try {
      decipher.final();
      return plain;
    } catch {
      plain.fill(0);
      return undefined;
    }
  },
};

/** Associated data of a page: its place, so that no page can stand in for another. */
export function associatedDataOf(place: PagePlace): Buffer {
  const associated = Buffer.alloc(32);
  associated.write('tacet key page 1', 0, 'latin1');
  associated.writeUInt8(place.level, 16);
  associated.writeBigUInt64BE(BigInt(place.index), 24);
  return associated;
}

/** An opened page: its entries in a row, `keyBytes` each. The caller wipes it when done. */
export type OpenedPage = { place: PagePlace; keys: Buffer };

/** Entry `offset` of a page, as a view (not a copy). */
export function entryOf(page: OpenedPage, offset: number): Buffer {
  return page.keys.subarray(offset * keyBytes, (offset + 1) * keyBytes);
}

const destroyed = Buffer.alloc(keyBytes, 0xff);
const absent = Buffer.alloc(keyBytes, 0);

/** True for a slot that was overwritten. */
export function isDestroyed(entry: Uint8Array): boolean {
  return destroyed.equals(entry);
}

/** True for an entry of an inner page whose child was never born. */
export function isAbsent(entry: Uint8Array): boolean {
  return absent.equals(entry);
}

/** Where a page hangs: its parent's place and its offset there. */
export function parentOf(place: PagePlace, shape: TreeShape): { place: PagePlace; offset: number } {
  return {
    place: { level: place.level + 1, index: Math.floor(place.index / shape.fanOut) },
    offset: place.index % shape.fanOut,
  };
}

/** The leaf of a slot and the slot's offset there. */
export function leafOf(slot: number, shape: TreeShape): { leaf: number; offset: number } {
  return { leaf: Math.floor(slot / shape.fanOut), offset: slot % shape.fanOut };
}

/** Places from a leaf up to, but not including, the topmost page. */
export function pathOf(leaf: number, shape: TreeShape): PagePlace[] {
  const path: PagePlace[] = [];
  for (let place: PagePlace = { level: 0, index: leaf }; place.level < shape.levels - 1; ) {
    path.push(place);
    place = parentOf(place, shape).place;
  }
  return path;
}

/** The topmost page's place. */
export function topPlace(shape: TreeShape): PagePlace {
  return { level: shape.levels - 1, index: 0 };
}

/** One text per place, for maps. */
export function placeName(place: PagePlace): string {
  return `${place.level}/${place.index}`;
}

/** The error for a page that is missing or does not open where it must. */
export function pageDamage(place: PagePlace, what: string): AppError {
  return new AppError('damage', { detail: `key page ${placeName(place)}: ${what}` });
}

/** Slots, each once, ascending, by their leaves, ascending. */
export function slotsByLeaf(slots: readonly number[], shape: TreeShape): Map<number, number[]> {
  const byLeaf = new Map<number, number[]>();
  for (const slot of [...new Set(slots)].sort((a, b) => a - b)) {
    const { leaf } = leafOf(slot, shape);
    const there = byLeaf.get(leaf);
    if (there) there.push(slot);
    else byLeaf.set(leaf, [slot]);
  }
  return byLeaf;
}
