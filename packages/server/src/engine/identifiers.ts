import { blocksOf, decryptTokens, encryptCores, tokenCore } from '../keys/token-cipher.ts';
import type { Call, Identifier } from '../model/call.ts';
import { AppError } from '../model/errors.ts';
import { emailValue, phoneValues } from '../model/phone.ts';
import type { StoreReads, StoreTx, TokenQuery, TombstoneToken } from '../model/store.ts';
import type { Tenant } from '../model/tenant.ts';
import type { Epoch, StoredToken } from '../model/token-store.ts';
import type { Engine } from './context.ts';

/** The values under which one identifier is stored and asked for: a phone has up to two, anything else one or none. */
function valuesOf(identifier: Identifier, tenant: Tenant): string[] {
  switch (identifier.kind) {
    case 'phone':
      return phoneValues(identifier.value, tenant.region);
    case 'email':
      return [emailValue(identifier.value)].filter((value) => value !== undefined);
    case 'session':
    case 'external':
    case 'master':
    case 'case':
    case 'collection':
    case 'alias':
      return identifier.value === '' ? [] : [identifier.value];
  }
}

/** Cores of identifiers, each kind and value once: what tokens are made of in every epoch. */
export async function coresOf(engine: Engine, tenant: Tenant, identifiers: readonly Identifier[]) {
  const indexKey = await engine.secrets.open(tenant.id, 'index-key');
  const cores = new Map<string, { kind: Identifier['kind']; core: Buffer }>();
  for (const identifier of identifiers) {
    for (const value of valuesOf(identifier, tenant)) {
      cores.set(`${identifier.kind}\0${value}`, {
        kind: identifier.kind,
        core: tokenCore(indexKey, identifier.kind, value),
      });
    }
  }
  return [...cores.values()];
}

/**
 * Writes the tokens of an owner under the epoch that is current *in this transaction*, so that a token is never written
 * under an epoch that a turn has already emptied.
 */
export async function insertTokens(
  engine: Engine,
  tx: StoreTx,
  tenant: Tenant,
  ownerId: string,
  cores: readonly { kind: Identifier['kind']; core: Buffer }[],
): Promise<StoredToken[]> {
  const epoch = (await tx.tokens.epochs(tenant.id)).at(-1);
  if (epoch === undefined) throw new AppError('damage', { detail: `tenant ${tenant.id} has no token epoch` });
  if (cores.length === 0) return [];
  const key = await engine.secrets.epochKey(epoch);
  const blocks = blocksOf(encryptCores(key, Buffer.concat(cores.map(({ core }) => core))));
  const tokens = cores.map(({ kind }, i): StoredToken => {
    return { tenantId: tenant.id, epoch: epoch.number, kind, token: blocks[i] ?? Buffer.alloc(0), ownerId };
  });
  await tx.tokens.insertTokens(tokens);
  return tokens;
}

/** One core as it would be stored under each living epoch. */
export async function queriesOf(engine: Engine, epochs: readonly Epoch[], core: Buffer): Promise<TokenQuery[]> {
  const queries: TokenQuery[] = [];
  for (const epoch of epochs) {
    queries.push({ epoch: epoch.number, token: encryptCores(await engine.secrets.epochKey(epoch), core) });
  }
  return queries;
}

/**
 * Ids of calls (or holds) found by an identifier, under any living epoch; up to `limit` after `afterId`.
 *
 * One statement looks under all epochs at once, so that a token that moves between two is found in one of them. An epoch
 * that began since the list was read would be missed: then everything is looked up again.
 */
export async function findOwners(
  engine: Engine,
  reads: StoreReads | StoreTx,
  tenant: Tenant,
  identifier: Identifier,
  page: { afterId: string; limit: number },
): Promise<string[]> {
  const cores = await coresOf(engine, tenant, [identifier]);
  if (cores.length === 0) return [];
  for (;;) {
    const epochs = await reads.tokens.epochs(tenant.id);
    const queries: TokenQuery[] = [];
    for (const { core } of cores) queries.push(...(await queriesOf(engine, epochs, core)));
    const owners = await reads.tokens.owners(tenant.id, identifier.kind, queries, page.afterId, page.limit);
    const since = await reads.tokens.epochs(tenant.id);
    if (since.at(-1)?.number === epochs.at(-1)?.number) return owners;
  }
}

/** Owners looked at together when one call is wanted. */
const ownersPerLook = 100;

/** The oldest living call that carries an identifier. Tokens belong to holds too, any number of which may come before it. */
export async function findCall(
  engine: Engine,
  reads: StoreReads | StoreTx,
  tenant: Tenant,
  identifier: Identifier,
): Promise<Call | undefined> {
  for (let afterId = ''; ; ) {
    const owners = await findOwners(engine, reads, tenant, identifier, { afterId, limit: ownersPerLook });
    const [call] = await reads.calls.findMany(tenant.id, owners);
    const last = owners.at(-1);
    if (call !== undefined || last === undefined || owners.length < ownersPerLook) return call;
    afterId = last;
  }
}

/** The token by which a purged call's session or external id is recognised: the core under the tombstone key. */
export async function tombstoneToken(engine: Engine, tenant: Tenant, identifier: Identifier): Promise<Buffer> {
  const [made] = await coresOf(engine, tenant, [identifier]);
  return encryptCores(await engine.secrets.open(tenant.id, 'tombstone-key'), made?.core ?? Buffer.alloc(0));
}

/** Living tokens as tombstone tokens: no plaintext is needed, all of one epoch in two cipher calls. */
export async function toTombstoneTokens(
  engine: Engine,
  tx: StoreTx,
  tenantId: string,
  tokens: readonly StoredToken[],
): Promise<TombstoneToken[]> {
  const made: TombstoneToken[] = [];
  for (const epoch of await tx.tokens.epochs(tenantId)) {
    const mine = tokens.filter((token) => token.epoch === epoch.number);
    if (mine.length === 0) continue;
    const cores = decryptTokens(await engine.secrets.epochKey(epoch), Buffer.concat(mine.map((one) => one.token)));
    const blocks = blocksOf(encryptCores(await engine.secrets.open(tenantId, 'tombstone-key'), cores));
    for (const [i, { kind, ownerId }] of mine.entries()) {
      made.push({ tenantId, kind, token: blocks[i] ?? Buffer.alloc(0), callId: ownerId });
    }
  }
  return made;
}
