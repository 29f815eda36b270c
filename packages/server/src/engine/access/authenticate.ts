import { verifyAccessToken } from '../../lib/access-token.ts';
import { isUserToken, verifyUserToken } from '../../lib/user-token.ts';
import { AppError } from '../../model/errors.ts';
import { type Scope, scopes, type User } from '../../model/tenant.ts';
import type { Caller, Engine } from '../context.ts';
import { passwordIdOf } from './password-id.ts';
import { verifyingKeys } from './signing-key.ts';
import { userTokenKey } from './user-token-key.ts';

/**
 * Who a bearer token speaks for, be it a client's or a user's. The tenant comes from the token alone. Throws
 * `token_invalid` for a token that is missing, malformed, expired or not ours, and for one of a client or user that was
 * disabled since, or of a user whose password has changed. `isExpiredToken` tells the expired ones.
 *
 * @param header the Authorization header; any number of spaces after `Bearer` (some clients send two).
 * @param graceMs for how long a token is taken after its `exp`. Default 0.
 */
export async function authenticate(
  engine: Engine,
  header: string | undefined,
  { graceMs = 0 }: { graceMs?: number } = {},
): Promise<Caller> {
  const token = /^bearer +([^\s]+) *$/i.exec(header ?? '')?.[1];
  if (token === undefined) throw new AppError('token_invalid', { detail: 'no bearer token' });
  if (isUserToken(token)) return await callerOfUserToken(engine, token, graceMs);
  const context = { keys: await verifyingKeys(engine), clock: engine.clock };
  const claims = await verifyAccessToken(context, token, { graceMs });
  if (claims.subjectKind !== 'client') throw new AppError('token_invalid', { detail: 'not a client' });
  return await callerOfClient(engine, claims);
}

/**
 * The client that something of ours was issued to, with those of the scopes that it still has. Throws `token_invalid` when
 * the client was disabled since, or is not of the tenant.
 */
export async function callerOfClient(
  engine: Engine,
  issued: { clientId: string; tenantId: string; scopes: readonly string[] },
): Promise<Caller> {
  const client = await engine.store.reads.clients.find(issued.clientId);
  if (client === undefined || client.disabledAt !== null) throw new AppError('token_invalid', { detail: 'disabled' });
  const tenant = await engine.store.reads.tenants.find({ id: issued.tenantId });
  if (tenant === undefined || client.tenantId !== tenant.id) throw new AppError('token_invalid', { detail: 'tenant' });
  const given = bothOf(issued.scopes, client.scopes);
  return { tenant, actor: { kind: 'client', id: client.id }, scopes: new Set(given) };
}

/** The same for a user: what one who was disabled since has been issued is worth nothing. */
export async function callerOfUser(
  engine: Engine,
  issued: { userId: string; tenantId: string; scopes: readonly string[] },
): Promise<Caller> {
  const user = await engine.store.reads.users.find({ id: issued.userId });
  if (user === undefined || user.tenantId !== issued.tenantId)
    throw new AppError('token_invalid', { detail: 'tenant' });
  return await callerFor(engine, user, bothOf(issued.scopes, user.scopes));
}

/** A user's token says nothing of scopes: those count that the user has now. */
async function callerOfUserToken(engine: Engine, token: string, graceMs: number): Promise<Caller> {
  const keys = await userTokenKey(engine);
  if (keys === undefined) throw new AppError('token_invalid', { detail: 'key' });
  const claims = verifyUserToken({ publicKey: keys.publicKey, clock: engine.clock }, token, { graceMs });
  const user = await engine.store.reads.users.find({ id: claims.userId });
  if (user === undefined || user.number !== claims.user || passwordIdOf(user) !== claims.passwordId) {
    throw new AppError('token_invalid', { detail: 'revoked' });
  }
  const caller = await callerFor(engine, user, user.scopes);
  if (caller.tenant.number !== claims.company) throw new AppError('token_invalid', { detail: 'tenant' });
  return caller;
}

async function callerFor(engine: Engine, user: User, given: readonly Scope[]): Promise<Caller> {
  if (user.disabledAt !== null) throw new AppError('token_invalid', { detail: 'disabled' });
  const tenant = await engine.store.reads.tenants.find({ id: user.tenantId });
  if (tenant === undefined) throw new AppError('token_invalid', { detail: 'tenant' });
  return { tenant, actor: { kind: 'user', id: user.id }, scopes: new Set(given) };
}

/** A scope taken away since counts at once; one added since needs something newly issued. */
function bothOf(issued: readonly string[], allowed: readonly Scope[]): Scope[] {
  return scopes.filter((scope) => issued.includes(scope) && allowed.includes(scope));
}
