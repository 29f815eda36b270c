import { hkdfSync } from 'node:crypto';
import { EncryptJWT, errors, type JWTPayload, jwtDecrypt } from 'jose';
import { AppError, Bug } from '../model/errors.ts';
import type { AccessTokenContext, AccessTokenKey } from './access-token.ts';

const keyManagement = 'dir';
const encryption = 'A256GCM';
const type = 'share+jwt';
const audience = 'share';
const issuer = 'tacet';
const tokenLengthMax = 2048;
const skewMs = 60_000;

/** The longest that a link may live: a hundred years, as the configuration allows. */
export const shareLifeMsMax = 36_500 * 24 * 3_600_000;

/** Which call a link opens, and for whom: the client that shared it. */
export type ShareGrant = {
  callId: string;
  tenantId: string;
  clientId: string;
  /** From now, in ms; at most `shareLifeMsMax`. The link ends at the last whole second within. */
  lifeMs: number;
};

/** What a valid link says. `expiresAt` is in ms since the Unix epoch. */
export type ShareClaims = Omit<ShareGrant, 'lifeMs'> & { expiresAt: number };

/**
 * Makes the secret part of a share link: a JWT in compact form (RFC 7519), encrypted with A256GCM under a key of its own
 * (RFC 7516, RFC 7518 sections 4.5 and 5.3). Nothing is stored of it, and whoever holds it learns nothing from it but the
 * name of the key: a link is passed on, and whose call it opens is not for all who see it.
 *
 * Claims: `iss` "tacet", `aud` "share", `sub` (client), `tid` (tenant), `call`, `iat`, `exp`. Throws `Bug` for an empty
 * key ring, and for a life that `verifyShareToken` would refuse.
 */
export async function signShareToken(
  { keys, clock }: AccessTokenContext,
  { callId, tenantId, clientId, lifeMs }: ShareGrant,
): Promise<{ token: string; expiresAt: number }> {
  const [current] = keys;
  if (current === undefined) throw new Bug('the share token key ring is empty');
  if (lifeMs > shareLifeMsMax) throw new Bug('a share token was asked for with a life that no verifier accepts');
  const now = clock.now();
  const expiresAtSeconds = Math.floor((now + lifeMs) / 1000);
  const token = await new EncryptJWT({ tid: tenantId, call: callId })
    .setProtectedHeader({ alg: keyManagement, enc: encryption, kid: current.kid, typ: type })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(clientId)
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(expiresAtSeconds)
    .encrypt(linkKey(current));
  return { token, expiresAt: expiresAtSeconds * 1000 };
}

/**
 * Checks the secret part of a share link and answers what it says.
 *
 * It dies at its `exp`, without tolerance. Its `iat` may lie up to 60 s ahead of this clock and no more, so that what was
 * made while a clock was wrong does not outlive the correction. Every failure is `token_invalid` without any text of the
 * token.
 */
export async function verifyShareToken({ keys, clock }: AccessTokenContext, token: string): Promise<ShareClaims> {
  if (!isCompactJwe(token)) throw refused();
  const keyOf = ({ kid }: { kid?: string | undefined }): Uint8Array => {
    const key = keys.find((one) => one.kid === kid);
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return linkKey(key);
  };
  const now = clock.now();
  const algorithms = { keyManagementAlgorithms: [keyManagement], contentEncryptionAlgorithms: [encryption] };
  const expected = { ...algorithms, typ: type, issuer, audience, currentDate: new Date(now) };
  const requiredClaims = ['sub', 'tid', 'call', 'iat', 'exp'];
  try {
    const { payload } = await jwtDecrypt(token, keyOf, { ...expected, requiredClaims });
    return claimsOf(payload, now);
  } catch (error) {
    throw error instanceof errors.JOSEError ? refused() : error;
  }
}

function claimsOf({ sub: clientId, tid: tenantId, call: callId, iat, exp }: JWTPayload, now: number): ShareClaims {
  if (typeof clientId !== 'string' || typeof tenantId !== 'string' || typeof callId !== 'string') throw refused();
  if (iat === undefined || exp === undefined) throw refused();
  if (iat * 1000 > now + skewMs || (exp - iat) * 1000 > shareLifeMsMax) throw refused();
  return { callId, tenantId, clientId, expiresAt: exp * 1000 };
}

/**
 * The key of links, made from that of access tokens (HKDF, RFC 5869) under a label of its own: neither kind of token can be
 * taken for the other, and the one key is never used in two algorithms.
 */
function linkKey({ key }: AccessTokenKey): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), 'tacet share link A256GCM', 32));
}

/**
 * True for the compact form of RFC 7516 with a key that is agreed on, hence an empty second part, of a bearable length. Each
 * part must be the one canonical text of its bytes: decoders ignore the last bits of a text, which would give every link
 * twins.
 */
function isCompactJwe(token: string): boolean {
  if (token.length > tokenLengthMax || !/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return false;
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

function refused(): AppError {
  return new AppError('token_invalid', { detail: 'share link' });
}
