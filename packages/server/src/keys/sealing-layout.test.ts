import { createCipheriv, createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bug } from '../model/errors.ts';
import { openBytes, plainSizeBytes, type SealContext, sealBytes, sealedSizeBytes } from './sealing.ts';

// Written out, not imported: these numbers are the format.
const HEADER = 73;
const SEGMENT = 65_536;
const BORDER_1 = 65_447;
const BORDER_2 = BORDER_1 + 65_520;

const key = createHash('sha256').update('one key').digest();
const context: SealContext = { tenantId: 'tenant', ownerId: 'owner', kind: 'recording' };
const material = createHash('shake256', { outputLength: 4 * SEGMENT })
  .update('plaintext')
  .digest();
const plainOf = (sizeBytes: number) => material.subarray(0, sizeBytes);

const borders = [0, 1, 15, 16, 17, 4096, BORDER_1, BORDER_2, BORDER_2 + 65_520];
const sizesAroundBorders = [...new Set(borders.flatMap((size) => [size - 1, size, size + 1]))].filter((n) => n >= 0);

/** The text `tacet: it is silent` under `key` and `context`. Sealed once; it must not have to change. */
const FIRST_RELEASE =
  '01c9ffe77dc0af2947fb2463dd4339adf50e8d84c05271a68e3868e51498b461c028c2f5b7cd881a4961b6f64bc7e293' +
  'fb5c258d9f43a1a9b554ffa0d43a3f518fcc5491584458b54d6aa79b1f43397277d9819dc34784bfa3baa275f5d1e29f' +
  '9be77fb8c0adf0b1626f28b8';

type TinkParameters = { hash: 'sha1' | 'sha256'; keyBytes: 16 | 32; segmentBytes: number; firstOffset: number };
type TinkInput = { ikm: Buffer; info: Buffer; salt: Buffer; noncePrefix: Buffer; plain: Buffer };

/** HKDF as RFC 5869 has it, from HMAC alone. */
function hkdf(hash: string, ikm: Buffer, salt: Buffer, info: Buffer, sizeBytes: number): Buffer {
  const prk = createHmac(hash, salt).update(ikm).digest();
  let block = Buffer.alloc(0);
  let okm = Buffer.alloc(0);
  for (let i = 1; okm.length < sizeBytes; i += 1) {
    block = createHmac(hash, prk).update(block).update(info).update(Buffer.of(i)).digest();
    okm = Buffer.concat([okm, block]);
  }
  return okm.subarray(0, sizeBytes);
}

/** AES-GCM-HKDF streaming, written a second time from Tink's description, with none of our code. */
function tink(parameters: TinkParameters, input: TinkInput): Buffer {
  const { hash, keyBytes, segmentBytes, firstOffset } = parameters;
  const derived = hkdf(hash, input.ikm, input.salt, input.info, keyBytes);
  const header = Buffer.concat([Buffer.of(1 + keyBytes + 7), input.salt, input.noncePrefix]);
  const out: Buffer[] = [header];
  let rest = input.plain;
  let room = segmentBytes - 16 - header.length - firstOffset;
  for (let segment = 0; ; segment += 1) {
    const isLast = rest.length <= room;
    const nonce = Buffer.concat([input.noncePrefix, Buffer.alloc(4), Buffer.of(isLast ? 1 : 0)]);
    nonce.writeUInt32BE(segment, 7);
    const cipher = createCipheriv(`aes-${keyBytes === 32 ? 256 : 128}-gcm`, derived, nonce);
    out.push(cipher.update(rest.subarray(0, room)), cipher.final(), cipher.getAuthTag());
    if (isLast) return Buffer.concat(out);
    rest = rest.subarray(room);
    room = segmentBytes - 16;
  }
}

/** Our format from the reference above: version, commitment, Tink. */
function reference(salt: Buffer, noncePrefix: Buffer, plain: Buffer): Buffer {
  const field = (text: string) => Buffer.from(`\0\0\0${String.fromCharCode(text.length)}${text}`, 'latin1');
  const place = [context.tenantId, context.ownerId, context.kind].map(field);
  const info = Buffer.concat([field('tacet artifact v1'), ...place]);
  const commitmentInfo = Buffer.concat([field('tacet artifact v1 commitment'), ...place]);
  const commitment = hkdf('sha256', key, salt, commitmentInfo, 32);
  const parameters: TinkParameters = { hash: 'sha256', keyBytes: 32, segmentBytes: SEGMENT, firstOffset: 33 };
  return Buffer.concat([Buffer.of(1), commitment, tink(parameters, { ikm: key, info, salt, noncePrefix, plain })]);
}

