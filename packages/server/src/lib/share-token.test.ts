import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
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
  oldKey,
  secretKey,
  startMs,
  tenantId,
} from '../../test/support/forged-tokens.ts';
import { Bug, codeOf } from '../model/errors.ts';
import { type AccessTokenContext, signAccessToken } from './access-token.ts';
import { newId } from './ids.ts';
import {
  type LinkGrant,
  type LinkKind,
  linkLifeMsMax,
  linkSigner,
  type SignedLink,
  verifyLink,
} from './share-token.ts';

const hourMs = 3_600_000;
const callId = newId(startMs);
const clientId = 'ci_0123456789abcdefghijklmn';
const grant = { subjectKind: 'client', clientId, callId, tenantId, lifeMs: 8 * hourMs } as const;

function headerOf(kind: LinkKind) {
  return { alg: 'dir', enc: 'A256GCM', kid: 'k2', typ: `${kind}+jwt` };
}

function claimsOf(kind: LinkKind) {
  const named = { sub: clientId, sub_kind: 'client', tid: tenantId, call: callId };
  return { iss: 'tacet', aud: kind, ...named, iat: issuedAt, exp: issuedAt + 60 };
}

function linkKey(key: Uint8Array, kind: LinkKind): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `tacet ${kind} link A256GCM`, 32));
}

/** A link made without our code, and sealed properly whatever it says (RFC 7516, section 5.1). */
function forgeSealed(header: unknown, claims: unknown, key: Uint8Array): string {
  const iv = randomBytes(12);
  const protectedHeader = encode(header);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(protectedHeader));
  const sealed = [cipher.update(typeof claims === 'string' ? claims : JSON.stringify(claims)), cipher.final()];
  const parts = [iv, Buffer.concat(sealed), cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return [protectedHeader, '', ...parts].join('.');
}

