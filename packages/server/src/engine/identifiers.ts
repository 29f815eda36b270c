import { blocksOf, decryptTokens, encryptCores, tokenCore } from '../keys/token-cipher.ts';
import type { Call, Identifier } from '../model/call.ts';
import type { TombstoneToken } from '../model/erasure-store.ts';
import { AppError, Bug, hasCode } from '../model/errors.ts';
import type { LockKey } from '../model/locks.ts';
import { emailValue, phoneValues } from '../model/phone.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import type { Tenant } from '../model/tenant.ts';
import type { Epoch, StoredToken, TokenQuery } from '../model/token-store.ts';
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
  indexKey.fill(0);
  return [...cores.values()];
}

/** A core, and of what kind of identifier. */
export type KindCore = { kind: Identifier['kind']; core: Buffer };

/**
 * Writes the tokens of an owner under the epoch that is current *in this transaction*, so that a token is never written
 * under an epoch that a turn has already emptied.
 */
export async function insertTokens(
  engine: Engine,
  tx: StoreTx,
  tenant: Tenant,
  ownerId: string,
  cores: readonly KindCore[],
): Promise<StoredToken[]> {
  return await insertTokensOfMany(engine, tx, tenant, [{ ownerId, cores }]);
}

/** The same of many owners at once. */
export async function insertTokensOfMany(
  engine: Engine,
  tx: StoreTx,
  tenant: Tenant,
  owners: readonly { ownerId: string; cores: readonly KindCore[] }[],
): Promise<StoredToken[]> {
  const epoch = (await tx.tokens.epochs(tenant.id)).at(-1);
  if (epoch === undefined) throw new AppError('damage', { detail: `tenant ${tenant.id} has no token epoch` });
  const all = owners.flatMap(({ ownerId, cores }) => cores.map((one) => ({ ...one, ownerId })));
  if (all.length === 0) return [];
  const key = await engine.secrets.epochKey(epoch);
  const blocks = blocksOf(encryptCores(key, Buffer.concat(all.map(({ core }) => core))));
  key.fill(0);
  const tokens = all.map(({ kind, ownerId }, i): StoredToken => {
    return { tenantId: tenant.id, epoch: epoch.number, kind, token: blocks[i] ?? Buffer.alloc(0), ownerId };
  });
  await tx.tokens.insertTokens(tokens);
  return tokens;
}

