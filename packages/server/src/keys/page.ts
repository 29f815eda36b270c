import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { AppError, Bug } from '../model/errors.ts';
import type { PagePlace } from '../model/key-store.ts';

/** Bytes of every key in the tree: slot keys, page keys and root keys alike. */
export const keyBytes = 32;
/** Bytes of the nonce that a sealed page begins with. */
export const nonceBytes = 12;
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
  /** AES-256-GCM with a random nonce: nonce, ciphertext, tag. Whoever seals many pages brings what each one takes. */
  seal(key: Uint8Array, associated: Uint8Array, plain: Uint8Array, brought?: SealSupplies): Buffer;
  /** The plaintext, or undefined where the tag does not fit. */
  open(key: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Buffer | undefined;
}

/**
 * What a sealing takes from outside: 12 random bytes drawn for it alone, and room of exactly `sealedBytes` for what comes
 * out, which the sealing then answers.
 */
export type SealSupplies = { nonce: Uint8Array; room: Buffer };

/** How many bytes `plainBytes` take when sealed. */
export function sealedBytes(plainBytes: number): number {
  return nonceBytes + plainBytes + tagBytes;
}

export const nodeKeyCrypto: KeyCrypto = {
  random: (bytes) => randomFillSync(Buffer.allocUnsafeSlow(bytes)),
  seal(key, associated, plain, brought) {
    const sealed = brought?.room ?? Buffer.allocUnsafe(sealedBytes(plain.length));
    const nonce = sealed.subarray(0, nonceBytes);
    if (brought === undefined) {
      randomFillSync(nonce);
    } else {
      const isFit = brought.room.length === sealedBytes(plain.length) && brought.nonce.length === nonceBytes;
      if (!isFit) throw new Bug('a page is sealed with a nonce of 12 bytes into room of exactly its size');
      nonce.set(brought.nonce);
    }
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

const associatedStart = Buffer.alloc(32);
associatedStart.write('tacet key page 1', 0, 'latin1');

/** Associated data of a page: its place, so that no page can stand in for another. */
export function associatedDataOf(place: PagePlace): Buffer {
  const associated = Buffer.from(associatedStart);
  associated.writeUInt8(place.level, 16);
  associated.writeUInt32BE(Math.floor(place.index / 2 ** 32), 24);
  associated.writeUInt32BE(place.index % 2 ** 32, 28);
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
  // The first byte tells nearly all: this is asked of every slot of a purge.
  return entry[0] === 0xff && destroyed.equals(entry);
}

/** True for an entry of an inner page whose child was never born. */
export function isAbsent(entry: Uint8Array): boolean {
  return entry[0] === 0 && absent.equals(entry);
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
  const sorted = isAscending(slots) ? slots : ascending(slots);
  const byLeaf = new Map<number, number[]>();
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    const { leaf } = leafOf(sorted[from] ?? 0, shape);
    const bound = (leaf + 1) * shape.fanOut;
    while ((sorted[to] ?? bound) < bound) to += 1;
    byLeaf.set(leaf, sorted.slice(from, to));
  }
  return byLeaf;
}

/** Each once. Purges name their slots in this order nearly always, and sorting ten thousand takes milliseconds. */
function isAscending(slots: readonly number[]): boolean {
  let before = -1;
  for (const slot of slots) {
    if (slot <= before) return false;
    before = slot;
  }
  return true;
}

function ascending(slots: readonly number[]): number[] {
  return Array.from(new Float64Array(slots).sort()).filter((slot, i, all) => slot !== all[i - 1]);
}
