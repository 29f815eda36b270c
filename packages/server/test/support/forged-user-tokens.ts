import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { newId } from '../../src/lib/ids.ts';
import { type UserTokenGrant, verifyUserToken } from '../../src/lib/user-token.ts';
import { AppError } from '../../src/model/errors.ts';
import { encode, issuedAt, startMs } from './forged-tokens.ts';

/** RSA of 2048 bits, made anew for each run. */
export const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });

export const goodUserHeader = { typ: 'JWT', alg: 'RS512' };
const userId = newId(startMs);
const passwordId = 'p'.repeat(22);
export const userGrant: UserTokenGrant = { user: 7, company: 3, userId, passwordId, lifeSeconds: 604_800 };
export const goodUserClaims = {
  iat: issuedAt,
  exp: issuedAt + 60,
  version: 4,
  sub: '7',
  company_id: 3,
  user_id: userId,
  password_id: passwordId,
};

/** A user's token made without our code, and signed properly whatever it says. */
export function forgeUserToken(
  header: unknown,
  claims: unknown,
  { key = privateKey, hash = 'sha512' }: { key?: KeyObject; hash?: string } = {},
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign(hash, Buffer.from(input), key).toString('base64url')}`;
}

/** Why a user's token is refused at this time; `accepted` if it is not. */
export function userFaultOf(token: string, now: number, graceMs = 0): string {
  try {
    verifyUserToken({ publicKey, clock: { now: () => now } }, token, { graceMs });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'token_invalid') throw error;
    // No piece of the token may be in what is thrown.
    const quoted = token
      .split('.')
      .filter((part) => part.length > 8 && `${error.detail} ${error.stack}`.includes(part));
    if (quoted.length > 0) throw new Error('the refusal quotes the token', { cause: error });
    return error.detail ?? 'no detail';
  }
}
