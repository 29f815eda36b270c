import type { TombstoneToken } from '../model/erasure-store.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { ownersOfStoneTokens } from './owners-of.ts';
import { fromKindCode, toKindCode, toTombstone } from './rows.ts';
import type { Session, Value } from './session.ts';
import type { Row } from './tables.ts';
import { TenantNumbers } from './tenants.ts';

export function tombstoneReads(session: Session): StoreReads['tombstones'] {
  const { dialect } = session;
  return {
    /** By call id; calls without one are left out. */
    async find(tenantId, callIds) {
      const sql = `SELECT * FROM tombstone WHERE tenant_id = ? AND ${dialect.within('call_id')} ORDER BY call_id`;
      return (await session.rows<Row<'tombstone'>>(sql, [tenantId, dialect.list(callIds)])).map(toTombstone);
    },
    async findByToken(tenantId, kind, token) {
      const sql = `SELECT tombstone.* FROM tenant CROSS JOIN tombstone_token CROSS JOIN tombstone
        WHERE tenant.id = ? AND tombstone_token.tenant = tenant.number AND tombstone_token.kind = ?
          AND tombstone_token.token = ? AND tombstone.call_id = tombstone_token.call_id ORDER BY tombstone.call_id`;
      const rows = await session.rows<Row<'tombstone'>>(sql, [tenantId, toKindCode(kind), token]);
      return rows.map(toTombstone);
    },
    ownersOf: ownersOfStoneTokens(session),
    async tokensOf(callIds) {
      const sql = `SELECT tombstone_token.*, tenant.id AS tenant_id FROM tombstone_token CROSS JOIN tenant
        WHERE ${dialect.within('tombstone_token.call_id')} AND tenant.number = tombstone_token.tenant`;
      return (await session.rows<StoneTokenRow>(sql, [dialect.list(callIds)])).map(toStoneToken);
    },
    async page(afterCallId, limit) {
      const rows = await session.builder
        .selectFrom('tombstone')
        .selectAll()
        .where('call_id', '>', afterCallId)
        .orderBy('call_id')
        .limit(limit)
        .execute();
      return rows.map(toTombstone);
    },
    /** In the order of the table. */
    async tokenPage(after, limit) {
      const key = 'tombstone_token.tenant, tombstone_token.kind, tombstone_token.token, tombstone_token.call_id';
      const [last = []] = after === undefined ? [] : await tokenRows(session, [after]);
      const sql = `SELECT tombstone_token.*, tenant.id AS tenant_id FROM tombstone_token CROSS JOIN tenant
        WHERE tenant.number = tombstone_token.tenant ${after === undefined ? '' : `AND (${key}) > (?, ?, ?, ?)`}
        ORDER BY ${key} LIMIT ?`;
      return (await session.rows<StoneTokenRow>(sql, [...last, limit])).map(toStoneToken);
    },
  };
}

/** A row of `tombstone_token` beside the tenant's id. */
type StoneTokenRow = Row<'tombstone_token'> & { tenant_id: string };

function toStoneToken(row: StoneTokenRow): TombstoneToken {
  return { tenantId: row.tenant_id, kind: fromKindCode(row.kind), token: row.token, callId: row.call_id };
}

const insertStones = rowInsert(
  {
    table: 'tombstone',
    columns: { call_id: 'text', tenant_id: 'text', shredded_at: 'integer', gone_at: 'integer', last_status: 'text' },
  },
  'ON CONFLICT DO NOTHING',
);
const insertTokens = rowInsert(
  { table: 'tombstone_token', columns: { tenant: 'integer', kind: 'integer', token: 'bytes', call_id: 'text' } },
  'ON CONFLICT DO NOTHING',
);

export function tombstoneWrites(session: Session): StoreTx['tombstones'] {
  return {
    ...tombstoneReads(session),
    /** A tombstone or token that is there stays as it is, so that a step may be done again. */
    async insert(tombstones, tokens) {
      const rows = tombstones.map((stone) => {
        const { callId, tenantId, shreddedAt, goneAt, lastStatus = null } = stone;
        return [callId, tenantId, shreddedAt, goneAt, lastStatus];
      });
      await insertStones(session, rows);
      await insertTokens(session, await tokenRows(session, tokens));
    },
    async dropGone(before, limit) {
      // What another process is just dropping is left to it.
      const sql = `SELECT call_id FROM tombstone WHERE gone_at < ? ORDER BY gone_at LIMIT ? ${session.dialect.lock.free}`;
      const gone = await session.rows<Pick<Row<'tombstone'>, 'call_id'>>(sql, [before, limit]);
      const callIds = session.dialect.list(gone.map((row) => row.call_id));
      await session.change(`DELETE FROM tombstone_token WHERE ${session.dialect.within('call_id')}`, [callIds]);
      return await session.change(`DELETE FROM tombstone WHERE ${session.dialect.within('call_id')}`, [callIds]);
    },
  };
}

async function tokenRows(session: Session, tokens: readonly TombstoneToken[]): Promise<Value[][]> {
  const numbers = new TenantNumbers(session);
  const rows: Value[][] = [];
  for (const { tenantId, kind, token, callId } of tokens) {
    rows.push([await numbers.of(tenantId), toKindCode(kind), token, callId]);
  }
  return rows;
}
