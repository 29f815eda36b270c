import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { CompactSign, compactVerify, importJWK } from 'jose';
import { describe, expect, test } from 'vitest';
import { type ReceiptClaims, rangesText } from '../../src/engine/receipts/receipt-claims.ts';
import { receiptHeader } from '../../src/engine/receipts/receipt-jws.ts';
import { receiptSlots } from '../../src/engine/receipts/receipt-slots.ts';
import { receiptWords } from '../../src/engine/receipts/receipt-words.ts';
import { readReceiptKeys, verifyReceipt } from '../../src/engine/receipts/verify-receipt.ts';
import { SlotRanges } from '../../src/keys/slot-ranges.ts';
import { toEd25519Jwk } from '../../src/lib/ed25519-jwk.ts';
import { newId } from '../../src/lib/ids.ts';

const pair = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const jwk = toEd25519Jwk(pair.publicKey);
const keys = readReceiptKeys(Buffer.from(JSON.stringify({ keys: [jwk] }))) ?? new Map();

const ranges: [number, number][] = [
  [4, 7],
  [12, 12],
];
const at = '2026-03-01T10:00:00.123Z';
const claims: ReceiptClaims = {
  iss: newId(1),
  sub: newId(2),
  iat: Math.floor(Date.parse(at) / 1000),
  version: 1,
  tenant: newId(3),
  action: 'depersonalize',
  keepRecording: true,
  state: 'completed',
  counts: { items: 3, erased: 2, already_erased: 1, not_found: 0 },
  artifacts: { recording: 0, transcript: 2, details: 2, correlation: 0 },
  createdAt: at,
  unreadableAt: at,
  shreddedAt: at,
  sealedAt: at,
  goneAt: at,
  issuedAt: at,
  backupsUntil: '2026-03-08T10:00:00.123Z',
  slots: { count: 5, rangeCount: 2, sha256: createHash('sha256').update(rangesText(ranges)).digest('hex'), ranges },
  itemsSha256: 'ab'.repeat(32),
  rootKey: { generation: 17, keyId: newId(4) },
};

function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** Signs any claims, as the archive would. */
function signed(said: unknown, { header = receiptHeader(jwk.kid), privateKey = pair.privateKey } = {}): string {
  const text = `${header}.${part(said)}`;
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
}

const receipt = signed(claims);

