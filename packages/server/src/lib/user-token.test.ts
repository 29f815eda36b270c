import { generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  context,
  encode,
  faultOf,
  forge,
  goodClaims,
  grant,
  issuedAt,
  startMs,
} from '../../test/support/forged-tokens.ts';
import {
  forgeUserToken,
  goodUserClaims,
  goodUserHeader,
  privateKey,
  publicKey,
  userFaultOf,
  userGrant,
} from '../../test/support/forged-user-tokens.ts';
import { Bug } from '../model/errors.ts';
import { signAccessToken } from './access-token.ts';
import { isUserToken, signUserToken, userTokenLifeMax, verifyUserToken } from './user-token.ts';

const clockAt = (now: number) => ({ now: () => now });
const clock = clockAt(startMs);
const weekMs = 604_800_000;
const signed = () => signUserToken({ privateKey, clock }, userGrant);
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

describe('the token of a user', () => {
  test('says who, by number and by id, which company, under which password, until when', () => {
    const { token, expiresAt } = signed();
    expect(expiresAt).toBe(issuedAt * 1_000 + weekMs);
    const claims = verifyUserToken({ publicKey, clock }, token);
    const { lifeSeconds: _, ...named } = userGrant;
    expect(claims).toEqual({ ...named, expiresAt });
  });

  test('is a JWT of three parts with the documented header and claims, in their documented types', () => {
    const [header = '', payload = '', ...rest] = signed().token.split('.');
    expect(rest).toHaveLength(1);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ typ: 'JWT', alg: 'RS512' });
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({
      iat: issuedAt,
      exp: issuedAt + 604_800,
      version: 4,
      sub: '7',
      company_id: 3,
      user_id: userGrant.userId,
      password_id: userGrant.passwordId,
    });
  });

  test('is good to the millisecond until its end, and with a grace until that is over', () => {
    const { token, expiresAt } = signed();
    expect(userFaultOf(token, expiresAt - 1)).toBe('accepted');
    expect(userFaultOf(token, expiresAt)).toBe('expired');
    expect(userFaultOf(token, expiresAt, 60_000)).toBe('accepted');
    expect(userFaultOf(token, expiresAt + 59_999, 60_000)).toBe('accepted');
    expect(userFaultOf(token, expiresAt + 60_000, 60_000)).toBe('expired');
  });

  test('is never refused before its end when the clock is set back by days', () => {
    const { token } = signed();
    for (const days of [1, 7, 20]) expect(userFaultOf(token, startMs - days * 86_400_000)).toBe('accepted');
  });

  test('made by a clock that was months ahead does not outlive the correction', () => {
    const ahead = clockAt(startMs + 90 * 86_400_000);
    const { token } = signUserToken({ privateKey, clock: ahead }, { ...userGrant, lifeSeconds: userTokenLifeMax });
    expect(userFaultOf(token, ahead.now())).toBe('accepted');
    expect(userFaultOf(token, startMs)).toBe('not-yet');
  });

  test.each([
    { user: 0 },
    { user: 1.5 },
    { user: Number.NaN },
    { company: 0 },
    { userId: '' },
    { userId: '7' },
    { passwordId: '' },
    { passwordId: 'p'.repeat(23) },
    { lifeSeconds: 0 },
    { lifeSeconds: -1 },
    { lifeSeconds: 1.5 },
    { lifeSeconds: userTokenLifeMax + 1 },
  ])('is not made with what no verifier would give back: %o', (change) => {
    expect(() => signUserToken({ privateKey, clock }, { ...userGrant, ...change })).toThrow(Bug);
  });

  test('is neither made nor checked with a key of another kind or size', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const pair of [small, curve, { privateKey: publicKey, publicKey: privateKey }]) {
      expect(() => signUserToken({ privateKey: pair.privateKey, clock }, userGrant)).toThrow(Bug);
      expect(() => verifyUserToken({ publicKey: pair.publicKey, clock }, signed().token)).toThrow(Bug);
    }
  });
});

