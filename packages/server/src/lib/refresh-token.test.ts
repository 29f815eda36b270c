import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  grant as accessGrant,
  context,
  contextAt,
  encode,
  faultOf,
  issuedAt,
  oldKey,
  secretKey,
  startMs,
} from '../../test/support/forged-tokens.ts';
import { Bug, codeOf } from '../model/errors.ts';
import { isExpiredToken, signAccessToken } from './access-token.ts';
import { newId } from './ids.ts';
import { refreshTokenLife, signRefreshToken, verifyRefreshToken } from './refresh-token.ts';

const grant = { userId: newId(startMs), passwordId: 'the-password-of-today' };
const goodHeader = { alg: 'dir', enc: 'A256GCM', kid: 'k2', typ: 'refresh+jwt' };
const goodClaims = {
  iss: 'tacet',
  aud: 'refresh',
  sub: grant.userId,
  pwd: grant.passwordId,
  iat: issuedAt,
  exp: issuedAt + 60,
};
const endMs = (issuedAt + refreshTokenLife) * 1_000;

const refreshKey = (key: Uint8Array) => Buffer.from(hkdfSync('sha256', key, '', 'tacet refresh token A256GCM', 32));

/** A token made without our code, and sealed properly whatever it says (RFC 7516, section 5.1). */
function forgeRefresh(header: unknown, claims: unknown, key: Uint8Array = refreshKey(secretKey)): string {
  const [nonce, protectedHeader] = [randomBytes(12), encode(header)];
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(protectedHeader));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(claims)), cipher.final()]);
  const parts = [nonce, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return [protectedHeader, '', ...parts].join('.');
}

/** `accepted`, or the code of the refusal, which must never be the one on which clients come back for ever. */
async function outcomeOf(token: string, from = context): Promise<string> {
  return await verifyRefreshToken(from, token).then(
    () => 'accepted',
    (error: unknown) => {
      expect(isExpiredToken(error)).toBe(false);
      return codeOf(error);
    },
  );
}

describe('a refresh token', () => {
  test('says which user under which password, and shows it to nobody but us', async () => {
    const token = await signRefreshToken(context, grant);
    expect(await verifyRefreshToken(context, token)).toEqual(grant);
    const [header = '', ...parts] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
    expect(JSON.parse(header)).toEqual(goodHeader);
    for (const secret of [grant.userId, grant.passwordId, 'exp', 'sub']) expect(parts.join()).not.toContain(secret);
    expect(await signRefreshToken(context, grant)).not.toBe(token);
  });

  test('is good for a year to the millisecond, and nothing from then on', async () => {
    const token = await signRefreshToken(context, grant);
    expect(await outcomeOf(token, contextAt(endMs - 1))).toBe('accepted');
    for (const ms of [0, 1, 86_400_000]) expect(await outcomeOf(token, contextAt(endMs + ms))).toBe('token_invalid');
  });

  test('made while the clock was ahead does not outlive the correction', async () => {
    const token = await signRefreshToken(context, grant);
    expect(await outcomeOf(token, contextAt(issuedAt * 1_000 - 60_000))).toBe('accepted');
    expect(await outcomeOf(token, contextAt(issuedAt * 1_000 - 60_001))).toBe('token_invalid');
    const longer = { ...goodClaims, exp: issuedAt + refreshTokenLife + 1 };
    expect(await outcomeOf(forgeRefresh(goodHeader, longer))).toBe('token_invalid');
  });

  test('cannot be made without a key', async () => {
    await expect(signRefreshToken({ ...context, keys: [] }, grant)).rejects.toThrow(Bug);
  });

  test('and a token of another kind from the same key are never taken for each other', async () => {
    const access = await signAccessToken(context, accessGrant);
    expect(await outcomeOf(access.token)).toBe('token_invalid');
    expect(await faultOf(await signRefreshToken(context, grant))).toBe('malformed');
    const shareKey = Buffer.from(hkdfSync('sha256', secretKey, '', 'tacet share link A256GCM', 32));
    expect(await outcomeOf(forgeRefresh(goodHeader, goodClaims, shareKey))).toBe('token_invalid');
    expect(await outcomeOf(forgeRefresh(goodHeader, goodClaims, secretKey))).toBe('token_invalid');
  });
});

describe('a refresh token that somebody made', () => {
  test('is accepted only as the one that we would have made', async () => {
    expect(await outcomeOf(forgeRefresh(goodHeader, goodClaims))).toBe('accepted');
  });

  test.each([
    ['no algorithm', { ...goodHeader, alg: 'none' }],
    ['another cipher', { ...goodHeader, enc: 'A128CBC-HS256' }],
    ['no type', { alg: 'dir', enc: 'A256GCM', kid: 'k2' }],
    ['the type of a share link', { ...goodHeader, typ: 'share+jwt' }],
    ['an unknown key', { ...goodHeader, kid: 'k3' }],
    ['the older key', { ...goodHeader, kid: 'k1' }],
    ['an extension that must be understood', { ...goodHeader, crit: ['b64'], b64: false }],
  ])('with %s in its header is refused', async (_what, header) => {
    expect(await outcomeOf(forgeRefresh(header, goodClaims))).toBe('token_invalid');
  });

  test.each(Object.keys(goodClaims))('without a good %s is refused', async (name) => {
    for (const wrong of [undefined, null, {}, 'x', 1.5]) {
      expect(await outcomeOf(forgeRefresh(goodHeader, { ...goodClaims, [name]: wrong }))).toMatch(
        ['sub', 'pwd'].includes(name) && wrong === 'x' ? 'accepted' : 'token_invalid',
      );
    }
  });

  test('under a foreign key is refused', async () => {
    for (const key of [randomBytes(32), refreshKey(oldKey)]) {
      expect(await outcomeOf(forgeRefresh(goodHeader, goodClaims, key))).toBe('token_invalid');
    }
  });

  test('is refused with any character changed, also to one that decodes to the same bytes', async () => {
    const token = await signRefreshToken(context, grant);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (let at = 0; at < token.length; at += 1) {
      const place = letters.indexOf(token[at] ?? '');
      for (const other of [letters[place ^ 1] ?? '', token[at] === 'A' ? 'B' : 'A', '.', '=']) {
        const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
        if (changed !== token) expect(await outcomeOf(changed), `at ${at}`).toBe('token_invalid');
      }
    }
  });

  test('is refused whatever it is, and never by an error without a name', async () => {
    const value = fc.jsonValue();
    const anything = fc.oneof(
      fc.string(),
      value.map((claims) => forgeRefresh(goodHeader, claims)),
      fc.array(fc.oneof(fc.string(), value.map(encode)), { maxLength: 6 }).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (token) => {
        expect(await outcomeOf(token)).toBe('token_invalid');
      }),
      { numRuns: 300 },
    );
  });
});