describe('the format', () => {
  // Published by Tink: the cross-language test vector, and two of its vectors for AES-GCM-HKDF streaming.
  test.each([
    {
      parameters: { hash: 'sha1', keyBytes: 16, segmentBytes: 64, firstOffset: 0 } as const,
      ikm: '6eb56cdc726dfbe5d57f2fcdc6e9345b',
      info: 'aad',
      plain: 'This is a fairly long plaintext. It is of the exact length to create three output blocks. ',
      sealed:
        '1893b3af5e14ab378d065addfc8484da642c0862877baea8' +
        'db92d9c77406a406168478821c4298eab3e6d531277f4c1a051714faebcaefcbca7b7be05e9445ea' +
        'a0bb2904153398a25084dd80ae0edcd1c3079fcea2cd3770630ee36f7539207b' +
        '8ec9d754956d486b71cdf989f0ed6fba6779b63558be0a66e668df14e1603cd2' +
        'af8944844078345286d0b292e772e7190775c51a0f83e40c0b75821027e7e538e111',
    },
    {
      parameters: { hash: 'sha256', keyBytes: 16, segmentBytes: 64, firstOffset: 0 } as const,
      ikm: '6eb56cdc726dfbe5d57f2fcdc6e9345b',
      info: '',
      plain: '',
      sealed: '18be78bce0cab6fd38a9041eea8ab0ffc4cf17e3c00b661d3927f5f79069f41a210fedc40b25648c',
    },
    {
      parameters: { hash: 'sha1', keyBytes: 32, segmentBytes: 64, firstOffset: 0 } as const,
      ikm: '00112233445566778899aabbccddeeff6eb56cdc726dfbe5d57f2fcdc6e9345b',
      info: '',
      plain: '',
      sealed:
        '28fae780c70a82d1256c8303a1261ac6a98cf557b4e173967a62f3c149517ba5' +
        'b2431da93b3c6e90f508b34dc14bfda59bab05681c6ad3fa',
    },
  ])('the reference in this test gives what Tink published ($parameters)', (vector) => {
    const sealed = Buffer.from(vector.sealed, 'hex');
    const headerBytes = sealed.readUInt8(0);
    const input: TinkInput = {
      ikm: Buffer.from(vector.ikm, 'hex'),
      info: Buffer.from(vector.info),
      salt: sealed.subarray(1, headerBytes - 7),
      noncePrefix: sealed.subarray(headerBytes - 7, headerBytes),
      plain: Buffer.from(vector.plain),
    };
    expect(tink(vector.parameters, input).toString('hex')).toBe(vector.sealed);
  });

  test.each(sizesAroundBorders)('%i bytes are sealed to exactly the bytes of the reference', (sizeBytes) => {
    const sealed = sealBytes(key, context, plainOf(sizeBytes));
    const expected = reference(sealed.subarray(34, 66), sealed.subarray(66, HEADER), plainOf(sizeBytes));
    expect(sealed.equals(expected)).toBe(true);
  });

  test('bytes sealed by the first release open for ever', () => {
    const sealed = Buffer.from(FIRST_RELEASE, 'hex');
    expect(openBytes(key, context, sealed).toString()).toBe('tacet: it is silent');
  });

  test('salt and nonce prefix are drawn anew for every sealing', () => {
    const drawn = Array.from({ length: 64 }, () => sealBytes(key, context, plainOf(8)));
    expect(new Set(drawn.map((sealed) => sealed.toString('hex', 34, 66))).size).toBe(64);
    expect(new Set(drawn.map((sealed) => sealed.toString('hex', 66, HEADER))).size).toBe(64);
  });
});

describe('sizes', () => {
  test.each([
    [0, 89],
    [1, 90],
    [BORDER_1, SEGMENT],
    [BORDER_1 + 1, SEGMENT + 17],
    [BORDER_2, 2 * SEGMENT],
    [BORDER_2 + 1, 2 * SEGMENT + 17],
  ])('%i bytes of plaintext are %i sealed bytes', (plain, sealed) => {
    expect(sealedSizeBytes(plain)).toBe(sealed);
    expect(plainSizeBytes(sealed)).toBe(plain);
  });

  test('every plaintext size has one sealed size, and the way back gives it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 2 ** 40 }), (plain) => {
        expect(plainSizeBytes(sealedSizeBytes(plain))).toBe(plain);
        expect(sealedSizeBytes(plain + 1)).toBeGreaterThan(sealedSizeBytes(plain));
      }),
    );
  });

  test('sizes that no sealing has are damage', () => {
    const tooShort = [-1, 0, 1, HEADER, 88];
    const noLastSegment = [1, 2, 3].flatMap((n) => [1, 15, 16].map((extra) => n * SEGMENT + extra));
    const noNumbers = [Number.NaN, Number.POSITIVE_INFINITY, 100.5, 2 ** 48 + 100, Number.MAX_SAFE_INTEGER];
    for (const size of [...tooShort, ...noLastSegment, ...noNumbers]) {
      expect(() => plainSizeBytes(size)).toThrow(expect.objectContaining({ code: 'damage' }));
    }
  });

  test('a plaintext size that cannot be is a defect of the caller', () => {
    for (const size of [-1, 0.5, Number.NaN, 2 ** 48]) expect(() => sealedSizeBytes(size)).toThrow(Bug);
  });
});
