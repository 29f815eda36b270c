import { firstIdOf } from '../lib/ids.ts';
import { type Erasure, type ItemState, mayErasureMove, mayItemMove } from '../model/erasure.ts';
import type { ErasureTally } from '../model/erasure-store.ts';
import { Bug } from '../model/errors.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import { assignments, changeOne, insertOne } from './changes.ts';
import { fromErasure, toErasure, toItem } from './erasure-rows.ts';
import { planReads, planWrites } from './plans.ts';
import { toFlag } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function erasureReads(session: Session): Omit<StoreReads['erasures'], 'locks' | 'lockedAmong'> {
  const { dialect } = session;
  return {
    ...planReads(session),
    find: (id) => findErasure(session, id, ''),
    async items(erasureId, { fromSeq, limit, states }) {
      const inState = states === undefined ? '' : ` AND ${dialect.within('state')}`;
      const sql = `SELECT * FROM item WHERE erasure_id = ? AND seq >= ?${inState} ORDER BY seq LIMIT ?`;
      const chosen = states === undefined ? [] : [dialect.list(states)];
      return (await session.rows<Row<'item'>>(sql, [erasureId, fromSeq, ...chosen, limit])).map(toItem);
    },
    async tally(erasureId) {
      const sql = 'SELECT state, count(*) AS items FROM item WHERE erasure_id = ? GROUP BY state';
      const rows = await session.rows<Pick<Row<'item'>, 'state'> & { items: number }>(sql, [erasureId]);
      const tally: ErasureTally = { items: 0, planned: 0, held: 0, shredded: 0, removed: 0, verified: 0, failed: 0 };
      for (const { state, items } of rows) {
        tally[state] = items;
        tally.items += items;
      }
      return tally;
    },
    async itemsOf(erasureIds) {
      const sql = `SELECT * FROM item WHERE ${dialect.within('erasure_id')} ORDER BY erasure_id, seq`;
      return (await session.rows<Row<'item'>>(sql, [dialect.list(erasureIds)])).map(toItem);
    },
    async gatesOf(callIds) {
      const sql = `SELECT item.call_id, item.erasure_id, erasure.action, erasure.keep_recording
        FROM item CROSS JOIN erasure
        WHERE ${dialect.within('item.call_id')} AND item.state IN ('planned', 'shredded', 'removed', 'failed')
          AND erasure.id = item.erasure_id AND erasure.state IN ('running', 'completed_with_failures')`;
      const rows = await session.rows<GateRow>(sql, [dialect.list(callIds)]);
      return rows.map((row) => ({
        callId: row.call_id,
        erasureId: row.erasure_id,
        action: row.action,
        keepRecording: row.keep_recording === 1,
      }));
    },
    /** By id: the order in which they were planned. */
    async open(limit) {
      // A constant, not a parameter: only so the database knows that its index of running erasures will do.
      const sql = "SELECT * FROM erasure WHERE state = 'running' ORDER BY id LIMIT ?";
      return (await session.rows<Row<'erasure'>>(sql, [limit])).map(toErasure);
    },
    async anyShreddedSince(tenantId, at) {
      const sql = `SELECT id FROM erasure WHERE tenant_id = ? AND unreadable_at IS NOT NULL
        AND (shredded_at IS NULL OR shredded_at >= ?) LIMIT 1`;
      if ((await session.rows(sql, [tenantId, at])).length > 0) return true;
      const journaled = `SELECT id FROM journal WHERE id >= ? AND tenant_id = ?
        AND kind IN ('hold_released', 'upload_abandoned') LIMIT 1`;
      return (await session.rows(journaled, [firstIdOf(Math.max(0, at)), tenantId])).length > 0;
    },
    async list(tenantId, { beforeId, limit, states }) {
      const before = beforeId === undefined ? '' : ' AND id < ?';
      const inState = states === undefined ? '' : ` AND ${dialect.within('state')}`;
      const sql = `SELECT * FROM erasure WHERE tenant_id = ?${before}${inState} ORDER BY id DESC LIMIT ?`;
      const asked = [
        ...(beforeId === undefined ? [] : [beforeId]),
        ...(states === undefined ? [] : [dialect.list(states)]),
      ];
      return (await session.rows<Row<'erasure'>>(sql, [tenantId, ...asked, limit])).map(toErasure);
    },
    async page(afterId, limit) {
      const sql = 'SELECT * FROM erasure WHERE id > ? ORDER BY id LIMIT ?';
      return (await session.rows<Row<'erasure'>>(sql, [afterId, limit])).map(toErasure);
    },
  };
}

/** The statement ends with `lock`. */
async function findErasure(session: Session, id: string, lock: string): Promise<Erasure | undefined> {
  const row = await session.first<Row<'erasure'>>(`SELECT * FROM erasure WHERE id = ? ${lock}`, [id]);
  return row && toErasure(row);
}

