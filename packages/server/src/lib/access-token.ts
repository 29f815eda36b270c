import { createHmac, timingSafeEqual } from 'node:crypto';
import { CompactSign } from 'jose';
import { AppError, Bug } from '../model/errors.ts';
import type { Clock } from './clock.ts';
import { type CompactJws, isRecord, isSeconds, readJson, splitCompactJws } from './compact-jws.ts';
import { isId, newId } from './ids.ts';

const algorithm = 'HS256';
const type = 'at+jwt';
const issuer = 'tacet';
const keyBytes = 32;
const signatureBytes = 32;
const tokenLengthMax = 4_096;
const skewSeconds = 60;

/** One signing key: `key` is 32 secret bytes, `kid` its public name. */
export type AccessTokenKey = { kid: string; key: Uint8Array };

export type AccessTokenContext = {
  /** The first key signs; every key verifies, so that a rotation ends no token early. */
  keys: readonly AccessTokenKey[];
  clock: Clock;
};

/** Whom a token speaks for. */
export type AccessTokenSubject = { subjectKind: 'client'; clientId: string } | { subjectKind: 'user'; userId: string };

export type AccessTokenGrant = AccessTokenSubject & {
  tenantId: string;
  /** Scope names as of RFC 6749, section 3.3, each once. May be empty. */
  scopes: readonly string[];
  /** A whole number of seconds from now. */
  lifetimeSeconds: number;
};

/** What a valid token says. `expiresAt` is in milliseconds since the Unix epoch. */
export type AccessTokenClaims = AccessTokenSubject & {
  tenantId: string;
  scopes: readonly string[];
  expiresAt: number;
  tokenId: string;
};

/**
 * Why a token was refused, as the `detail` of the `token_invalid` error. `expired` is said only of a token that was ours
 * and is whole; nothing else about a refused token is known to be true.
 */
export type AccessTokenFault =
  | 'malformed'
  | 'header'
  | 'algorithm'
  | 'type'
  | 'key'
  | 'signature'
  | 'claims'
  | 'issuer'
  | 'expired'
  | 'not-yet';

/**
 * Makes an access token: a JWT in compact form (RFC 7519, profile of RFC 9068 as far as it fits), signed with HS256.
 *
 * Claims: `iss` "tacet", `sub` with `sub_kind`, `tid` (tenant), `scope`, `iat`, `exp`, `jti` (a new UUIDv7). Throws `Bug`
 * for a key ring without keys of 32 bytes, and for a grant that `verifyAccessToken` would not give back as it is.
 */
export async function signAccessToken(
  { keys, clock }: AccessTokenContext,
  grant: AccessTokenGrant,
): Promise<{ token: string; tokenId: string; expiresAt: number }> {
  const { kid, key } = signingKey(keys);
  const now = clock.now();
  const issuedAt = Math.floor(now / 1_000);
  const tokenId = newId(now);
  const payload = {
    iss: issuer,
    sub: grant.subjectKind === 'client' ? grant.clientId : grant.userId,
    sub_kind: grant.subjectKind,
    tid: grant.tenantId,
    scope: grant.scopes.join(' '),
    iat: issuedAt,
    exp: issuedAt + grant.lifetimeSeconds,
    jti: tokenId,
  };
  const claims = readClaims(payload);
  if (claims === undefined || claims.scopes.length !== grant.scopes.length) {
    throw new Bug('an access token was asked for with claims that no verifier accepts');
  }
  const token = await new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: algorithm, kid, typ: type })
    .sign(key);
  if (token.length > tokenLengthMax) throw new Bug('an access token came out longer than a verifier accepts');
  return { token, tokenId, expiresAt: claims.expiresAt };
}

/**
 * Checks an access token and answers what it says.
 *
 * The token chooses nothing: algorithm, type and issuer are ours, the key must be on the ring under the token's `kid`. A
 * token dies `graceMs` after its `exp` (default 0), to the millisecond; `iat` and `nbf` may lie up to 60 s ahead of this
 * clock. Every failure is `token_invalid` with an `AccessTokenFault` as its detail, never with any text of the token.
 * Throws `Bug` for a key of another size on the ring.
 */
