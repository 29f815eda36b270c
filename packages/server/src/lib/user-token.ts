import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { AppError, Bug } from '../model/errors.ts';
import type { AccessTokenFault } from './access-token.ts';
import type { Clock } from './clock.ts';
import { isRecord, isSeconds, readJson, splitCompactJws } from './compact-jws.ts';
import { isId } from './ids.ts';

const hash = 'sha512';
const modulusBits = 2_048;
const signatureBytes = modulusBits / 8;
const tokenLengthMax = 1_024;
/** The claim `version` of the vendor's tokens. */
const format = 4;
const skewMs = 60_000;

/** The one header there is. Constant, so a token's header is compared as text and never read. */
const header = Buffer.from('{"typ":"JWT","alg":"RS512"}').toString('base64url');

/** The longest that a token may live: 30 days, in seconds. */
export const userTokenLifeMax = 30 * 24 * 3_600;

/** Whom a token speaks for. That all of it is still so is the caller's to check. */
export type UserTokenGrant = {
  /** The integers by which the vendor's clients know users and companies. After a restore they may be given again. */
  user: number;
  company: number;
  /** The user's own id, which is never given again. */
  userId: string;
  /** Which password the user had: 22 characters of base64url. Under another one the token is worthless. */
  passwordId: string;
  /** From now, in whole seconds; at most `userTokenLifeMax`. */
  lifeSeconds: number;
};

/** What a valid token says. `expiresAt` is in ms since the Unix epoch. */
export type UserTokenClaims = Omit<UserTokenGrant, 'lifeSeconds'> & { expiresAt: number };

/** True for a token that says it is one of a user: the only look that is taken to choose who checks it. */
export function isUserToken(token: string): boolean {
  return token.startsWith(`${header}.`);
}

/**
 * Makes the token of a user as Twin24's clients expect it: a JWT in compact form (RFC 7519), signed with RSASSA-PKCS1-v1_5
 * and SHA-512 (RS512 of RFC 7518, section 3.3).
 *
 * Claims: `iat`, `exp`, `version` (4), `sub` (the user, as text), `company_id`, and of our own `user_id` and `password_id`.
 * Throws `Bug` for a key that is not RSA of 2048 bits, and for a grant that `verifyUserToken` would not give back as it is.
 */
export function signUserToken(
  { privateKey, clock }: { privateKey: KeyObject; clock: Clock },
  { user, company, userId, passwordId, lifeSeconds }: UserTokenGrant,
): { token: string; expiresAt: number } {
  requireRsa(privateKey, 'private');
  const iat = Math.floor(clock.now() / 1_000);
  const payload = {
    iat,
    exp: iat + lifeSeconds,
    version: format,
    sub: String(user),
    company_id: company,
    user_id: userId,
    password_id: passwordId,
  };
  const claims = readClaims(payload);
  if (claims === undefined || lifeSeconds > userTokenLifeMax) {
    throw new Bug("a user's token was asked for with claims that no verifier accepts");
  }
  const signed = `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
  const signature = sign(hash, Buffer.from(signed), { key: privateKey, padding: constants.RSA_PKCS1_PADDING });
  return { token: `${signed}.${signature.toString('base64url')}`, expiresAt: claims.expiresAt };
}

/**
 * Checks the token of a user and answers what it says.
 *
 * The token chooses nothing: its header is ours to the letter, and the key is given. It is good until `graceMs` after its
 * `exp`, to the millisecond, whatever time it says it was made at: the vendor's clients cannot bear a token that is refused
 * before. Only one that would be good for longer than any token may live was made by a clock that was wrong, and is refused
 * as `not-yet`. Every failure is `token_invalid` with an `AccessTokenFault` as its detail, never with any text of the token.
 * The sum is done here and at once: some 30 microseconds, where the thread pool may be busy with the unlinks of a purge.
 */
export function verifyUserToken(
  { publicKey, clock }: { publicKey: KeyObject; clock: Clock },
  token: string,
  { graceMs = 0 }: { graceMs?: number } = {},
): UserTokenClaims {
  requireRsa(publicKey, 'public');
  const parts = splitCompactJws(token, { lengthMax: tokenLengthMax, signatureBytes });
  if (parts === undefined) throw refused('malformed');
  if (parts.header !== header) throw refused('header');
  const key = { key: publicKey, padding: constants.RSA_PKCS1_PADDING };
  if (!verify(hash, parts.signed, key, parts.signature)) throw refused('signature');
  const claims = readClaims(readJson(parts.payload));
  if (claims === undefined) throw refused('claims');
  const now = clock.now();
  if (now >= claims.expiresAt + graceMs) throw refused('expired');
  if (claims.expiresAt > now + userTokenLifeMax * 1_000 + skewMs) throw refused('not-yet');
  return claims;
}

/** The claims when each has its shape; one check a line. What time it is is the caller's question. */
function readClaims(payload: unknown): UserTokenClaims | undefined {
  if (!isRecord(payload)) return undefined;
  const { iat, exp, version, sub, company_id: company, user_id: userId, password_id: passwordId } = payload;
  if (!isSeconds(iat) || !isSeconds(exp) || exp <= iat) return undefined;
  if (version !== format) return undefined;
  if (typeof sub !== 'string' || !/^[1-9][0-9]{0,14}$/.test(sub)) return undefined;
  if (!isCount(company) || typeof userId !== 'string' || !isId(userId)) return undefined;
  if (typeof passwordId !== 'string' || !/^[\w-]{22}$/.test(passwordId)) return undefined;
  return { user: Number(sub), company, userId, passwordId, expiresAt: exp * 1_000 };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function requireRsa(key: KeyObject, type: 'private' | 'public'): void {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (key.type !== type || asymmetricKeyType !== 'rsa' || asymmetricKeyDetails?.modulusLength !== modulusBits) {
    throw new Bug(`the ${type} key of users' tokens must be RSA of ${modulusBits} bits`);
  }
}

function refused(fault: AccessTokenFault): AppError {
  return new AppError('token_invalid', { detail: fault });
}