/** One core as it would be stored under each living epoch. */
async function queriesOf(engine: Engine, epochs: readonly Epoch[], core: Buffer): Promise<TokenQuery[]> {
  const queries: TokenQuery[] = [];
  for (const epoch of epochs) {
    const key = await engine.secrets.epochKey(epoch);
    queries.push({ epoch: epoch.number, token: encryptCores(key, core) });
    key.fill(0);
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
  const cores = (await coresOf(engine, tenant, [identifier])).map(({ core }) => core);
  return await findByCores(engine, reads, tenant.id, { kind: identifier.kind, cores }, page);
}

/** What tokens of one kind are made of, in every epoch. */
export type Cores = { kind: Identifier['kind']; cores: readonly Buffer[] };

/**
 * What `StoreTx.locks` takes for identifiers, whether or not anybody carries them: cores are the same in every epoch. Throws
 * Bug for what names or describes a person, of which a lock must say nothing.
 */
export function lockKeysOf(tenantId: string, of: readonly Cores[]): LockKey[] {
  return of.flatMap(({ kind, cores }) => {
    if (kind === 'phone' || kind === 'email' || kind === 'alias')
      throw new Bug(`nobody locks an identifier of kind ${kind}`);
    return cores.map((digest): LockKey => ({ tenantId, what: kind, digest }));
  });
}

/** The same by cores, where nobody has the identifier itself. */
export async function findByCores(
  engine: Engine,
  reads: StoreReads | StoreTx,
  tenantId: string,
  { kind, cores }: Cores,
  page: { afterId: string; limit: number },
): Promise<string[]> {
  if (cores.length === 0) return [];
  return await underLivingEpochs(reads, tenantId, async (epochs) => {
    const queries: TokenQuery[] = [];
    for (const core of cores) queries.push(...(await queriesOf(engine, epochs, core)));
    return await reads.tokens.owners(tenantId, kind, queries, page.afterId, page.limit);
  });
}

/** What the tokens of one kind that an owner carries are made of. */
export async function coresOfOwner(
  engine: Engine,
  reads: StoreReads | StoreTx,
  tenantId: string,
  ownerId: string,
  kind: Identifier['kind'],
): Promise<Cores> {
  return await underLivingEpochs(reads, tenantId, async (epochs) => {
    const cores: Buffer[] = [];
    for (const token of await reads.tokens.ofOwner(ownerId)) {
      const epoch = epochs.find((one) => one.number === token.epoch);
      if (token.kind !== kind || epoch === undefined) continue;
      const key = await engine.secrets.epochKey(epoch);
      cores.push(decryptTokens(key, token.token));
      key.fill(0);
    }
    return { kind, cores };
  });
}

/**
 * Looks something up under the living epochs; again with the list read anew where one began meanwhile, whose tokens were
 * missed, or where one ended, whose key was gone before it was asked for.
 */
export async function underLivingEpochs<T>(
  reads: StoreReads | StoreTx,
  tenantId: string,
  look: (epochs: readonly Epoch[]) => Promise<T>,
): Promise<T> {
  for (;;) {
    const epochs = await reads.tokens.epochs(tenantId);
    try {
      const found = await look(epochs);
      const since = await reads.tokens.epochs(tenantId);
      if (since.at(-1)?.id === epochs.at(-1)?.id) return found;
    } catch (error) {
      if (!hasCode(error, 'key_destroyed') && !hasCode(error, 'damage')) throw error;
      const since = await reads.tokens.epochs(tenantId);
      if (since.map((epoch) => epoch.id).join() === epochs.map((epoch) => epoch.id).join()) throw error;
    }
  }
}

/** Owners looked at together when one call is wanted. */
const ownersPerLook = 100;

/**
 * The oldest living call that carries an identifier, awaited ones apart. Tokens belong to holds too, any number of which may
 * come before it.
 */
export async function findCall(
  engine: Engine,
  reads: StoreReads | StoreTx,
  tenant: Tenant,
  identifier: Identifier,
): Promise<Call | undefined> {
  for (let afterId = ''; ; ) {
    const owners = await findOwners(engine, reads, tenant, identifier, { afterId, limit: ownersPerLook });
    const calls = await reads.calls.peek(tenant.id, owners);
    const call = calls.find((one) => one.status !== 'awaited');
    const last = owners.at(-1);
    if (call !== undefined || last === undefined || owners.length < ownersPerLook) return call;
    afterId = last;
  }
}

/** The token by which a purged call's session or external id is recognised: the core under the tombstone key. */
export async function tombstoneToken(engine: Engine, tenant: Tenant, identifier: Identifier): Promise<Buffer> {
  const [made] = await coresOf(engine, tenant, [identifier]);
  const key = await engine.secrets.open(tenant.id, 'tombstone-key');
  const token = encryptCores(key, made?.core ?? Buffer.alloc(0));
  key.fill(0);
  return token;
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
    const epochKey = await engine.secrets.epochKey(epoch);
    const cores = decryptTokens(epochKey, Buffer.concat(mine.map((one) => one.token)));
    const tombstoneKey = await engine.secrets.open(tenantId, 'tombstone-key');
    const blocks = blocksOf(encryptCores(tombstoneKey, cores));
    for (const secret of [epochKey, tombstoneKey, cores]) secret.fill(0);
    for (const [i, { kind, ownerId }] of mine.entries()) {
      made.push({ tenantId, kind, token: blocks[i] ?? Buffer.alloc(0), callId: ownerId });
    }
  }
  return made;
}
