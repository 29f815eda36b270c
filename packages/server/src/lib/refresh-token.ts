import { hkdfSync } from 'node:crypto';
import { EncryptJWT, errors, type JWTPayload, jwtDecrypt } from 'jose';
import { AppError, Bug } from '../model/errors.ts';
import type { AccessTokenContext, AccessTokenKey } from './access-token.ts';
import { isDirectJwe } from './compact-jwe.ts';

const keyManagement = 'dir';
const encryption = 'A256GCM';
const type = 'refresh+jwt';
const audience = 'refresh';
const issuer = 'tacet';
const tokenLengthMax = 1_024;
const skewMs = 60_000;

/** How long a refresh token is good: a year, in seconds. */
export const refreshTokenLife = 365 * 24 * 3_600;

/** Whose token it is, and which password the user had: under another one it is worthless, which is the caller's to check. */
export type RefreshTokenGrant = { userId: string; passwordId: string };

/**
 * Makes a refresh token: a JWT in compact form (RFC 7519), encrypted with A256GCM under a key of its own (RFC 7516, RFC
 * 7518 sections 4.5 and 5.3). Opaque to whoever holds it; nothing is stored of it, and it does not end those made before.
 *
 * Claims: `iss` "tacet", `aud` "refresh", `sub` (user), `pwd` (password id), `iat`, `exp`. Throws `Bug` for an empty key ring.
 */
export async function signRefreshToken(
  { keys, clock }: AccessTokenContext,
  { userId, passwordId }: RefreshTokenGrant,
): Promise<string> {
  const [current] = keys;
  if (current === undefined) throw new Bug('the refresh token key ring is empty');
  const now = Math.floor(clock.now() / 1_000);
  return await new EncryptJWT({ pwd: passwordId })
    .setProtectedHeader({ alg: keyManagement, enc: encryption, kid: current.kid, typ: type })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(userId)
    .setIssuedAt(now)
    .setExpirationTime(now + refreshTokenLife)
    .encrypt(refreshKey(current));
}

/**
 * Checks a refresh token and answers what it says.
 *
 * It dies at its `exp`. Its `iat` may lie up to 60 s ahead of this clock and no more, so that what was made while a clock
 * was wrong does not outlive the correction. Every failure is `token_invalid` without any text of the token, and never one
 * for which `isExpiredToken` is true: on that word clients would come back with the same token for ever.
 */
export async function verifyRefreshToken(
  { keys, clock }: AccessTokenContext,
  token: string,
): Promise<RefreshTokenGrant> {
  if (!isDirectJwe(token, { lengthMax: tokenLengthMax })) throw refused();
  const keyOf = ({ kid }: { kid?: string | undefined }): Uint8Array => {
    const key = keys.find((one) => one.kid === kid);
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return refreshKey(key);
  };
  const now = clock.now();
  const algorithms = { keyManagementAlgorithms: [keyManagement], contentEncryptionAlgorithms: [encryption] };
  const expected = { ...algorithms, typ: type, issuer, audience, currentDate: new Date(now) };
  const requiredClaims = ['sub', 'pwd', 'iat', 'exp'];
  try {
    const { payload } = await jwtDecrypt(token, keyOf, { ...expected, requiredClaims });
    return grantOf(payload, now);
  } catch (error) {
    throw error instanceof errors.JOSEError ? refused() : error;
  }
}

function grantOf({ sub: userId, pwd: passwordId, iat, exp }: JWTPayload, now: number): RefreshTokenGrant {
  if (typeof userId !== 'string' || typeof passwordId !== 'string') throw refused();
  if (iat === undefined || exp === undefined) throw refused();
  if (iat * 1_000 > now + skewMs || exp - iat > refreshTokenLife) throw refused();
  return { userId, passwordId };
}

/**
 * The key of refresh tokens, made from that of access tokens (HKDF, RFC 5869) under a label of its own: no kind of token
 * can be taken for another, and no key is used in two algorithms.
 */
function refreshKey({ key }: AccessTokenKey): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), `tacet refresh token ${encryption}`, 32));
}

function refused(): AppError {
  return new AppError('token_invalid', { message: 'The refresh token is not valid', detail: 'refresh token' });
}
