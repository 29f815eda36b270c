import { createCipheriv, createDecipheriv, createHmac, randomFillSync, timingSafeEqual } from 'node:crypto';
import { AppError, Bug } from '../model/errors.ts';
import {
  HEADER_BYTES,
  NONCE_PREFIX_BYTES,
  SALT_BYTES,
  SEGMENTS_MAX,
  TAG_BYTES,
  TINK_HEADER_AT,
  TINK_HEADER_BYTES,
  VERSION,
} from './sealing-layout.ts';

/**
 * One sealing from the inside: its header, its derived key, single segments. AES-GCM does not commit to its key (one
 * ciphertext can be made to open under two), hence the commitment before Tink's header.
 */

/** Where an artifact belongs. Sealed bytes open under exactly the context they were sealed for. */
export type SealContext = {
  tenantId: string;
  ownerId: string;
  kind: string;
};

/** Which segment of a sealing; both parts go into its nonce, so that order and end cannot be changed. */
export type SegmentPlace = {
  index: number;
  isLast: boolean;
};

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const KEY_NAME = encodeFields(['tacet artifact v1']);
/** The key is derived under a name that differs in its first field. */
const COMMITMENT_NAME = encodeFields(['tacet artifact v1 commitment']);
/** Of the longer info; Node's own HKDF takes no more, and nothing that we seal comes near. */
const INFO_BYTES_MAX = 1024;

/** Draws salt and nonce prefix and derives the keys of a new sealing. The caller wipes the cipher when done. */
export function startSealing(key: Uint8Array, context: SealContext): { header: Buffer; cipher: SegmentCipher } {
  assertKey(key);
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt8(VERSION, 0);
  header.writeUInt8(TINK_HEADER_BYTES, TINK_HEADER_AT);
  randomFillSync(header, TINK_HEADER_AT + 1);
  const { salt, noncePrefix } = splitTinkHeader(header.subarray(TINK_HEADER_AT));
  const { commitment, segmentKey } = derive(key, salt, context);
  commitment.copy(header, 1);
  return { header, cipher: new SegmentCipher(segmentKey, noncePrefix) };
}

/**
 * Checks the header of a sealing and derives its keys. The caller wipes the cipher when done.
 *
 * @throws AppError `damage`; its detail tells a header that is not ours from a key that does not fit.
 */
export function openHeader(key: Uint8Array, context: SealContext, header: Uint8Array): SegmentCipher {
  assertKey(key);
  if (header.length !== HEADER_BYTES) throw new Bug(`a sealing's header is ${HEADER_BYTES} bytes`);
  if (header[0] !== VERSION) throw damage('unknown format version');
  if (header[TINK_HEADER_AT] !== TINK_HEADER_BYTES) throw damage('unknown header length');
  const { salt, noncePrefix } = splitTinkHeader(header.subarray(TINK_HEADER_AT));
  const { commitment, segmentKey } = derive(key, salt, context);
  if (!timingSafeEqual(header.subarray(1, TINK_HEADER_AT), commitment)) {
    segmentKey.fill(0);
    throw damage('the key does not fit: another key or another context, unless commitment or salt are damaged');
  }
  return new SegmentCipher(segmentKey, noncePrefix);
}

/** The derived key of one sealing, from derivation to wipe. */
export class SegmentCipher {
  readonly #key: Buffer;
  readonly #noncePrefix: Buffer;
  #nextIndex = 0;
  #isWiped = false;

  /** Takes over `key` (the derived one) and will wipe it. */
  constructor(key: Buffer, noncePrefix: Uint8Array) {
    this.#key = key;
    this.#noncePrefix = Buffer.from(noncePrefix);
  }

