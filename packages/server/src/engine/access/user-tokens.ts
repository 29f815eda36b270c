import { signRefreshToken, verifyRefreshToken } from '../../lib/refresh-token.ts';
import { signUserToken } from '../../lib/user-token.ts';
import { AppError } from '../../model/errors.ts';
import type { Tenant, User } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { noteUserUse } from './last-use.ts';
import { findLogin } from './logins.ts';
import { passwordIdOf } from './password-id.ts';
import { proveSecret } from './prove-secret.ts';
import { signingKeys, verifyingKeys } from './signing-key.ts';
import { ensureUserTokenKey } from './user-token-key.ts';
import { sealEmail } from './users.ts';

/** What a user has after a login, and again after each refresh. */
export type UserTokens = { token: string; refreshToken: string };

/**
 * Lets a user in who knows the password. Issuing tokens revokes no others.
 *
 * Throws `credentials_invalid` for an unknown or disabled user, for a wrong password, and for the number of a company that
 * is not the user's: all alike, in words and time. Throws `slow_down` as `proveSecret` does.
 *
 * @param company the number of the tenant that the user names; null if none.
 * @param lifeSeconds how long the token is to live, at most `userTokenLifeMax`.
 */
export async function logIn(
  engine: Engine,
  asked: { email: string; password: string; company: number | null; address: string; lifeSeconds: number },
): Promise<UserTokens> {
  const { user, name } = await findLogin(engine, asked.email);
  const tenant = user && (await engine.store.reads.tenants.find({ id: user.tenantId }));
  const isUsable = user?.disabledAt === null && (asked.company === null || asked.company === tenant?.number);
  const claim = { name, secret: asked.password, address: asked.address };
  const account = isUsable ? { secretHash: user.passwordHash, version: user.version } : undefined;
  const isProven = await proveSecret(engine, account, claim);
  if (!isProven || user === undefined || tenant === undefined) {
    throw new AppError('credentials_invalid', { message: 'The e-mail or password is wrong' });
  }
  // Whoever made the user may have died before.
  await sealEmail(engine, user, asked.email);
  noteUserUse(engine, user);
  return await issueTokens(engine, user, tenant, asked.lifeSeconds);
}

/**
 * New tokens for one that is good. It stays good itself until its own year is over: some clients only ever use the first.
 * Throws `token_invalid`, never one for which `isExpiredToken` is true, when it is not ours or over, and when its user was
 * disabled or has another password since.
 */
export async function refreshTokens(
  engine: Engine,
  asked: { refreshToken: string; lifeSeconds: number },
): Promise<UserTokens> {
  const context = { keys: await verifyingKeys(engine), clock: engine.clock };
  const { userId, passwordId } = await verifyRefreshToken(context, asked.refreshToken);
  const user = await engine.store.reads.users.find({ id: userId });
  const tenant = user && (await engine.store.reads.tenants.find({ id: user.tenantId }));
  const isGood = user?.disabledAt === null && passwordIdOf(user) === passwordId;
  if (!isGood || tenant === undefined) {
    throw new AppError('token_invalid', { message: 'The refresh token is not valid', detail: 'revoked' });
  }
  return await issueTokens(engine, user, tenant, asked.lifeSeconds);
}

async function issueTokens(engine: Engine, user: User, tenant: Tenant, lifeSeconds: number): Promise<UserTokens> {
  const { clock } = engine;
  const { privateKey } = await ensureUserTokenKey(engine);
  const issued = { userId: user.id, passwordId: passwordIdOf(user) };
  const grant = { ...issued, user: user.number, company: tenant.number, lifeSeconds };
  const { token } = signUserToken({ privateKey, clock }, grant);
  const context = { keys: await signingKeys(engine), clock };
  const refreshToken = await signRefreshToken(context, issued);
  return { token, refreshToken };
}
