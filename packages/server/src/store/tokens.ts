import type { StoreReads, StoreTx } from '../model/store.ts';
import type { Epoch, StoredToken, TokenQuery } from '../model/token-store.ts';
import { columnsOf, rowInsert } from './batches.ts';
import { takeNamed } from './locks.ts';
import { ownersOfTokens } from './owners-of.ts';
import { allKindCodes, fromKindCode, toEpoch, toKindCode } from './rows.ts';
import type { Parameter, Session, Value } from './session.ts';
import type { Row } from './tables.ts';
import { TenantNumbers, tenantNumber, tenantNumberIfAny } from './tenants.ts';

// SQLite joins at most 500 selects in one statement; a person rarely has more than a handful of tokens.
const queriesMax = 32;

/** One select per token, each in the order of its owners, so that the database merges them and stops at the limit. */
const ownersOfToken = `
  SELECT owner_id FROM token WHERE tenant = ? AND kind = ? AND epoch = ? AND token = ? AND owner_id > ?`;

/** A row of `token` beside the tenant's id. */
type TokenRow = Row<'token'> & { tenant_id: string };

const tokensWithTenant = 'SELECT token.*, tenant.id AS tenant_id FROM token CROSS JOIN tenant';

export function tokenReads(session: Session): StoreReads['tokens'] {
  const { dialect } = session;
  return {
    epochs: (tenantId) => livingEpochs(session, tenantId),
    async owners(tenantId, kind, tokens, afterId, limit) {
      const tenant = await tenantNumberIfAny(session, tenantId);
      if (tenant === undefined) return [];
      const owners = new Set<string>();
      for (let from = 0; from < tokens.length; from += queriesMax) {
        const queries = tokens.slice(from, from + queriesMax);
        const common = { tenant, kind: toKindCode(kind), afterId, limit };
        for (const owner of await ownersOf(session, queries, common)) owners.add(owner);
      }
      return [...owners].toSorted().slice(0, limit);
    },
    async ofOwner(ownerId) {
      const sql = `${tokensWithTenant} WHERE token.owner_id = ? AND tenant.number = token.tenant`;
      return (await session.rows<TokenRow>(sql, [ownerId])).map(toToken);
    },
    async ofOwners(ownerIds, kinds) {
      if (ownerIds.length === 0) return [];
      const sql = `${tokensWithTenant} WHERE ${dialect.within('token.owner_id')} AND ${dialect.within('token.kind')}
        AND tenant.number = token.tenant`;
      const codes = kinds === 'all' ? allKindCodes : kinds.map(toKindCode);
      return (await session.rows<TokenRow>(sql, [dialect.list(ownerIds), dialect.list(codes)])).map(toToken);
    },
    ownersOf: ownersOfTokens(session),
    async countOfOwners(ownerIds, kinds) {
      const sql = `SELECT count(*) AS tokens FROM token WHERE ${dialect.within('owner_id')} AND ${dialect.within('kind')}`;
      const codes = kinds === 'all' ? allKindCodes : kinds.map(toKindCode);
      const [row] = await session.rows<{ tokens: number }>(sql, [dialect.list(ownerIds), dialect.list(codes)]);
      return row?.tokens ?? 0;
    },
    /** In the order of the table, which is the same on every page and otherwise means nothing. */
    async page(after, limit) {
      const order = 'ORDER BY token.tenant, token.kind, token.epoch, token.token, token.owner_id LIMIT ?';
      if (after === undefined) {
        const sql = `${tokensWithTenant} WHERE tenant.number = token.tenant ${order}`;
        return (await session.rows<TokenRow>(sql, [limit])).map(toToken);
      }
      const sql = `${tokensWithTenant} WHERE tenant.number = token.tenant
        AND (token.tenant, token.kind, token.epoch, token.token, token.owner_id) > (?, ?, ?, ?, ?) ${order}`;
      const last = keyOf(await tenantNumber(session, after.tenantId), after);
      return (await session.rows<TokenRow>(sql, [...last, limit])).map(toToken);
    },
  };
}

async function livingEpochs(session: Session, tenantId: string): Promise<Epoch[]> {
  const sql = 'SELECT * FROM epoch WHERE tenant_id = ? ORDER BY number';
  return (await session.rows<Row<'epoch'>>(sql, [tenantId])).map(toEpoch);
}

export function tokenWrites(session: Session): StoreTx['tokens'] {
  const { dialect } = session;
  const epochs = epochLock(session);
  return {
    ...tokenReads(session),
    async epochs(tenantId) {
      // First: what began or ended while this waited is seen by the next statement.
      await epochs.share(tenantId);
      return await livingEpochs(session, tenantId);
    },
    takeTurn: (tenantId) => takeNamed(session, `turn of the epochs of ${tenantId}`, 'alone'),
    async insertEpoch(epoch) {
      await epochs.takeAlone(epoch.tenantId);
      const row = { id: epoch.id, tenant_id: epoch.tenantId, number: epoch.number, slot: epoch.slot };
      await session.builder.insertInto('epoch').values(row).execute();
    },
    async deleteEpoch(epoch) {
      await epochs.takeAlone(epoch.tenantId);
      await session.builder.deleteFrom('epoch').where('id', '=', epoch.id).execute();
    },
    /** A token that its owner has already is not added again. Throws `tenant_not_found`. */
    insertTokens: (tokens) => insertTokens(session, tokens),
    async tokensOfEpoch(tenantId, epoch, limit) {
      const tokens = await someOfEpoch(session, { tenantId, epoch, limit });
      await shareOwners(session, tokens);
      return tokens;
    },
    async replaceTokens(pairs) {
      const there = await deleteTokens(
        session,
        pairs.map(({ old }) => old),
      );
      await insertTokens(
        session,
        pairs.flatMap(({ next }, i) => (there.has(i) ? [next] : [])),
      );
    },
    async deleteOfOwners(ownerIds) {
      await session.change(`DELETE FROM token WHERE ${dialect.within('owner_id')}`, [dialect.list(ownerIds)]);
    },
  };
}

