import { signRefreshToken, verifyRefreshToken } from '../../lib/refresh-token.ts';
import { signUserToken } from '../../lib/user-token.ts';
import { AppError } from '../../model/errors.ts';
import type { Tenant, User } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { noteUserUse } from './last-use.ts';
import { findLogin, rememberedUser } from './logins.ts';
import { passwordIdOf } from './password-id.ts';
import { proveSecret } from './prove-secret.ts';
import { signingKeys, verifyingKeys } from './signing-key.ts';
import { ensureUserTokenKey } from './user-token-key.ts';
import { sealEmail } from './users.ts';

/** What a user has after a login, and again after each refresh. */
export type UserTokens = { token: string; refreshToken: string };

/** How many users with one e-mail a login looks at, where it names no company: each costs a slow hash. */
const usersMax = 8;

/**
 * Lets a user in who knows the password. Issuing tokens revokes no others.
 *
 * Users of several tenants may have one e-mail, and none of them notices: each logs in with the password of their own. Where
 * they have one password, too, it is refused unless the company is named: what one tenant's program does must never come to
 * another. Whoever is told so has proved both.
 *
 * Throws `credentials_invalid` for an unknown or disabled user, for a wrong password, and for the number of a company that
 * is not the user's: all alike, in words, and in time where no more than two users have the e-mail. Throws `slow_down` as
 * `proveSecret` does.
 *
 * @param company the number of the tenant that the user names; null if none.
 * @param lifeSeconds how long the token is to live, at most `userTokenLifeMax`.
 */
export async function logIn(
  engine: Engine,
  asked: { email: string; password: string; company: number | null; address: string; lifeSeconds: number },
): Promise<UserTokens> {
  const { users, name } = await findLogin(engine, asked.email);
  const candidates = await candidatesOf(engine, users, asked.company);
  const proven = await proveSecret(engine, accountsOf(candidates), {
    name,
    secret: asked.password,
    address: asked.address,
    hashesMin: hashesFor(candidates.length),
    isShared: true,
  });
  const [one, ...others] = proven;
  if (one === undefined) throw new AppError('credentials_invalid', { message: 'The e-mail or password is wrong' });
  if (others.length > 0) {
    const message = 'Users of several companies have this e-mail and password; say which by companyId';
    throw new AppError('credentials_invalid', { message });
  }
  const { user, tenant } = one;
  // Whoever made the user may have died before.
  await sealEmail(engine, user, asked.email);
  noteUserUse(engine, user);
  return await issueTokens(engine, user, tenant, asked.lifeSeconds);
}

/** A user who may be the one that logs in. */
type LoginCandidate = { user: User; tenant: Tenant };

async function candidatesOf(engine: Engine, users: readonly User[], company: number | null): Promise<LoginCandidate[]> {
  const found: LoginCandidate[] = [];
  for (const user of users) {
    if (user.disabledAt !== null) continue;
    const tenant = await engine.store.reads.tenants.find({ id: user.tenantId });
    if (tenant !== undefined && (company === null || company === tenant.number)) found.push({ user, tenant });
  }
  return found.slice(0, usersMax);
}

/**
 * A password is remembered as long as those stay the same who might have it, too: one who comes to have it later is not to be
 * mistaken for the one who had it before.
 */
function accountsOf(candidates: readonly LoginCandidate[]) {
  const version = candidates.map(({ user }) => `${user.id} ${user.version}`).join(' ');
  return candidates.map(({ user, tenant }) => {
    return { user, tenant, rememberedAs: rememberedUser(user), secretHash: user.passwordHash, version };
  });
}

/** 2, 4 or 8: an administrator who makes a user of some e-mail cannot tell by the clock whether another tenant has one. */
function hashesFor(users: number): number {
  let hashes = 2;
  while (hashes < users) hashes *= 2;
  return hashes;
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