describe('a token of a user that somebody forged', () => {
  test('by hand with the right key is accepted, so that the refusals below mean something', () => {
    expect(userFaultOf(forgeUserToken(goodUserHeader, goodUserClaims), startMs)).toBe('accepted');
  });

  test('with any one character changed, removed or added is refused', () => {
    const { token } = signed();
    for (let i = 0; i < token.length; i++) {
      const at = alphabet.indexOf(token.charAt(i));
      // The neighbours differ in the lowest bits, which lax decoders drop at the end of a part.
      const others = at < 0 ? ['A', ''] : [1, 2, 4, 8, 32].map((bit) => alphabet.charAt(at ^ bit)).concat('', '.', '=');
      for (const other of others) {
        const changed = `${token.slice(0, i)}${other}${token.slice(i + 1)}`;
        expect(userFaultOf(changed, startMs), `at ${i}`).not.toBe('accepted');
      }
    }
    for (const tail of ['A', '=', ' ', '\n', '.', '.AAAA']) {
      expect(userFaultOf(token + tail, startMs)).toBe('malformed');
      expect(userFaultOf(tail + token, startMs)).not.toBe('accepted');
    }
  });

  test.each([
    { alg: 'RS512' },
    { alg: 'RS512', typ: 'JWT' },
    { ...goodUserHeader, alg: 'none' },
    { ...goodUserHeader, alg: 'RS256' },
    { ...goodUserHeader, alg: 'HS512' },
    { ...goodUserHeader, alg: 'PS512' },
    { ...goodUserHeader, typ: 'at+jwt' },
    { ...goodUserHeader, kid: 's1' },
    { ...goodUserHeader, jku: 'https://attacker.example/keys' },
    { ...goodUserHeader, crit: ['b64'], b64: false },
  ])('whose header is not ours to the letter is refused: %o', (header) => {
    expect(userFaultOf(forgeUserToken(header, goodUserClaims), startMs)).toBe('header');
  });

  test('is refused without a signature, under another key, with another hash, and with other claims', () => {
    const good = forgeUserToken(goodUserHeader, goodUserClaims);
    const [header, payload, signature] = good.split('.');
    expect(userFaultOf(`${header}.${payload}.`, startMs)).toBe('malformed');
    expect(userFaultOf(`${header}.${payload}.${'A'.repeat(342)}`, startMs)).toBe('signature');
    const { privateKey: foreign } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    expect(userFaultOf(forgeUserToken(goodUserHeader, goodUserClaims, { key: foreign }), startMs)).toBe('signature');
    for (const hash of ['sha1', 'sha256', 'sha384']) {
      expect(userFaultOf(forgeUserToken(goodUserHeader, goodUserClaims, { hash }), startMs)).toBe('signature');
    }
    const other = encode({ ...goodUserClaims, sub: '1' });
    expect(userFaultOf(`${header}.${other}.${signature}`, startMs)).toBe('signature');
  });

  test('is refused with a signature of the same key by PSS', () => {
    const input = `${encode(goodUserHeader)}.${encode(goodUserClaims)}`;
    const pss = sign('sha512', Buffer.from(input), { key: privateKey, padding: 6, saltLength: 64 });
    expect(userFaultOf(`${input}.${pss.toString('base64url')}`, startMs)).toBe('signature');
  });

  test.each(Object.keys(goodUserClaims))('is refused without a good %s, even when properly signed', (name) => {
    for (const wrong of [undefined, null, '', 'x', 0, -1, 1.5, true, [], {}, 1e300]) {
      const claims = { ...goodUserClaims, [name]: wrong };
      if (name === 'iat' && wrong === 0) continue;
      expect(userFaultOf(forgeUserToken(goodUserHeader, claims), startMs)).toBe('claims');
    }
  });

  test.each([
    { sub: 7 },
    { sub: '07' },
    { sub: '+7' },
    { sub: '7 ' },
    { sub: '9'.repeat(16) },
    { company_id: '3' },
    { version: 3 },
    { user_id: userGrant.userId.toUpperCase() },
    { user_id: `${userGrant.userId}\n` },
    { password_id: `${'p'.repeat(21)}=` },
    { version: '4' },
    { exp: issuedAt },
  ])('is refused with claims of another shape, even when properly signed: %o', (change) => {
    expect(userFaultOf(forgeUserToken(goodUserHeader, { ...goodUserClaims, ...change }), startMs)).toBe('claims');
  });

  test('is refused whatever it is, and never by an error without a name', () => {
    const part = fc.oneof(fc.base64String(), fc.string(), fc.constant(encode(goodUserHeader)), fc.json().map(encode));
    fc.assert(
      fc.property(part, part, part, (a, b, c) => {
        expect(userFaultOf(`${a}.${b}.${c}`, startMs)).not.toBe('accepted');
        expect(userFaultOf(forgeUserToken(goodUserHeader, b), startMs)).not.toBe('accepted');
      }),
      { numRuns: 200 },
    );
    expect(userFaultOf('A'.repeat(10_240), startMs)).toBe('malformed');
    const long = forgeUserToken(goodUserHeader, { ...goodUserClaims, more: 'a'.repeat(1_000) });
    expect(userFaultOf(long, startMs)).toBe('malformed');
  });
});

describe("a client's token and a user's", () => {
  test('are never taken for each other', async () => {
    const client = await signAccessToken(context, grant);
    expect(isUserToken(client.token)).toBe(false);
    expect(userFaultOf(client.token, startMs)).toBe('malformed');
    const { token } = signed();
    expect(isUserToken(token)).toBe(true);
    expect(await faultOf(token)).toBe('malformed');
  });

  test('are not, if one says that it is the other, either', async () => {
    const clientHeader = { alg: 'HS256', kid: 'k2', typ: 'at+jwt' };
    expect(userFaultOf(forge(goodUserHeader, goodUserClaims), startMs)).toBe('malformed');
    expect(userFaultOf(forgeUserToken(clientHeader, goodUserClaims), startMs)).toBe('header');
    // The classic confusion: the public key, which everybody may have, as the secret of an HMAC.
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(await faultOf(forge(clientHeader, goodClaims, pem))).toBe('signature');
    expect(userFaultOf(forge(goodUserHeader, goodUserClaims, pem, 'sha512'), startMs)).toBe('malformed');
  });
});