  /**
   * Seals the parts, joined, as one segment. `target` has exactly the room for them and the tag. Segments are sealed
   * in order and once: a nonce that came twice would give everything away.
   */
  seal(place: SegmentPlace, parts: readonly Uint8Array[], target: Buffer): void {
    if (place.index !== this.#nextIndex) throw new Bug('a segment was sealed out of turn');
    this.#nextIndex += 1;
    const sizeBytes = parts.reduce((sum, part) => sum + part.length, TAG_BYTES);
    if (target.length !== sizeBytes) throw new Bug('a segment and the room for it differ in size');
    const cipher = createCipheriv(ALGORITHM, this.#usableKey(), this.#nonce(place), { authTagLength: TAG_BYTES });
    let at = 0;
    for (const part of parts) at += cipher.update(part).copy(target, at);
    cipher.final();
    cipher.getAuthTag().copy(target, at);
  }

  /**
   * Opens one segment; what is returned has passed authentication.
   *
   * @throws AppError `damage`
   */
  open(place: SegmentPlace, sealed: Uint8Array): Buffer {
    if (sealed.length < TAG_BYTES) throw damage(`segment ${place.index} is too short`);
    const decipher = createDecipheriv(ALGORITHM, this.#usableKey(), this.#nonce(place), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    try {
      decipher.final();
    } catch (cause) {
      plain.fill(0);
      throw damage(`segment ${place.index} does not authenticate`, cause);
    }
    return plain;
  }

  /** Overwrites the derived key. May be called again; the cipher cannot be used any more. */
  wipe(): void {
    this.#isWiped = true;
    this.#key.fill(0);
  }

  #usableKey(): Buffer {
    if (this.#isWiped) throw new Bug('a sealing was used after its key was wiped');
    return this.#key;
  }

  #nonce(place: SegmentPlace): Buffer {
    if (place.index >= SEGMENTS_MAX) throw new Bug('a sealing has at most 2^32 segments');
    const nonce = Buffer.alloc(NONCE_BYTES);
    this.#noncePrefix.copy(nonce);
    nonce.writeUInt32BE(place.index, NONCE_PREFIX_BYTES);
    nonce.writeUInt8(place.isLast ? 1 : 0, NONCE_BYTES - 1);
    return nonce;
  }
}

/** The one shape of every damage found in a sealing. `detail` names sizes and segment numbers only. */
export function damage(detail: string, cause?: unknown): AppError {
  return new AppError('damage', cause === undefined ? { detail } : { detail, cause });
}

function splitTinkHeader(tinkHeader: Uint8Array): { salt: Uint8Array; noncePrefix: Uint8Array } {
  return { salt: tinkHeader.subarray(1, 1 + SALT_BYTES), noncePrefix: tinkHeader.subarray(1 + SALT_BYTES) };
}

/**
 * HKDF-SHA-256 (RFC 5869), extracted once and expanded twice, each time by the one block that 32 bytes take.
 *
 * `segmentKey` is derived as Tink does, with the associated data as HKDF's info. `commitment` binds key, salt and
 * context; its info differs in the first field from all that keys are derived with.
 */
function derive(key: Uint8Array, salt: Uint8Array, context: SealContext): { commitment: Buffer; segmentKey: Buffer } {
  const place = encodeFields([context.tenantId, context.ownerId, context.kind]);
  if (COMMITMENT_NAME.length + place.length > INFO_BYTES_MAX) {
    throw new Bug(`a seal context is too long: its info has at most ${INFO_BYTES_MAX} bytes`);
  }
  const extracted = createHmac('sha256', salt).update(key).digest();
  const commitment = expand(extracted, COMMITMENT_NAME, place);
  const segmentKey = expand(extracted, KEY_NAME, place);
  extracted.fill(0);
  return { commitment, segmentKey };
}

const firstBlock = Buffer.of(1);

/** The first block of HKDF's output, the info given in two parts. */
function expand(extracted: Buffer, name: Buffer, place: Buffer): Buffer {
  return createHmac('sha256', extracted).update(name).update(place).update(firstBlock).digest();
}

/** Fields, each UTF-8 behind its length as four bytes, big-endian: no two lists of fields look alike. */
function encodeFields(fields: readonly string[]): Buffer {
  const encoded = Buffer.alloc(fields.reduce((sum, field) => sum + 4 + Buffer.byteLength(field, 'utf8'), 0));
  let at = 0;
  for (const field of fields) {
    // A lone surrogate becomes U+FFFD, which would make two different contexts one.
    if (/\p{Surrogate}/u.test(field)) throw new Bug('a seal context is well-formed Unicode');
    const bytes = encoded.write(field, at + 4, 'utf8');
    encoded.writeUInt32BE(bytes, at);
    at += 4 + bytes;
  }
  return encoded;
}

/** Refuses what a caller holds by mistake: a wiped buffer (all 00), or a slot that was destroyed (all FF). */
function assertKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw new Bug(`an artifact key is ${KEY_BYTES} bytes`);
  if (key.every((byte) => byte === 0x00) || key.every((byte) => byte === 0xff)) {
    throw new Bug('an artifact key was wiped or destroyed before it was used');
  }
}
