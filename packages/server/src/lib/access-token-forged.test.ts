import { createHmac, generateKeyPairSync, randomBytes, sign as signWith } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  context,
  encode,
  faultOf,
  forge,
  goodClaims,
  goodHeader,
  grant,
  issuedAt,
  secretKey,
} from '../../test/support/forged-tokens.ts';
import { signAccessToken, verifyAccessToken } from './access-token.ts';

describe('a forged token', () => {
  test('made by hand with the right key is accepted, so that the refusals below mean something', async () => {
    expect(await faultOf(forge(goodHeader, goodClaims))).toBe('accepted');
  });

  test('with any one character changed, removed or added is refused', async () => {
    const { token } = await signAccessToken(context, grant);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (let i = 0; i < token.length; i++) {
      const at = alphabet.indexOf(token.charAt(i));
      // The neighbour differs in the lowest bit, the one that lax decoders drop at the end of a part.
      const others = at < 0 ? ['A', ''] : [alphabet.charAt(at ^ 1), alphabet.charAt(at ^ 32), '', '.', '='];
      for (const other of others) {
        expect(await faultOf(`${token.slice(0, i)}${other}${token.slice(i + 1)}`), `at ${i}`).not.toBe('accepted');
      }
      expect(await faultOf(`${token.slice(0, i)}A${token.slice(i)}`), `before ${i}`).not.toBe('accepted');
    }
    for (const tail of ['A', '=', ' ', '\n', '.', '.AAAA']) {
      expect(await faultOf(token + tail)).toBe('malformed');
      expect(await faultOf(tail + token)).not.toBe('accepted');
    }
  });

  test('with parts of two tokens of ours is refused', async () => {
    const [one, two] = await Promise.all([
      signAccessToken(context, grant),
      signAccessToken(context, { ...grant, scopes: ['admin'] }),
    ]);
    const [header, , signature] = one.token.split('.');
    expect(await faultOf(`${header}.${two.token.split('.')[1]}.${signature}`)).toBe('signature');
  });

  test.each(['none', 'None', 'NONE', '', 'HS384', 'HS512', 'hs256', 'RS256', 'EdDSA', null, 256, ['HS256']])(
    'that names the algorithm %o is refused, signed or not',
    async (alg) => {
      const token = forge({ ...goodHeader, alg }, goodClaims);
      const [header, payload] = token.split('.');
      expect(await faultOf(token)).toBe('algorithm');
      expect(await faultOf(`${header}.${payload}.`)).toBe('malformed');
    },
  );

  test('that really is signed by another algorithm is refused', async () => {
    expect(await faultOf(forge({ ...goodHeader, alg: 'HS512' }, goodClaims, secretKey, 'sha512'))).toBe('malformed');
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const input = `${encode({ ...goodHeader, alg: 'RS256' })}.${encode(goodClaims)}`;
    const signature = signWith('sha256', Buffer.from(input), privateKey).toString('base64url');
    expect(await faultOf(`${input}.${signature}`)).toBe('malformed');
    // The classic confusion: a public key used as the HMAC secret.
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    expect(await faultOf(forge(goodHeader, goodClaims, pem.toString()))).toBe('signature');
  });

  test('under a foreign key is refused, whichever kid it names', async () => {
    const foreign = new Uint8Array(randomBytes(32));
    for (const kid of ['k1', 'k2']) {
      expect(await faultOf(forge({ ...goodHeader, kid }, goodClaims, foreign))).toBe('signature');
    }
    for (const kid of ['k3', '', '__proto__', 0, null, ['k2'], { k2: 1 }]) {
      expect(await faultOf(forge({ ...goodHeader, kid }, goodClaims, foreign))).toBe('key');
    }
    for (const key of [new Uint8Array(32), new Uint8Array(1)]) {
      expect(await faultOf(forge(goodHeader, goodClaims, key))).toBe('signature');
    }
  });

  test('of a good key under the kid of the other one is refused', async () => {
    expect(await faultOf(forge({ ...goodHeader, kid: 'k1' }, goodClaims, secretKey))).toBe('signature');
  });

  test.each(['JWT', 'jwt', 'AT+JWT', 'application/at+jwt', 'refresh+jwt', '', null, 1])(
    'of the type %o is refused',
    async (typ) => {
      expect(await faultOf(forge({ ...goodHeader, typ }, goodClaims))).toBe('type');
    },
  );

  test.each([
    { crit: ['exp'] },
    { b64: false, crit: ['b64'] },
    { jku: 'https://attacker.example/keys' },
    { jwk: { kty: 'oct', k: 'AAAA' } },
    { x5c: [] },
    { cty: 'JWT' },
    { zip: 'DEF' },
    { alg: undefined },
    { kid: undefined },
    { typ: undefined },
  ])('whose header has more or less than ours is refused: %o', async (change) => {
    expect(await faultOf(forge({ ...goodHeader, ...change }, goodClaims))).toBe('header');
  });

  test.each(['[]', 'null', '"HS256"', '1', '{', '', '\u0000'])(
    'whose header is not an object is refused: %o',
    async (header) => {
      expect(['header', 'malformed']).toContain(await faultOf(forge(header, goodClaims)));
    },
  );
});

