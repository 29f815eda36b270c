import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { errors, type JWTPayload, jwtDecrypt } from 'jose';
import { AppError, Bug } from '../model/errors.ts';
import type { AccessTokenContext, AccessTokenKey, AccessTokenSubject } from './access-token.ts';
import { isDirectJwe } from './compact-jwe.ts';

const keyManagement = 'dir';
const encryption = 'A256GCM';
const cipherName = 'aes-256-gcm';
const nonceBytes = 12;
const issuer = 'tacet';
const tokenLengthMax = 2048;
const skewMs = 60_000;

/** The longest that a link may live: a hundred years, as the configuration allows. */
export const linkLifeMsMax = 36_500 * 24 * 3_600_000;

/**
 * What a link opens: a call with its page (`share`), or a call's recording alone (`record`). Each kind has a key, a type and
 * an audience of its own, so that neither can be taken for the other.
 */
export type LinkKind = 'share' | 'record';

/** Which call a link opens, and for whom: the client or user who made it. */
export type LinkGrant = AccessTokenSubject & {
  callId: string;
  tenantId: string;
  /** From now, in ms; at most `linkLifeMsMax`. The link ends at the last whole second within. */
  lifeMs: number;
};

/** What a valid link says. `expiresAt` is in ms since the Unix epoch. */
export type LinkClaims = AccessTokenSubject & { callId: string; tenantId: string; expiresAt: number };

/** The secret part of a link, and until when it opens anything, in ms since the Unix epoch. */
export type SignedLink = { token: string; expiresAt: number };

/**
 * Makes the secret parts of links of one kind: each a JWT in compact form (RFC 7519), encrypted with A256GCM under the key of
 * its kind (RFC 7516, RFC 7518 sections 4.5 and 5.3). Nothing is stored of it, and whoever holds it learns nothing from it
 * but its kind and the name of the key: a link is passed on, and whose call it opens is not for all who see it.
 *
 * Claims: `iss` "tacet", `aud` (the kind), `sub` with `sub_kind` (who made it), `tid` (tenant), `call`, `iat`, `exp`.
 *
 * Computed here and at once: the library's way goes through the thread pool and takes five times as long, and one answer may
 * carry tens of thousands of links. Throws `Bug` for an empty key ring; what it returns throws `Bug` for a life that
 * `verifyLink` would refuse.
 */
export function linkSigner({ keys, clock }: AccessTokenContext, kind: LinkKind): (grant: LinkGrant) => SignedLink {
  const [current] = keys;
  if (current === undefined) throw new Bug('the link key ring is empty');
  const key = linkKey(current, kind);
  const header = encode(JSON.stringify({ alg: keyManagement, enc: encryption, kid: current.kid, typ: typeOf(kind) }));
  return (grant) => {
    if (grant.lifeMs > linkLifeMsMax) throw new Bug('a link was asked for with a life that no verifier accepts');
    const now = clock.now();
    const exp = Math.floor((now + grant.lifeMs) / 1000);
    const claims = {
      iss: issuer,
      aud: kind,
      sub: grant.subjectKind === 'client' ? grant.clientId : grant.userId,
      sub_kind: grant.subjectKind,
      tid: grant.tenantId,
      call: grant.callId,
      iat: Math.floor(now / 1000),
      exp,
    };
    return { token: seal(key, header, JSON.stringify(claims)), expiresAt: exp * 1000 };
  };
}

/** JWE Compact Serialization with a key that is agreed on (RFC 7516, section 5.1): the header is authenticated too. */
function seal(key: Uint8Array, header: string, plain: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(cipherName, key, nonce).setAAD(Buffer.from(header, 'latin1'));
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return [header, '', encode(nonce), encode(sealed), encode(cipher.getAuthTag())].join('.');
}

/**
 * Checks the secret part of a link of one kind and answers what it says.
 *
 * It dies at its `exp`, without tolerance. Its `iat` may lie up to 60 s ahead of this clock and no more, so that what was
 * made while a clock was wrong does not outlive the correction. Every failure is `token_invalid` without any text of the
 * token.
 */
export async function verifyLink(
  { keys, clock }: AccessTokenContext,
  kind: LinkKind,
  token: string,
): Promise<LinkClaims> {
  if (!isDirectJwe(token, { lengthMax: tokenLengthMax })) throw refused(kind);
  const keyOf = ({ kid }: { kid?: string | undefined }): Uint8Array => {
    const key = keys.find((one) => one.kid === kid);
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return linkKey(key, kind);
  };
  const now = clock.now();
  const algorithms = { keyManagementAlgorithms: [keyManagement], contentEncryptionAlgorithms: [encryption] };
  const expected = { ...algorithms, typ: typeOf(kind), issuer, audience: kind, currentDate: new Date(now) };
  const requiredClaims = ['sub', 'sub_kind', 'tid', 'call', 'iat', 'exp'];
  try {
    const { payload } = await jwtDecrypt(token, keyOf, { ...expected, requiredClaims });
    const claims = claimsOf(payload, now);
    if (claims === undefined) throw refused(kind);
    return claims;
  } catch (error) {
    throw error instanceof errors.JOSEError ? refused(kind) : error;
  }
}

function claimsOf(payload: JWTPayload, now: number): LinkClaims | undefined {
  const { sub, sub_kind: subjectKind, tid: tenantId, call: callId, iat, exp } = payload;
  if (typeof sub !== 'string' || typeof tenantId !== 'string' || typeof callId !== 'string') return undefined;
  if (iat === undefined || exp === undefined) return undefined;
  if (iat * 1000 > now + skewMs || (exp - iat) * 1000 > linkLifeMsMax) return undefined;
  const rest = { callId, tenantId, expiresAt: exp * 1000 };
  if (subjectKind === 'client') return { subjectKind, clientId: sub, ...rest };
  return subjectKind === 'user' ? { subjectKind, userId: sub, ...rest } : undefined;
}

function typeOf(kind: LinkKind): string {
  return `${kind}+jwt`;
}

/**
 * The key of a kind of link, made from that of access tokens (HKDF, RFC 5869) under a label of its own: no kind of token can
 * be taken for another, and no key is used in two algorithms.
 */
function linkKey({ key }: AccessTokenKey, kind: LinkKind): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), `tacet ${kind} link ${encryption}`, 32));
}

function encode(part: string | Uint8Array): string {
  return Buffer.from(part).toString('base64url');
}

function refused(kind: LinkKind): AppError {
  return new AppError('token_invalid', { detail: `${kind} link` });
}