describe.each(['share', 'record'] as const)('a %s link', (kind) => {
  const goodHeader = headerOf(kind);
  const goodClaims = claimsOf(kind);
  const sign = (what: LinkGrant, from = context): SignedLink => linkSigner(from, kind)(what);
  const forgeLink = (header: unknown, claims: unknown, key: Uint8Array = linkKey(secretKey, kind)) =>
    forgeSealed(header, claims, key);
  /** `accepted`, or the code of the refusal. */
  const outcomeOf = async (token: string, from: AccessTokenContext = context): Promise<string> =>
    await verifyLink(from, kind, token).then(() => 'accepted', codeOf);

  describe('of ours', () => {
    test('says which call, which tenant, whose client, until when, and nothing else', async () => {
      const { token, expiresAt } = sign(grant);
      expect(expiresAt).toBe((issuedAt + 8 * 3600) * 1000);
      const { lifeMs: _, ...named } = grant;
      expect(await verifyLink(context, kind, token)).toEqual({ ...named, expiresAt });
    });

    test('shows nobody but us whose call it opens', async () => {
      const { token } = sign(grant);
      const [header = '', ...parts] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
      expect(JSON.parse(header)).toEqual(goodHeader);
      for (const secret of [callId, tenantId, clientId, `${kind}"`, 'exp']) expect(parts.join()).not.toContain(secret);
      expect(sign(grant).token).not.toBe(token);
    });

    test('is whole to the millisecond before its end, and nothing from then on', async () => {
      const { token, expiresAt } = sign(grant);
      expect(await outcomeOf(token, contextAt(expiresAt - 1))).toBe('accepted');
      for (const ms of [0, 1, hourMs]) expect(await outcomeOf(token, contextAt(expiresAt + ms))).toBe('token_invalid');
    });

    test('made while the clock was days ahead opens nothing after the clock was corrected', async () => {
      const dayMs = 24 * hourMs;
      const { token } = sign({ ...grant, lifeMs: 20 * dayMs }, contextAt(startMs + 10 * dayMs));
      expect(await outcomeOf(token, contextAt(startMs + 10 * dayMs))).toBe('accepted');
      expect(await outcomeOf(token)).toBe('token_invalid');
      const ahead = (ms: number) => contextAt(issuedAt * 1000 - ms);
      const now = sign(grant);
      expect(await outcomeOf(now.token, ahead(60_000))).toBe('accepted');
      expect(await outcomeOf(now.token, ahead(60_001))).toBe('token_invalid');
    });

    test('lives no longer than any setting says', async () => {
      const { token } = sign({ ...grant, lifeMs: linkLifeMsMax });
      expect(await outcomeOf(token)).toBe('accepted');
      expect(() => sign({ ...grant, lifeMs: linkLifeMsMax + 1 })).toThrow(Bug);
      const exp = issuedAt + linkLifeMsMax / 1000;
      expect(await outcomeOf(forgeLink(goodHeader, { ...goodClaims, exp }))).toBe('accepted');
      expect(await outcomeOf(forgeLink(goodHeader, { ...goodClaims, exp: exp + 1 }))).toBe('token_invalid');
    });

    test('outlives its key becoming an older one, and dies with it', async () => {
      const before = { ...context, keys: context.keys.slice(1) };
      const { token } = sign(grant, before);
      expect(await outcomeOf(token)).toBe('accepted');
      expect(await outcomeOf(token, { ...context, keys: context.keys.slice(0, 1) })).toBe('token_invalid');
    });

    test('cannot be signed without a key', async () => {
      expect(() => sign(grant, { ...context, keys: [] })).toThrow(Bug);
    });
  });

  describe('and an access token from one key', () => {
    test('are never taken for each other', async () => {
      const access = await signAccessToken(context, accessGrant);
      expect(await outcomeOf(access.token)).toBe('token_invalid');
      const share = sign(grant);
      expect(await faultOf(share.token)).toBe('malformed');
    });

    test('are not, if one says that it is the other, either', async () => {
      const signed = { alg: 'HS256', kid: 'k2', typ: `${kind}+jwt` };
      expect(await outcomeOf(forge(signed, goodClaims))).toBe('token_invalid');
      expect(await outcomeOf(forgeLink({ ...goodHeader, typ: 'at+jwt' }, goodClaims))).toBe('token_invalid');
      expect(await outcomeOf(forgeLink(goodHeader, { ...goodClaims, aud: 'api' }))).toBe('token_invalid');
    });

    test('are not under one key in two algorithms', async () => {
      expect(await outcomeOf(forgeLink(goodHeader, goodClaims, secretKey))).toBe('token_invalid');
      expect(await faultOf(forge({ alg: 'HS256', kid: 'k2', typ: 'at+jwt' }, {}, linkKey(secretKey, kind)))).toBe(
        'signature',
      );
    });
  });

  describe('that somebody made', () => {
    test('is accepted only as the one that we would have made', async () => {
      expect(await outcomeOf(forgeLink(goodHeader, goodClaims))).toBe('accepted');
    });

    test.each([
      ['no algorithm', { ...goodHeader, alg: 'none' }],
      ['another algorithm', { ...goodHeader, alg: 'A256KW' }],
      ['another cipher', { ...goodHeader, enc: 'A128CBC-HS256' }],
      ['no cipher', { alg: 'dir', kid: 'k2', typ: `${kind}+jwt` }],
      ['no type', { alg: 'dir', enc: 'A256GCM', kid: 'k2' }],
      ['a key of its own', { ...goodHeader, kid: 'k3' }],
      ['the older key', { ...goodHeader, kid: 'k1' }],
      ['no key', { alg: 'dir', enc: 'A256GCM', typ: `${kind}+jwt` }],
      ['a key that is no name', { ...goodHeader, kid: { k2: 1 } }],
      ['an extension that must be understood', { ...goodHeader, crit: ['b64'], b64: false }],
    ])('with %s in its header is refused', async (_what, header) => {
      expect(await outcomeOf(forgeLink(header, goodClaims))).toBe('token_invalid');
    });

    test.each(Object.keys(goodClaims))('without %s is refused', async (name) => {
      const claims = Object.fromEntries(Object.entries(goodClaims).filter(([key]) => key !== name));
      expect(await outcomeOf(forgeLink(goodHeader, claims))).toBe('token_invalid');
    });

    test.each(Object.keys(goodClaims))('with a wrong %s is refused', async (name) => {
      expect(await outcomeOf(forgeLink(goodHeader, { ...goodClaims, [name]: {} }))).toBe('token_invalid');
      expect(await outcomeOf(forgeLink(goodHeader, { ...goodClaims, [name]: null }))).toBe('token_invalid');
    });

    test('under a foreign key is refused', async () => {
      for (const key of [randomBytes(32), linkKey(oldKey, kind)]) {
        expect(await outcomeOf(forgeLink(goodHeader, goodClaims, key))).toBe('token_invalid');
      }
    });

    test('and is no JSON at all is refused', async () => {
      expect(await outcomeOf(forgeLink('{', goodClaims))).toBe('token_invalid');
      for (const claims of ['{', '[]', 'null', '1'])
        expect(await outcomeOf(forgeLink(goodHeader, claims))).toBe('token_invalid');
    });

    test('is refused with any character changed, also to one that decodes to the same bytes', async () => {
      const { token } = sign(grant);
      const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      for (let at = 0; at < token.length; at += 1) {
        const place = letters.indexOf(token[at] ?? '');
        for (const other of [letters[place ^ 1] ?? '', token[at] === 'A' ? 'B' : 'A', '.', '=']) {
          const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
          if (changed !== token) expect(await outcomeOf(changed), `at ${at}`).toBe('token_invalid');
        }
      }
    });

    test('is refused whatever it is, sealed or not, and never by an error without a name', async () => {
      const value = fc.jsonValue();
      const header = fc.oneof(value, fc.record({ ...constants(goodHeader), typ: value }));
      const sealed = fc.tuple(header, value).map(([head, claims]) => forgeLink(head, claims));
      const parts = fc.array(fc.oneof(fc.string(), value.map(encode)), { maxLength: 6 });
      const anything = fc.oneof(
        sealed,
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

  test('is never taken for one of another kind, not even when it says that it is one', async () => {
    const other = kind === 'share' ? 'record' : 'share';
    expect(await outcomeOf(linkSigner(context, other)(grant).token)).toBe('token_invalid');
    expect(await outcomeOf(forgeLink(headerOf(other), goodClaims))).toBe('token_invalid');
    expect(await outcomeOf(forgeLink(goodHeader, claimsOf(other)))).toBe('token_invalid');
    expect(await outcomeOf(forgeLink(goodHeader, goodClaims, linkKey(secretKey, other)))).toBe('token_invalid');
  });

  test('says whether a client or a user made it', async () => {
    const user = { subjectKind: 'user', userId: newId(startMs), callId, tenantId } as const;
    const { token, expiresAt } = sign({ ...user, lifeMs: hourMs });
    expect(await verifyLink(context, kind, token)).toEqual({ ...user, expiresAt });
    expect(await outcomeOf(forgeLink(goodHeader, { ...goodClaims, sub_kind: 'cli' }))).toBe('token_invalid');
  });
});

function constants({ alg, enc, kid }: ReturnType<typeof headerOf>) {
  return { alg: fc.constant(alg), enc: fc.constant(enc), kid: fc.constant(kid) };
}
