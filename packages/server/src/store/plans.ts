import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { changeOne } from './changes.ts';
import { fromKinds, toErasure } from './erasure-rows.ts';
import { toFlag, toJson } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

/** What is asked of plans that wait to be executed. */
export function planReads(session: Session): Pick<StoreReads['erasures'], 'plannedAs' | 'plannedByPolicy' | 'expired'> {
  // The state is a constant in both, not a parameter: only so the database knows that its indexes of plans will do.
  return {
    async plannedAs(tenantId, digest, only) {
      const guarded = only?.needsApproval === true ? " AND needs_approval = 1 AND actor_kind <> 'policy'" : '';
      const kind = only === undefined ? '' : ` AND waits_for_holds = ?${guarded}`;
      const sql = `SELECT * FROM erasure WHERE tenant_id = ? AND digest = ? AND state = 'planned'${kind}
        ORDER BY id DESC LIMIT 1`;
      const kinds = only === undefined ? [] : [toFlag(only.waitsForHolds)];
      const row = await session.first<Row<'erasure'>>(sql, [tenantId, digest, ...kinds]);
      return row && toErasure(row);
    },
    async plannedByPolicy(tenantId) {
      // Sorted here: asked for an order, SQLite takes the index of all erasures that has it.
      const sql = "SELECT * FROM erasure WHERE tenant_id = ? AND state = 'planned' AND actor_kind = 'policy'";
      const rows = await session.rows<Row<'erasure'>>(sql, [tenantId]);
      return rows.map(toErasure).sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    async expired(now, limit) {
      const sql = `SELECT * FROM erasure WHERE state = 'planned' AND expires_at IS NOT NULL AND expires_at <= ?
        ORDER BY expires_at, id LIMIT ?`;
      return (await session.rows<Row<'erasure'>>(sql, [now, limit])).map(toErasure);
    },
  };
}

const insertItems = rowInsert({
  table: 'item',
  columns: {
    erasure_id: 'text',
    seq: 'integer',
    call_id: 'text',
    state: 'text',
    planned_kinds: 'integer',
    is_candidate: 'integer',
    was_held: 'integer',
  },
});

/** What becomes of a plan until it is executed. */
export function planWrites(
  session: Session,
): Pick<StoreTx['erasures'], 'addPlannedItems' | 'cancel' | 'reopen' | 'requireApproval' | 'approve' | 'noteDrift'> {
  return {
    /** Numbered from `fromSeq` in the order given. */
    async addPlannedItems(erasureId, fromSeq, items) {
      const rows = items.map(({ id, isCandidate, plannedKinds, wasHeld }, i) => {
        return [erasureId, fromSeq + i, id, 'planned', fromKinds(plannedKinds), toFlag(isCandidate), toFlag(wasHeld)];
      });
      await insertItems(session, rows);
    },
    async cancel(id, reason) {
      const sql = "UPDATE erasure SET state = 'cancelled', cancel_reason = ? WHERE id = ? AND state = 'planned'";
      return (await session.change(sql, [reason, id])) === 1;
    },
    async reopen(id) {
      const sql = `UPDATE erasure SET state = 'running', waits_for_holds = 1, shredded_at = NULL, sealed_at = NULL,
        gone_at = NULL WHERE id = ? AND state = 'completed_with_failures'`;
      return (await session.change(sql, [id])) === 1;
    },
    async requireApproval(id) {
      const sql = "UPDATE erasure SET needs_approval = 1 WHERE id = ? AND state = 'planned' AND needs_approval = 0";
      return (await session.change(sql, [id])) === 1;
    },
    /** Throws Bug where there is no such erasure. */
    async approve(id, { at, actor }) {
      const columns = { approved_at: at, approver_kind: actor.kind, approver_id: actor.id };
      await changeOne(session, { table: 'erasure', by: 'id', key: id }, columns);
    },
    /** Throws Bug where there is no such erasure. */
    async noteDrift(id, drift) {
      await changeOne(session, { table: 'erasure', by: 'id', key: id }, { drift: toJson(drift) });
    },
  };
}