describe('claims, even when properly signed', () => {
  test.each(['sub', 'sub_kind', 'tid', 'scope', 'iat', 'exp', 'jti'])('without %s are refused', async (claim) => {
    expect(await faultOf(forge(goodHeader, { ...goodClaims, [claim]: undefined }))).toBe('claims');
    expect(await faultOf(forge(goodHeader, { ...goodClaims, [claim]: null }))).toBe('claims');
    expect(await faultOf(forge(goodHeader, { ...goodClaims, [claim]: [goodClaims.sub] }))).toBe('claims');
  });

  test.each([undefined, null, '', 'Tacet', 'tacet ', ['tacet'], 1])('of the issuer %o are refused', async (iss) => {
    expect(await faultOf(forge(goodHeader, { ...goodClaims, iss }))).toBe('issuer');
  });

  test.each([
    { sub: '' },
    { sub: 7 },
    { sub: 'a\nb' },
    { sub: 'a'.repeat(257) },
    { sub_kind: 'cli' },
    { sub_kind: 'Client' },
    { tid: '' },
    { tid: {} },
    { scope: ['calls:read'] },
    { scope: 'calls:read  admin' },
    { scope: ' admin' },
    { scope: 'admin ' },
    { scope: 'admin admin' },
    { scope: 'a"b' },
    { scope: 'a\u00e9' },
    { scope: 'a\tb' },
    { iat: String(issuedAt) },
    { exp: String(issuedAt + 60) },
    { exp: issuedAt + 60.5 },
    { exp: issuedAt },
    { exp: -1 },
    { exp: 1e300 },
    { iat: -1 },
    { nbf: '0' },
    { nbf: null },
    { jti: '' },
    { jti: 'a' },
    { jti: '6fa459ea-ee8a-4ca4-894e-db77e160355e' },
  ])('of another shape are refused: %o', async (change) => {
    expect(await faultOf(forge(goodHeader, { ...goodClaims, ...change }))).toBe('claims');
  });

  test.each(['[]', 'null', '"tacet"', '7', '{"iss":"tacet"', '\ufeff{}', 'x'])(
    'that are no object are refused: %o',
    async (text) => {
      expect(await faultOf(forge(goodHeader, text))).toBe('claims');
    },
  );

  test('that are not UTF-8 are refused', async () => {
    const input = `${encode(goodHeader)}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}`;
    expect(await faultOf(`${input}.${createHmac('sha256', secretKey).update(input).digest('base64url')}`)).toBe(
      'claims',
    );
  });

  test('of a later version may carry more, which is not passed on', async () => {
    const claims = await verifyAccessToken(context, forge(goodHeader, { ...goodClaims, aud: 'x', later: true }));
    expect(Object.keys(claims).sort()).toEqual([
      'clientId',
      'expiresAt',
      'scopes',
      'subjectKind',
      'tenantId',
      'tokenId',
    ]);
  });
});

describe('junk', () => {
  test.each([
    ['nothing', ''],
    ['dots', '..'],
    ['one part', 'abc'],
    ['five parts, as an encrypted token has', 'a.b.c.d.e'],
    ['10 KB', 'A'.repeat(10_240)],
    ['10 KB of dots', '.'.repeat(10_240)],
    ['10 KB in three parts', `${'A'.repeat(5_000)}.${'A'.repeat(5_197)}.${'A'.repeat(43)}`],
    ['a properly signed token of 10 KB', forge(goodHeader, { ...goodClaims, scope: 'a'.repeat(7_000) })],
    ['a secret instead of a token', 'tacet_cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['other scripts', '\u0442\u043e\u043a\u0435\u043d.\u0442.\u0442'],
  ])('is refused as malformed: %s', async (_name, token) => {
    expect(await faultOf(token)).toBe('malformed');
  });

  test('of any kind never brings anything but token_invalid', async () => {
    const part = fc.oneof(fc.base64String(), fc.string(), fc.constant(encode(goodHeader)), fc.json().map(encode));
    await fc.assert(
      fc.asyncProperty(part, part, part, async (a, b, c) => {
        expect(await faultOf(`${a}.${b}.${c}`)).not.toBe('accepted');
        expect(await faultOf(forge(a, b))).not.toBe('accepted');
      }),
      { numRuns: 300 },
    );
  });
});
