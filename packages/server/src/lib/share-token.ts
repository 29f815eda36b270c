import { errors, jwtVerify, SignJWT } from 'jose';
import { AppError, Bug } from '../model/errors.ts';
import { type AccessTokenContext, isCompactJws } from './access-token.ts';

const algorithm = 'HS256';
/** Access tokens are signed by the same keys: type and audience keep each from being taken for the other. */
const type = 'share+jwt';
const audience = 'share';
const issuer = 'tacet';

/** Which call a link opens, and for whom: the client that shared it. */
export type ShareGrant = {
  callId: string;
  tenantId: string;
  clientId: string;
  /** From now, in ms. The link ends at the last whole second within. */
  lifeMs: number;
};

/** What a valid link says. `expiresAt` is in ms since the Unix epoch. */
export type ShareClaims = Omit<ShareGrant, 'lifeMs'> & { expiresAt: number };

/**
 * Makes the secret part of a share link: a JWT in compact form (RFC 7519), signed with HS256. Nothing is stored of it, and
 * it names nobody but our own ids.
 *
 * Claims: `iss` "tacet", `aud` "share", `sub` (client), `tid` (tenant), `call`, `iat`, `exp`. Throws `Bug` for an empty
 * key ring.
 */
export async function signShareToken(
  { keys, clock }: AccessTokenContext,
  { callId, tenantId, clientId, lifeMs }: ShareGrant,
): Promise<{ token: string; expiresAt: number }> {
  const [current] = keys;
  if (current === undefined) throw new Bug('the share token key ring is empty');
  const now = clock.now();
  const expiresAtSeconds = Math.floor((now + lifeMs) / 1000);
  const token = await new SignJWT({ tid: tenantId, call: callId })
    .setProtectedHeader({ alg: algorithm, kid: current.kid, typ: type })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(clientId)
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(expiresAtSeconds)
    .sign(current.key);
  return { token, expiresAt: expiresAtSeconds * 1000 };
}

/**
 * Checks the secret part of a share link and answers what it says. It dies at its `exp`, without tolerance. Every failure
 * is `token_invalid` without any text of the token.
 */
export async function verifyShareToken({ keys, clock }: AccessTokenContext, token: string): Promise<ShareClaims> {
  if (!isCompactJws(token)) throw refused();
  const keyOf = ({ kid }: { kid?: string | undefined }): Uint8Array => {
    const key = keys.find((one) => one.kid === kid)?.key;
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return key;
  };
  const now = clock.now();
  const expected = { algorithms: [algorithm], typ: type, issuer, audience, currentDate: new Date(now) };
  const requiredClaims = ['sub', 'tid', 'call', 'iat', 'exp'];
  try {
    const { payload } = await jwtVerify(token, keyOf, { ...expected, requiredClaims });
    const { sub: clientId, tid: tenantId, call: callId, exp } = payload;
    const isWhole = typeof clientId === 'string' && typeof tenantId === 'string' && typeof callId === 'string';
    if (!isWhole || exp === undefined) throw refused();
    return { callId, tenantId, clientId, expiresAt: exp * 1000 };
  } catch (error) {
    throw error instanceof errors.JOSEError ? refused() : error;
  }
}

function refused(): AppError {
  return new AppError('token_invalid', { detail: 'share link' });
}