type GateRow = Pick<Row<'item'>, 'call_id' | 'erasure_id'> & Pick<Row<'erasure'>, 'action' | 'keep_recording'>;

type ErasureWrites = Pick<
  StoreTx['erasures'],
  | 'find'
  | 'insert'
  | 'addItems'
  | 'addPlannedItems'
  | 'cancel'
  | 'reopen'
  | 'requireApproval'
  | 'approve'
  | 'noteDrift'
  | 'move'
  | 'stamp'
  | 'moveItems'
  | 'moveAll'
  | 'complete'
  | 'moveSpan'
>;
type Stamps = Partial<Pick<Erasure, 'unreadableAt' | 'shreddedAt' | 'sealedAt' | 'goneAt'>>;

/** Throws Bug for a move that DESIGN section 4 does not have. */
export function erasureWrites(session: Session): ErasureWrites {
  const { dialect } = session;
  return {
    ...planWrites(session),
    find: (id) => findErasure(session, id, dialect.lock.alone),
    async insert(erasure) {
      await insertOne(session, 'erasure', fromErasure(erasure));
    },
    /** Planned items, numbered from `fromSeq` in the order given. */
    async addItems(erasureId, fromSeq, ownerIds) {
      const sql = `INSERT INTO item (erasure_id, seq, call_id, state)
        SELECT ?, ? + position, value, 'planned' FROM ${dialect.listed}`;
      await session.change(sql, [erasureId, fromSeq, dialect.list(ownerIds)]);
    },
    async move(id, from, to, change) {
      if (!mayErasureMove(from, to)) throw new Bug(`an erasure does not go from ${from} to ${to}`);
      const set = assignments(stampsOf(change));
      const sql = `UPDATE erasure SET state = ?${set ? `, ${set.text}` : ''} WHERE id = ? AND state = ?`;
      return (await session.change(sql, [to, ...(set?.parameters ?? []), id, from])) === 1;
    },
    /** Throws Bug where there is no such erasure. */
    async stamp(id, change) {
      await changeOne(session, { table: 'erasure', by: 'id', key: id }, stampsOf(change));
    },
    /** All or none: 0 when one of them is in another state or not there. */
    async moveItems(erasureId, seqs, from, to, { outcome, failedCode }) {
      refuseMove(from, to);
      const chosen = `erasure_id = ? AND ${dialect.within('seq')} AND state = ?`;
      const parameters = [erasureId, dialect.list(seqs), from];
      const sql = `SELECT count(*) AS items FROM item WHERE ${chosen}`;
      const [found] = await session.rows<{ items: number }>(sql, parameters);
      if (found?.items !== new Set(seqs).size) return 0;
      const change = `UPDATE item SET state = ?, outcome = coalesce(?, outcome),
        failed_code = CASE WHEN ? = 1 THEN ? ELSE failed_code END,
        locked_until = CASE WHEN ? = 1 THEN NULL ELSE locked_until END WHERE ${chosen}`;
      const setsCode = toFlag(failedCode !== undefined);
      const codes = [setsCode, failedCode ?? null, setsCode];
      return await session.change(change, [to, outcome ?? null, ...codes, ...parameters]);
    },
    async moveAll(erasureIds, from, to) {
      refuseMove(from, to);
      const sql = `UPDATE item SET state = ? WHERE ${dialect.within('erasure_id')} AND state = ?`;
      return await session.change(sql, [to, dialect.list(erasureIds), from]);
    },
    async complete(erasureIds, { sealedAt, goneAt }) {
      const sql = `UPDATE erasure SET state = 'completed', sealed_at = ?, gone_at = ?
        WHERE ${dialect.within('id')} AND state = 'running'`;
      return await session.change(sql, [sealedAt, goneAt, dialect.list(erasureIds)]);
    },
    async moveSpan(span, from, to, change) {
      refuseMove(from, to);
      const sql = `UPDATE item SET state = ?, outcome = coalesce(?, outcome)
        WHERE erasure_id = ? AND seq >= ? AND seq < ? AND state = ?`;
      const { erasureId, fromSeq, toSeq } = span;
      return await session.change(sql, [to, change.outcome ?? null, erasureId, fromSeq, toSeq, from]);
    },
  };
}

function stampsOf(change: Stamps) {
  return {
    unreadable_at: change.unreadableAt,
    shredded_at: change.shreddedAt,
    sealed_at: change.sealedAt,
    gone_at: change.goneAt,
  };
}

function refuseMove(from: ItemState, to: ItemState): void {
  if (!mayItemMove(from, to)) throw new Bug(`an item does not go from ${from} to ${to}`);
}
