import { newClientId, newSecret } from '../../lib/secret-text.ts';
import type { Actor } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import { type ApiClient, type Scope, scopes, type Tenant } from '../../model/tenant.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';

/** A client's secret is good for this long, as Creovai's is. */
const secretLifeMs = 365 * 24 * 3_600_000;

/** Credentials just made: the only time the secret is seen. */
export type NewCredentials = { clientId: string; clientSecret: string; expiresAt: number };

/** `all`, or a comma-separated list of scopes. Throws `input_invalid` naming the scopes there are. */
export function parseScopes(text: string): Scope[] {
  if (text.trim() === 'all') return [...scopes];
  const asked = text.split(',').map((word) => word.trim());
  const known = scopes.filter((scope) => asked.includes(scope));
  if (asked.length === 0 || new Set(asked).size !== known.length) {
    throw new AppError('input_invalid', { message: `Scopes are a list of ${scopes.join(', ')}, or "all"` });
  }
  return known;
}

/**
 * Makes credentials for a program. With `takeOver` the id and secret are those that the program has already.
 * Throws `input_invalid` for an id that is taken or unfit.
 */
export async function createClient(
  engine: Engine,
  tenant: Tenant,
  asked: { scopes: Scope[]; actor: Actor; takeOver?: { clientId: string; secret: string } },
): Promise<NewCredentials> {
  const { clientId, secret } = asked.takeOver ?? { clientId: newClientId(), secret: newSecret() };
  if (!/^[\x21-\x7e]{1,200}$/.test(clientId)) {
    throw new AppError('input_invalid', { message: 'A client id has 1 to 200 visible ASCII characters' });
  }
  if (secret.length < 8) throw new AppError('input_invalid', { message: 'A client secret has 8 characters or more' });
  const secretHash = await engine.access.hasher.hash(secret);
  const createdAt = engine.clock.now();
  const client: ApiClient = {
    id: clientId,
    tenantId: tenant.id,
    secretHash,
    scopes: asked.scopes,
    version: 1,
    createdAt,
    expiresAt: createdAt + secretLifeMs,
    disabledAt: null,
  };
  await engine.store.write(async (tx) => {
    if ((await tx.clients.find(clientId)) !== undefined) {
      throw new AppError('input_invalid', { message: 'This client id is taken' });
    }
    await tx.clients.insert(client);
    await tx.audit.append(auditEntry(engine, { actor: asked.actor, tenant }, 'client.created', clientId));
  });
  return { clientId, clientSecret: secret, expiresAt: client.expiresAt };
}

/** Gives a client a new secret, valid for another year; the old one and what was remembered of it stop at once. */
export async function rotateClient(engine: Engine, tenant: Tenant, clientId: string, actor: Actor) {
  const secret = newSecret();
  const secretHash = await engine.access.hasher.hash(secret);
  const expiresAt = engine.clock.now() + secretLifeMs;
  await changeClient(engine, tenant, clientId, actor, 'client.rotated', { secretHash, expiresAt });
  return { clientId, clientSecret: secret, expiresAt };
}

/** Disables a client: its secret and every token it has been given stop at once. */
export async function disableClient(engine: Engine, tenant: Tenant, clientId: string, actor: Actor): Promise<void> {
  await changeClient(engine, tenant, clientId, actor, 'client.disabled', { disabledAt: engine.clock.now() });
}

async function changeClient(
  engine: Engine,
  tenant: Tenant,
  clientId: string,
  actor: Actor,
  event: string,
  change: Partial<Pick<ApiClient, 'secretHash' | 'expiresAt' | 'disabledAt'>>,
): Promise<void> {
  await engine.store.write(async (tx) => {
    const client = await tx.clients.find(clientId);
    if (client === undefined || client.tenantId !== tenant.id) throw new AppError('not_found');
    await tx.clients.update(clientId, { ...change, version: client.version + 1 });
    await tx.audit.append(auditEntry(engine, { actor, tenant }, event, clientId));
  });
  engine.access.verified.forget(clientId);
}
