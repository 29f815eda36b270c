import { verifyAccessToken } from '../../lib/access-token.ts';
import { AppError } from '../../model/errors.ts';
import { type Scope, scopes } from '../../model/tenant.ts';
import type { Caller, Engine } from '../context.ts';
import { verifyingKeys } from './signing-key.ts';

/**
 * Who a bearer token speaks for. The tenant comes from the token alone. Throws `token_invalid` for a token that is
 * missing, malformed, expired or not ours, and for one of a client that was disabled since.
 *
 * @param header the Authorization header; any number of spaces after `Bearer` (some clients send two).
 */
export async function authenticate(engine: Engine, header: string | undefined): Promise<Caller> {
  const token = /^bearer +([^\s]+) *$/i.exec(header ?? '')?.[1];
  if (token === undefined) throw new AppError('token_invalid', { detail: 'no bearer token' });
  const claims = await verifyAccessToken({ keys: await verifyingKeys(engine), clock: engine.clock }, token);
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
  // A scope taken away since counts at once; one added since needs a new token.
  const allowed = new Set(client.scopes);
  const given = scopes.filter((scope): scope is Scope => issued.scopes.includes(scope) && allowed.has(scope));
  return { tenant, actor: { kind: 'client', id: client.id }, scopes: new Set(given) };
}
