import { newClientId, newSecret } from '../../lib/secret-text.ts';
import type { Actor } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { type ApiClient, type AuditEntry, type Scope, scopes, type Tenant } from '../../model/tenant.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import { forgetSecrets } from './prove-secret.ts';

/** The longest for which an old secret may stay good beside the new one. */
const keepOldMsMax = 30 * 24 * 3_600_000;

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
  asked: { scopes: Scope[]; actor: Actor; takeOver?: { clientId: string; secret: string }; keeper?: AnswerKeeper },
): Promise<NewCredentials> {
  const { clientId, secret } = asked.takeOver ?? { clientId: newClientId(), secret: newSecret() };
  if (!isClientId(clientId)) {
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
    oldSecretHash: null,
    oldExpiresAt: null,
    lastUsedAt: null,
  };
  await engine.store.write(async (tx) => {
    if ((await tx.clients.find(clientId)) !== undefined) {
      throw new AppError('input_invalid', { message: 'This client id is taken' });
    }
    await tx.clients.insert(client);
    const { scopes: given, expiresAt } = client;
    const detail = { scopes: given.join(' '), expiresAt, takenOver: asked.takeOver !== undefined };
    await tx.audit.append(auditEntry(engine, { actor: asked.actor, tenant }, 'client.created', clientId, detail));
    await asked.keeper?.keep(tx, { status: 201, subjectId: clientId });
  });
  return { clientId, clientSecret: secret, expiresAt: client.expiresAt };
}

/**
 * Gives a client a new secret, valid for another year. The old one stays good for `keepOldMs` beside it, though never longer
 * than it would have been; without that it stops at once. The one before the old one stops in any case.
 *
 * Throws `client_not_found`, also for one that is disabled.
 */
export async function rotateClient(
  engine: Engine,
  tenant: Tenant,
  clientId: string,
  actor: Actor,
  { keepOldMs = 0, keeper = noKeeper }: { keepOldMs?: number; keeper?: AnswerKeeper } = {},
): Promise<NewCredentials> {
  if (keepOldMs < 0 || keepOldMs > keepOldMsMax) {
    throw new AppError('input_invalid', { message: 'An old secret is kept for at most 30 days' });
  }
  const secret = newSecret();
  const secretHash = await engine.access.hasher.hash(secret);
  const now = engine.clock.now();
  const expiresAt = now + secretLifeMs;
  const change = (client: ApiClient): WrittenChange => {
    const oldExpiresAt = Math.min(now + keepOldMs, client.expiresAt);
    const old = oldExpiresAt > now ? { oldSecretHash: client.secretHash, oldExpiresAt } : noOldSecret;
    return { change: { secretHash, expiresAt, ...old }, detail: { expiresAt, oldExpiresAt: old.oldExpiresAt } };
  };
  await changeClient(engine, { tenant, actor, clientId, keeper }, 'client.rotated', change);
  return { clientId, clientSecret: secret, expiresAt };
}

/**
 * Gives a client other scopes. One that is taken away counts at once, for tokens too that were given before; one that is
 * added, for those that are given from now on. Throws `client_not_found`, also for one that is disabled.
 */
export async function changeScopes(
  engine: Engine,
  tenant: Tenant,
  clientId: string,
  actor: Actor,
  { scopes: allowed, keeper = noKeeper }: { scopes: Scope[]; keeper?: AnswerKeeper },
): Promise<void> {
  const change = ({ scopes: before }: ApiClient): WrittenChange => {
    return { change: { scopes: allowed }, detail: scopesChange(before, allowed) };
  };
  await changeClient(engine, { tenant, actor, clientId, keeper }, 'client.changed', change);
}

/** What the audit says of rights that were given or taken: both lists, each in the order of the list of all. */
export function scopesChange(before: readonly Scope[], after: readonly Scope[]): AuditEntry['detail'] {
  return { scopesBefore: before.join(' '), scopesAfter: after.join(' ') };
}

/**
 * Disables a client: its secrets and every token it has been given stop at once. One that is disabled already stays as it is,
 * and nothing is written down. Throws `client_not_found`.
 */
export async function disableClient(
  engine: Engine,
  tenant: Tenant,
  clientId: string,
  actor: Actor,
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  await engine.store.write(async (tx) => {
    const client = await clientOf(tx, tenant, clientId);
    await keeper.keep(tx, { status: 200, subjectId: clientId });
    if (client.disabledAt !== null) return;
    const change = { disabledAt: engine.clock.now(), ...noOldSecret };
    const detail = { disabled: true, scopes: client.scopes.join(' ') };
    await write(engine, tx, { tenant, actor, client }, 'client.disabled', { change, detail });
  });
  forgetSecrets(engine, clientId);
}

type ClientChange = Partial<
  Pick<ApiClient, 'secretHash' | 'expiresAt' | 'disabledAt' | 'scopes' | 'oldSecretHash' | 'oldExpiresAt'>
>;

/** A change, and what the audit says of it. */
type WrittenChange = { change: ClientChange; detail: AuditEntry['detail'] };

const noOldSecret = { oldSecretHash: null, oldExpiresAt: null } as const;

async function changeClient(
  engine: Engine,
  of: { tenant: Tenant; actor: Actor; clientId: string; keeper: AnswerKeeper },
  event: string,
  change: (client: ApiClient) => WrittenChange,
): Promise<void> {
  const { tenant, actor, clientId, keeper } = of;
  await engine.store.write(async (tx) => {
    const client = await clientOf(tx, tenant, clientId);
    if (client.disabledAt !== null) throw new AppError('client_not_found', { message: 'This client is disabled' });
    await write(engine, tx, { tenant, actor, client }, event, change(client));
    await keeper.keep(tx, { status: 200, subjectId: clientId });
  });
  forgetSecrets(engine, clientId);
}

/** A client of the tenant. Throws `client_not_found` for one that is unknown or another tenant's, alike. */
export async function clientOf(on: Pick<StoreReads, 'clients'>, tenant: Tenant, clientId: string): Promise<ApiClient> {
  const client = isClientId(clientId) ? await on.clients.find(clientId) : undefined;
  if (client === undefined || client.tenantId !== tenant.id) throw new AppError('client_not_found');
  return client;
}

async function write(
  engine: Engine,
  tx: StoreTx,
  { tenant, actor, client }: { tenant: Tenant; actor: Actor; client: ApiClient },
  event: string,
  { change, detail }: WrittenChange,
): Promise<void> {
  await tx.clients.update(client.id, { ...change, version: client.version + 1 });
  await tx.audit.append(auditEntry(engine, { actor, tenant }, event, client.id, detail));
}

/** True for what a client may be called. No other text gets as far as the database. */
export function isClientId(text: string): boolean {
  return /^[\x21-\x7e]{1,200}$/.test(text);
}