describe('a receipt', () => {
  test('is valid under the key that it names, here and with another implementation', async () => {
    expect(verifyReceipt(receipt, keys)).toEqual({ claims, kid: jwk.kid });
    const { payload } = await compactVerify(receipt, await importJWK(jwk, 'EdDSA'));
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(claims);
  });

  test('that another implementation has signed is valid here', async () => {
    const made = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'tacet-receipt+jwt', kid: jwk.kid })
      .sign(pair.privateKey);
    expect(verifyReceipt(made, keys)).toEqual({ claims, kid: jwk.kid });
  });

  test('is not valid with any single bit of it turned', () => {
    const bytes = Buffer.from(receipt, 'latin1');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const turned = Buffer.from(bytes);
      turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(verifyReceipt(turned.toString('latin1'), keys), `bit ${bit}`).toHaveProperty('fault');
    }
  });

  test('is not valid after any change of one field, the signature being what it was', () => {
    const [header, , signature] = receipt.split('.');
    fc.assert(
      fc.property(fc.constantFrom(...paths(claims)), fc.jsonValue(), (path, value) => {
        const changed = replaced(claims, path, value);
        fc.pre(JSON.stringify(changed) !== JSON.stringify(claims));
        expect(verifyReceipt(`${header}.${part(changed)}.${signature}`, keys)).toEqual({ fault: 'signature' });
      }),
      { numRuns: 500 },
    );
  });

  test('cut, lengthened or put together anew is none', () => {
    const [header = '', payload = '', signature = ''] = receipt.split('.');
    const forms = [
      '',
      '..',
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${receipt}.`,
      `${receipt}=`,
      `${receipt}A`,
      receipt.slice(0, -1),
      `${header}.${payload}.${signature}.${signature}`,
      ` ${receipt}`,
      'a'.repeat(2_000_000),
    ];
    for (const form of forms) expect(verifyReceipt(form, keys)).toEqual({ fault: 'malformed' });
  });

  test('chooses no algorithm: none, HS256 under the public key, and every other header is refused', () => {
    const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' });
    const { kid } = jwk;
    const typ = 'tacet-receipt+jwt';
    const headers: unknown[] = [
      { alg: 'none', typ, kid },
      { alg: 'HS256', typ, kid },
      { alg: 'ES256', typ, kid },
      { alg: 'EdDSA', typ: 'JWT', kid },
      { alg: 'EdDSA', typ },
      { alg: 'EdDSA', kid },
      { alg: 'EdDSA', typ, kid, jwk },
      { alg: 'EdDSA', typ, kid, crit: ['b64'], b64: false },
      { typ, alg: 'EdDSA', kid },
      { alg: 'EdDSA', typ, kid: [kid] },
      null,
      [],
      'EdDSA',
      '{"alg":"EdDSA","alg":"EdDSA","typ":"tacet-receipt+jwt","kid":"x"}',
    ];
    for (const header of headers) {
      const text = `${part(header)}.${part(claims)}`;
      const hmac = createHmac('sha256', publicKey).update(text).digest();
      for (const signature of [Buffer.concat([hmac, hmac]), sign(null, Buffer.from(text), pair.privateKey)]) {
        const form = `${text}.${signature.toString('base64url')}`;
        expect(verifyReceipt(form, keys), JSON.stringify(header)).toEqual({ fault: 'header' });
      }
      expect(verifyReceipt(`${text}.`, keys)).toEqual({ fault: 'malformed' });
    }
  });

  test('of another key is none: neither under its own name, nor under the name of ours', () => {
    const theirs = receiptHeader(toEd25519Jwk(other.publicKey).kid);
    const { privateKey } = other;
    expect(verifyReceipt(signed(claims, { header: theirs, privateKey }), keys)).toEqual({ fault: 'key' });
    expect(verifyReceipt(signed(claims, { privateKey }), keys)).toEqual({ fault: 'signature' });
  });

  test.each<[string, unknown]>([
    ['of another version', { ...claims, version: 2 }],
    ['with a claim that nobody knows', { ...claims, extra: 1 }],
    ['of an erasure that is not over', { ...claims, state: 'running' }],
    ['issued at another time than it was finished', { ...claims, issuedAt: '2026-03-02T10:00:00.000Z' }],
    ['whose counts do not add up', { ...claims, counts: { ...claims.counts, erased: 3 } }],
    [
      'whose ranges are not those of its digest',
      {
        ...claims,
        slots: {
          ...claims.slots,
          ranges: [
            [4, 7],
            [13, 13],
          ],
        },
      },
    ],
    [
      'whose ranges touch',
      {
        ...claims,
        slots: {
          ...claims.slots,
          ranges: [
            [4, 7],
            [8, 8],
          ],
        },
      },
    ],
    ['without ranges, though they are few', { ...claims, slots: { count: 5, rangeCount: 2, sha256: 'ab'.repeat(32) } }],
    ['that is no object', [claims]],
    ['that is no JSON', '{'],
  ])('%s is none, though our key has signed it', (_what, said) => {
    expect(verifyReceipt(signed(said), keys)).toEqual({ fault: 'claims' });
  });

  test('without any one of its claims is none', () => {
    for (const name of Object.keys(claims)) {
      const { [name as 'iss']: _gone, ...rest } = claims;
      expect(verifyReceipt(signed(rest), keys), name).toEqual({ fault: 'claims' });
    }
  });
});

describe('the slots of a receipt', () => {
  test('are every range, joined where they touch, while there are no more than five thousand', () => {
    const slots = new SlotRanges();
    slots.add(Array.from({ length: 4_999 }, (_, place) => [place * 10, place * 10 + 1] as const));
    slots.add([
      [2, 2],
      [60_000, 60_003],
    ]);
    const said = receiptSlots(slots);
    expect(said).toMatchObject({ count: 4_999 * 2 + 5, rangeCount: 5_000 });
    expect(said.ranges?.slice(0, 2)).toEqual([
      [0, 2],
      [10, 11],
    ]);
    expect(verifyReceipt(signed({ ...claims, slots: said }), keys)).toHaveProperty('claims');
  });

  test('are the digest of their ranges where there are more', () => {
    const ranges = Array.from({ length: 5_001 }, (_, place) => [place * 10, place * 10 + 1] as const);
    const slots = new SlotRanges();
    slots.add(ranges);
    const sha256 = createHash('sha256')
      .update(ranges.map(([from, to]) => `${from}-${to}\n`).join(''))
      .digest('hex');
    expect(receiptSlots(slots)).toEqual({ count: 10_002, rangeCount: 5_001, sha256 });
    expect(verifyReceipt(signed({ ...claims, slots: receiptSlots(slots) }), keys)).toHaveProperty('claims');
  });
});

describe('a key set', () => {
  test('gives the keys that can check receipts and passes over all others', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    const { kid: _none, ...nameless } = toEd25519Jwk(other.publicKey);
    const set = { keys: [rsa, null, 'x', { ...jwk, use: 'enc' }, nameless, jwk] };
    const read = readReceiptKeys(Buffer.from(JSON.stringify(set)));
    expect([...(read?.keys() ?? [])].sort()).toEqual([jwk.kid, toEd25519Jwk(other.publicKey).kid].sort());
  });

  test.each<[string, unknown]>([
    ['that is none', { kty: 'OKP' }],
    ['without keys', { keys: [] }],
    ['with a private key', { keys: [pair.privateKey.export({ format: 'jwk' })] }],
    ['whose key has the name of another', { keys: [{ ...jwk, kid: toEd25519Jwk(other.publicKey).kid }] }],
    ['whose key is too short', { keys: [{ ...jwk, kid: undefined, x: 'AAAA' }] }],
    ['whose key has a second text', { keys: [{ ...jwk, kid: undefined, x: `${jwk.x}=` }] }],
  ])('%s gives nothing', (_what, set) => {
    expect(readReceiptKeys(Buffer.from(JSON.stringify(set)))).toBeUndefined();
  });
});

test('the words of a receipt name what it proves, and every limit that its action has', () => {
  const { proves, doesNotProve } = receiptWords(claims, jwk.kid);
  const proven = proves.join(' ');
  for (const word of [jwk.kid, claims.sub, claims.tenant, claims.iss, at, '2 erased', 'generation 17', '5 key(s)']) {
    expect(proven).toContain(word);
  }
  const limits = doesNotProve.join(' ');
  for (const word of [
    'downloaded file',
    claims.backupsUntil,
    'word of the server',
    'identifies a voice',
    'two horizons',
  ]) {
    expect(limits).toContain(word);
  }
  const purge = receiptWords({ ...claims, action: 'purge', rootKey: null }, jwk.kid);
  expect(purge.doesNotProve.join(' ')).not.toContain('identifies a voice');
  expect(purge.proves.join(' ')).toContain('No key was left to destroy');
});

type Path = readonly (string | number)[];

/** Every field of a value, those of fields included. */
function paths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([name, one]) => paths(one, [...path, name]));
  return path.length === 0 ? inner : [path, ...inner];
}

function replaced(value: unknown, [step, ...rest]: Path, by: unknown): unknown {
  if (step === undefined) return by;
  const copy: Record<string, unknown> = structuredClone(value) as Record<string, unknown>;
  copy[step] = replaced(copy[step], rest, by);
  return copy;
}