export async function verifyAccessToken(
  { keys, clock }: AccessTokenContext,
  token: string,
  { graceMs = 0 }: { graceMs?: number } = {},
): Promise<AccessTokenClaims> {
  const parts = splitCompactJws(token, { lengthMax: tokenLengthMax, signatureBytes });
  if (parts === undefined) throw refused('malformed');
  const header = readJson(Buffer.from(parts.header, 'base64url'));
  if (!isRecord(header) || Object.keys(header).sort().join() !== 'alg,kid,typ') throw refused('header');
  if (header['alg'] !== algorithm) throw refused('algorithm');
  if (header['typ'] !== type) throw refused('type');
  const key = keys.find(({ kid }) => kid === header['kid']);
  if (key === undefined) throw refused('key');

  const payload = readJson(verifiedPayload(parts, usable(key)));
  const claims = readClaims(payload);
  if (!isRecord(payload) || claims === undefined) throw refused('claims');
  if (payload['iss'] !== issuer) throw refused('issuer');
  const now = clock.now();
  if (now >= claims.expiresAt + graceMs) throw refused('expired');
  if (isAhead(payload['iat'], now) || isAhead(payload['nbf'], now)) throw refused('not-yet');
  return claims;
}

/** True for the refusal of a token that was good until its `exp`, the one refusal that some clients answer by a refresh. */
export function isExpiredToken(error: unknown): boolean {
  return (
    error instanceof AppError &&
    error.code === 'token_invalid' &&
    error.detail === ('expired' satisfies AccessTokenFault)
  );
}

/**
 * The payload of a token whose signature is HMAC-SHA-256 over all that stands before it (RFC 7515, section 5.2, with HS256
 * of RFC 7518, section 3.2).
 *
 * Computed here and at once. The library's way goes through the thread pool, where every request would wait behind the
 * unlinks of a purge; the sum itself takes microseconds, so that nothing need be remembered of tokens seen before.
 */
function verifiedPayload({ signed, payload, signature }: CompactJws, key: Uint8Array): Uint8Array {
  const expected = createHmac('sha256', key).update(signed).digest();
  if (!timingSafeEqual(expected, signature)) throw refused('signature');
  return payload;
}

/** The claims when each has its shape; one check a line. What time it is and who issued them is the caller's question. */
function readClaims(payload: unknown): AccessTokenClaims | undefined {
  if (!isRecord(payload)) return undefined;
  const { sub, sub_kind: subjectKind, tid: tenantId, scope, iat, exp, nbf, jti: tokenId } = payload;
  if (!isName(sub) || !isName(tenantId)) return undefined;
  if (subjectKind !== 'client' && subjectKind !== 'user') return undefined;
  if (typeof tokenId !== 'string' || !isId(tokenId)) return undefined;
  if (!isSeconds(iat) || !isSeconds(exp) || exp <= iat) return undefined;
  if (nbf !== undefined && !isSeconds(nbf)) return undefined;
  const scopes = readScopes(scope);
  if (scopes === undefined) return undefined;
  const rest = { tenantId, scopes, expiresAt: exp * 1_000, tokenId };
  return subjectKind === 'client' ? { subjectKind, clientId: sub, ...rest } : { subjectKind, userId: sub, ...rest };
}

/** RFC 6749, section 3.3: printable ASCII without quote and backslash, single spaces between. */
function readScopes(scope: unknown): string[] | undefined {
  if (typeof scope !== 'string') return undefined;
  if (scope === '') return [];
  const scopes = scope.split(' ');
  if (!scopes.every((name) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name))) return undefined;
  return new Set(scopes).size === scopes.length ? scopes : undefined;
}

/** An id that a client may have brought along from elsewhere: any printable text, but not a book. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[^\p{C}]{1,256}$/u.test(value);
}

function isAhead(seconds: unknown, now: number): boolean {
  return typeof seconds === 'number' && seconds * 1_000 > now + skewSeconds * 1_000;
}

function signingKey(keys: readonly AccessTokenKey[]): AccessTokenKey {
  const [current] = keys;
  if (current === undefined) throw new Bug('the access token key ring is empty');
  usable(current);
  return current;
}

/** HS256 asks for at least the hash's size (RFC 7518, section 3.2); ours are exactly that. */
function usable({ key }: AccessTokenKey): Uint8Array {
  if (key.length !== keyBytes) throw new Bug(`an access token key must be ${keyBytes} bytes`);
  return key;
}

function refused(fault: AccessTokenFault): AppError {
  return new AppError('token_invalid', { detail: fault });
}
