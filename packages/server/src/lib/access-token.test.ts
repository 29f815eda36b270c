import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  context,
  contextAt,
  faultOf,
  forge,
  goodClaims,
  goodHeader,
  grant,
  issuedAt,
  oldKey,
  startMs,
  tenantId,
} from '../../test/support/forged-tokens.ts';
import { AppError, Bug } from '../model/errors.ts';
import {
  type AccessTokenContext,
  type AccessTokenGrant,
  isExpiredToken,
  signAccessToken,
  verifyAccessToken,
} from './access-token.ts';

describe('a token of ours', () => {
  test('says who, which tenant, which scopes, until when', async () => {
    const { token, tokenId, expiresAt } = await signAccessToken(context, grant);
    expect(expiresAt).toBe((issuedAt + 1_799) * 1_000);
    expect(await verifyAccessToken(context, token)).toEqual({
      subjectKind: 'client',
      clientId: grant.subjectKind === 'client' ? grant.clientId : '',
      tenantId,
      scopes: grant.scopes,
      expiresAt,
      tokenId,
    });
  });

  test('can speak for a user, whose id is never taken for a client', async () => {
    const { token } = await signAccessToken(context, { ...grant, subjectKind: 'user', userId: 'user-7' });
    const claims = await verifyAccessToken(context, token);
    expect(claims).toMatchObject({ subjectKind: 'user', userId: 'user-7' });
    expect(claims).not.toHaveProperty('clientId');
  });

  test('is a JWT whose middle part a client may read for its expiry', async () => {
    const { token, tokenId } = await signAccessToken(context, grant);
    const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header ?? '')).toEqual(goodHeader);
    expect(JSON.parse(payload ?? '')).toEqual({
      iss: 'tacet',
      sub: 'ci_0123456789abcdefghijklmn',
      sub_kind: 'client',
      tid: tenantId,
      scope: 'calls:read erasures:execute',
      iat: issuedAt,
      exp: issuedAt + 1_799,
      jti: tokenId,
    });
  });

  test('is signed by the first key, and outlives its key becoming an older one', async () => {
    const before: AccessTokenContext = { ...context, keys: context.keys.slice(1) };
    const { token } = await signAccessToken(before, grant);
    expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({ kid: 'k1' });
    expect(await faultOf(token)).toBe('accepted');
    expect(await faultOf(token, { ...context, keys: context.keys.slice(0, 1) })).toBe('key');
  });

  test('has an id of its own every time', async () => {
    const ids = await Promise.all(
      Array.from({ length: 50 }, async () => (await signAccessToken(context, grant)).tokenId),
    );
    expect(new Set(ids).size).toBe(50);
  });

  test('gives back every grant that can be signed', async () => {
    const scope = fc.string({ unit: fc.constantFrom('a', ':', '-', 'z', '!', '~'), minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(scope, { maxLength: 8 }),
        fc.integer({ min: 1, max: 604_800 }),
        async (scopes, life) => {
          const { token, expiresAt } = await signAccessToken(context, { ...grant, scopes, lifetimeSeconds: life });
          const claims = await verifyAccessToken(context, token);
          expect(claims.scopes).toEqual(scopes);
          expect(claims.expiresAt).toBe(expiresAt);
        },
      ),
    );
  });
});

describe('time', () => {
  test('a token is good until the last millisecond before exp, and expired exactly at exp', async () => {
    const { token, expiresAt } = await signAccessToken(context, grant);
    expect(await faultOf(token, contextAt(expiresAt - 1))).toBe('accepted');
    expect(await faultOf(token, contextAt(expiresAt))).toBe('expired');
    expect(await faultOf(token, contextAt(expiresAt + 1))).toBe('expired');
  });

  test('only a whole token of ours is called expired', async () => {
    const late = contextAt(startMs + 86_400_000);
    const { token } = await signAccessToken(context, grant);
    expect(await faultOf(token, late)).toBe('expired');
    expect(await faultOf(forge(goodHeader, goodClaims, oldKey), late)).toBe('signature');
    expect(await faultOf(forge({ ...goodHeader, kid: 'k9' }, goodClaims), late)).toBe('key');
    expect(await faultOf(forge(goodHeader, { ...goodClaims, iss: 'other' }), late)).toBe('issuer');
    expect(await faultOf(forge(goodHeader, { ...goodClaims, jti: undefined }), late)).toBe('claims');
    await expect(verifyAccessToken(late, token)).rejects.toSatisfy(isExpiredToken);
    await expect(verifyAccessToken(late, 'junk')).rejects.not.toSatisfy(isExpiredToken);
    expect(isExpiredToken(new AppError('input_invalid', { detail: 'expired' }))).toBe(false);
  });

  test('issued or not valid before up to 60 s ahead of this clock is borne, and no more', async () => {
    for (const claim of ['iat', 'nbf']) {
      const aheadBy = (seconds: number) =>
        forge(goodHeader, { ...goodClaims, exp: issuedAt + 600, [claim]: issuedAt + seconds });
      expect(await faultOf(aheadBy(60))).toBe('accepted');
      expect(await faultOf(aheadBy(61))).toBe('not-yet');
    }
  });
});

describe('our own mistakes', () => {
  test('a ring without keys, or with a key of another size, signs and verifies nothing', async () => {
    const short: AccessTokenContext = { ...context, keys: [{ kid: 'k2', key: new Uint8Array(31) }] };
    await expect(signAccessToken({ ...context, keys: [] }, grant)).rejects.toBeInstanceOf(Bug);
    await expect(signAccessToken(short, grant)).rejects.toBeInstanceOf(Bug);
    await expect(verifyAccessToken(short, forge(goodHeader, goodClaims))).rejects.toBeInstanceOf(Bug);
    expect(await faultOf(forge(goodHeader, goodClaims), { ...context, keys: [] })).toBe('key');
  });

  test.each([
    { lifetimeSeconds: 0 },
    { lifetimeSeconds: -1 },
    { lifetimeSeconds: 0.5 },
    { lifetimeSeconds: Number.NaN },
    { scopes: ['two words'] },
    { scopes: [''] },
    { scopes: ['admin', 'admin'] },
    { scopes: ['x'.repeat(5_000)] },
    { tenantId: '' },
    { clientId: '' },
  ])('a grant that could not be read back is not signed: %o', async (change) => {
    await expect(signAccessToken(context, { ...grant, ...change } as AccessTokenGrant)).rejects.toBeInstanceOf(Bug);
  });
});

test('verifying waits for nothing: neither for the thread pool nor for a turn of the event loop', async () => {
  const { token } = await signAccessToken(context, grant);
  const turn = new Promise((resolve) => setImmediate(resolve, 'turned'));
  expect(await Promise.race([verifyAccessToken(context, token), turn])).toMatchObject({ tenantId });
});

test('signing and verifying together cost far less than a millisecond', async () => {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < 8; batch++) {
    const start = performance.now();
    for (let i = 0; i < 25; i++) await verifyAccessToken(context, (await signAccessToken(context, grant)).token);
    bestMs = Math.min(bestMs, (performance.now() - start) / 25);
  }
  expect(bestMs).toBeLessThan(0.8);
});
