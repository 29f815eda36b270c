import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { toHold } from './erasure-rows.ts';
import { takeNamed } from './locks.ts';
import { toFlag } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function holdReads(session: Session): StoreReads['holds'] {
  const holds = (tenantId: string) => session.builder.selectFrom('hold').selectAll().where('tenant_id', '=', tenantId);
  return {
    async find(tenantId, id) {
      const row = await holds(tenantId).where('id', '=', id).executeTakeFirst();
      return row && toHold(row);
    },
    /** By id: the order in which they were placed. */
    async active(tenantId) {
      const sql = 'SELECT * FROM hold WHERE tenant_id = ? AND released_at IS NULL ORDER BY id';
      return (await session.rows<Row<'hold'>>(sql, [tenantId])).map(toHold);
    },
    async list(tenantId, { beforeId, limit, isActive }) {
      let listed = holds(tenantId).orderBy('id', 'desc').limit(limit);
      if (beforeId !== undefined) listed = listed.where('id', '<', beforeId);
      if (isActive !== undefined) listed = listed.where('released_at', isActive ? 'is' : 'is not', null);
      return (await listed.execute()).map(toHold);
    },
    async countReleased(tenantId) {
      const sql = 'SELECT count(*) AS released FROM hold WHERE tenant_id = ? AND released_at IS NOT NULL';
      return (await session.first<{ released: number }>(sql, [tenantId]))?.released ?? 0;
    },
    /** Ascending. */
    async callsOf(holdId) {
      const calls = session.builder.selectFrom('hold_call').select('call_id').where('hold_id', '=', holdId);
      return (await calls.orderBy('call_id').execute()).map((row) => row.call_id);
    },
    async naming(tenantId, callIds) {
      if (callIds.length === 0) return [];
      // By the index of the calls, however many a hold names.
      const sql = `SELECT hold_call.hold_id, hold_call.call_id FROM hold_call CROSS JOIN hold
        WHERE ${session.dialect.within('hold_call.call_id')} AND hold.id = hold_call.hold_id
        AND hold.tenant_id = ? AND hold.released_at IS NULL`;
      const rows = await session.rows<Row<'hold_call'>>(sql, [session.dialect.list(callIds), tenantId]);
      return rows.map((row) => ({ holdId: row.hold_id, callId: row.call_id }));
    },
  };
}

const insertCalls = rowInsert(
  { table: 'hold_call', columns: { hold_id: 'text', call_id: 'text' } },
  'ON CONFLICT DO NOTHING',
);

export function holdWrites(session: Session): StoreTx['holds'] {
  return {
    ...holdReads(session),
    /** Whoever waits to place or release a hold comes before erasures that begin to shred later. */
    lock: (tenantId, mode) => takeNamed(session, `holds of ${tenantId}`, mode),
    async insert(hold, callIds) {
      await session.builder
        .insertInto('hold')
        .values({
          id: hold.id,
          tenant_id: hold.tenantId,
          placed_at: hold.placedAt,
          released_at: hold.releasedAt,
          review_at: hold.reviewAt,
          range_from: hold.from,
          range_to: hold.to,
          holds_all: toFlag(hold.holdsAll),
        })
        .execute();
      const rows = callIds.map((callId) => [hold.id, callId]);
      await insertCalls(session, rows);
    },
    /** A hold that was released before keeps the time of that. */
    async release(id, at) {
      await session.builder
        .updateTable('hold')
        .set({ released_at: at })
        .where('id', '=', id)
        .where('released_at', 'is', null)
        .execute();
    },
  };
}