/**
 * Those who have read a tenant's epochs, and those who wait for them to end: by name, since a row that everybody shares all
 * the time is one that nobody ever gets alone.
 */
function epochLock(session: Session) {
  const taken = new Set<string>();
  const nameOf = (tenantId: string) => `epochs of ${tenantId}`;
  return {
    async share(tenantId: string): Promise<void> {
      if (taken.has(tenantId)) return;
      await takeNamed(session, nameOf(tenantId), 'shared');
      taken.add(tenantId);
    },
    takeAlone: async (tenantId: string) => await takeNamed(session, nameOf(tenantId), 'alone'),
  };
}

/** Takes the owners of tokens as whoever moves them must: nobody removes a token that would then come back with the move. */
async function shareOwners(session: Session, tokens: readonly StoredToken[]): Promise<void> {
  const { within, list, lock } = session.dialect;
  if (lock.shared === '' || tokens.length === 0) return;
  const ownerIds = list([...new Set(tokens.map((token) => token.ownerId))]);
  for (const table of ['hold', 'candidate', 'call']) {
    await session.rows(`SELECT id FROM ${table} WHERE ${within('id')} ORDER BY id ${lock.shared}`, [ownerIds]);
  }
}

type OfEpoch = { tenantId: string; epoch: number; limit: number };

async function someOfEpoch(session: Session, { tenantId, epoch, limit }: OfEpoch): Promise<StoredToken[]> {
  const tenant = await tenantNumberIfAny(session, tenantId);
  if (tenant === undefined) return [];
  // The kinds are named so that the primary key is used to its third column.
  const sql = `SELECT * FROM token WHERE tenant = ? AND kind IN (${allKindCodes.join(', ')}) AND epoch = ? LIMIT ?`;
  const rows = await session.rows<Row<'token'>>(sql, [tenant, epoch, limit]);
  return rows.map((row) => toToken({ ...row, tenant_id: tenantId }));
}

async function ownersOf(
  session: Session,
  queries: readonly TokenQuery[],
  common: { tenant: number; kind: number; afterId: string; limit: number },
): Promise<string[]> {
  const sql = `${queries.map(() => ownersOfToken).join(' UNION ')} ORDER BY owner_id LIMIT ?`;
  const parameters = queries.flatMap((query): Parameter[] => [
    common.tenant,
    common.kind,
    query.epoch,
    query.token,
    common.afterId,
  ]);
  const rows = await session.rows<{ owner_id: string }>(sql, [...parameters, common.limit]);
  return rows.map((row) => row.owner_id);
}

const columns = { tenant: 'integer', kind: 'integer', epoch: 'integer', token: 'bytes', owner_id: 'text' } as const;
const names = Object.keys(columns);

const insertTokenRows = rowInsert({ table: 'token', columns }, 'ON CONFLICT DO NOTHING');

async function insertTokens(session: Session, tokens: readonly StoredToken[]): Promise<void> {
  await insertTokenRows(session, await keysOf(session, tokens));
}

/** Deletes tokens. Returns which of them were there, by their place in the list from 0. */
async function deleteTokens(session: Session, tokens: readonly StoredToken[]): Promise<Set<number>> {
  const keys = await keysOf(session, tokens);
  const { unnested } = session.dialect;
  if (unnested === null) {
    const sql = `DELETE FROM token WHERE ${names.map((name) => `${name} = ?`).join(' AND ')}`;
    const there = new Set<number>();
    for (const [i, key] of keys.entries()) if ((await session.change(sql, key)) === 1) there.add(i);
    return there;
  }
  const sql = `DELETE FROM token
    USING ${unnested(Object.values(columns))} WITH ORDINALITY AS given (${names.join(', ')}, position)
    WHERE ${names.map((name) => `token.${name} = given.${name}`).join(' AND ')} RETURNING given.position`;
  const rows = await session.rows<{ position: number }>(sql, columnsOf(keys, names.length));
  return new Set(rows.map(({ position }) => position - 1));
}

async function keysOf(session: Session, tokens: readonly StoredToken[]): Promise<Value[][]> {
  const numbers = new TenantNumbers(session);
  const keys: Value[][] = [];
  for (const token of tokens) keys.push(keyOf(await numbers.of(token.tenantId), token));
  return keys;
}

/** The primary key of a token, which is all of it. */
function keyOf(tenant: number, token: StoredToken): Value[] {
  return [tenant, toKindCode(token.kind), token.epoch, token.token, token.ownerId];
}

function toToken(row: TokenRow): StoredToken {
  return {
    tenantId: row.tenant_id,
    kind: fromKindCode(row.kind),
    epoch: row.epoch,
    token: row.token,
    ownerId: row.owner_id,
  };
}
