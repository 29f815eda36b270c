import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  grant as accessGrant,
  context,
  contextAt,
  encode,
  faultOf,
  forge,
  issuedAt,
  startMs,
  tenantId,
} from '../../test/support/forged-tokens.ts';
import { Bug, codeOf } from '../model/errors.ts';
import { signAccessToken } from './access-token.ts';
import { newId } from './ids.ts';
import { signShareToken, verifyShareToken } from './share-token.ts';

const hourMs = 3_600_000;
const callId = newId(startMs);
const grant = { callId, tenantId, clientId: 'ci_0123456789abcdefghijklmn', lifeMs: 8 * hourMs };
const goodHeader = { alg: 'HS256', kid: 'k2', typ: 'share+jwt' };
const goodClaims = {
  iss: 'tacet',
  aud: 'share',
  sub: grant.clientId,
  tid: tenantId,
  call: callId,
  iat: issuedAt,
  exp: issuedAt + 60,
};

/** `accepted`, or the code of the refusal. */
async function outcomeOf(token: string, from = context): Promise<string> {
  return await verifyShareToken(from, token).then(() => 'accepted', codeOf);
}

describe('a share link of ours', () => {
  test('says which call, which tenant, whose client, until when, and nothing else', async () => {
    const { token, expiresAt } = await signShareToken(context, grant);
    expect(expiresAt).toBe((issuedAt + 8 * 3600) * 1000);
    const { lifeMs: _, ...named } = grant;
    expect(await verifyShareToken(context, token)).toEqual({ ...named, expiresAt });
    const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header ?? '')).toEqual(goodHeader);
    expect(JSON.parse(payload ?? '')).toEqual({ ...goodClaims, exp: issuedAt + 8 * 3600 });
  });

  test('is whole to the millisecond before its end, and nothing from then on', async () => {
    const { token, expiresAt } = await signShareToken(context, grant);
    expect(await outcomeOf(token, contextAt(expiresAt - 1))).toBe('accepted');
    for (const ms of [0, 1, hourMs]) expect(await outcomeOf(token, contextAt(expiresAt + ms))).toBe('token_invalid');
  });

  test('outlives its key becoming an older one, and dies with it', async () => {
    const before = { ...context, keys: context.keys.slice(1) };
    const { token } = await signShareToken(before, grant);
    expect(await outcomeOf(token)).toBe('accepted');
    expect(await outcomeOf(token, { ...context, keys: context.keys.slice(0, 1) })).toBe('token_invalid');
  });

  test('cannot be signed without a key', async () => {
    await expect(signShareToken({ ...context, keys: [] }, grant)).rejects.toThrow(Bug);
  });
});

describe('two kinds of token under one key', () => {
  test('are never taken for each other', async () => {
    const access = await signAccessToken(context, accessGrant);
    expect(await outcomeOf(access.token)).toBe('token_invalid');
    const share = await signShareToken(context, grant);
    expect(await faultOf(share.token)).toBe('type');
  });

  test('are not, if one says that it is the other, either', async () => {
    expect(await outcomeOf(forge({ ...goodHeader, typ: 'at+jwt' }, goodClaims))).toBe('token_invalid');
    expect(await outcomeOf(forge(goodHeader, { ...goodClaims, aud: 'api' }))).toBe('token_invalid');
    expect(await faultOf(forge({ ...goodHeader, typ: 'at+jwt' }, goodClaims))).toBe('claims');
  });
});

describe('a share link that somebody made', () => {
  test('is accepted only as the one that we would have made', async () => {
    expect(await outcomeOf(forge(goodHeader, goodClaims))).toBe('accepted');
  });

  test.each([
    ['no algorithm', { ...goodHeader, alg: 'none' }],
    ['another algorithm', { ...goodHeader, alg: 'HS384' }],
    ['no type', { alg: 'HS256', kid: 'k2' }],
    ['a key of its own', { ...goodHeader, kid: 'k3' }],
    ['no key', { alg: 'HS256', typ: 'share+jwt' }],
    ['a key that is no name', { ...goodHeader, kid: { k2: 1 } }],
    ['an extension that must be understood', { ...goodHeader, crit: ['b64'], b64: false }],
  ])('with %s in its header is refused', async (_what, header) => {
    expect(await outcomeOf(forge(header, goodClaims))).toBe('token_invalid');
  });

  test.each(Object.keys(goodClaims))('without %s is refused', async (name) => {
    const claims = Object.fromEntries(Object.entries(goodClaims).filter(([key]) => key !== name));
    expect(await outcomeOf(forge(goodHeader, claims))).toBe('token_invalid');
  });

  test.each(Object.keys(goodClaims))('with a wrong %s is refused', async (name) => {
    expect(await outcomeOf(forge(goodHeader, { ...goodClaims, [name]: {} }))).toBe('token_invalid');
    expect(await outcomeOf(forge(goodHeader, { ...goodClaims, [name]: null }))).toBe('token_invalid');
  });

  test('under a foreign key is refused', async () => {
    expect(await outcomeOf(forge(goodHeader, goodClaims, new Uint8Array(randomBytes(32))))).toBe('token_invalid');
  });

  test('and is no JSON at all is refused', async () => {
    expect(await outcomeOf(forge('{', goodClaims))).toBe('token_invalid');
    for (const claims of ['{', '[]', 'null', '1'])
      expect(await outcomeOf(forge(goodHeader, claims))).toBe('token_invalid');
  });

  test('is refused with any character changed', async () => {
    const { token } = await signShareToken(context, grant);
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === 'A' ? 'B' : 'A';
      const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
      expect(await outcomeOf(changed), `at ${at}`).toBe('token_invalid');
    }
  });

  test('is refused whatever it is, signed or not, and never by an error without a name', async () => {
    const value = fc.jsonValue();
    const header = fc.oneof(value, fc.record({ alg: fc.constant('HS256'), kid: fc.constant('k2'), typ: value }));
    const signed = fc.tuple(header, value).map(([head, claims]) => forge(head, claims));
    const parts = fc.array(fc.oneof(fc.string(), value.map(encode)), { maxLength: 5 });
    const anything = fc.oneof(
      signed,
      fc.string(),
      parts.map((list) => list.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (token) => {
        expect(await outcomeOf(token)).toBe('token_invalid');
      }),
      { numRuns: 500 },
    );
  });
});
