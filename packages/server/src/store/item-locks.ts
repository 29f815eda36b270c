import type { StoreReads, StoreTx } from '../model/store.ts';
import { batches, columnsOf, perBatch } from './batches.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

type LockReads = Pick<StoreReads['erasures'], 'locks' | 'lockedAmong'>;
type LockWrites = Pick<StoreTx['erasures'], 'noteLocks'>;

/** Takes a table with these four columns. */
const noteGiven = (given: string) => `WITH given (erasure_id, seq, since, until) AS (${given})
  UPDATE item SET locked_since = coalesce(item.locked_since, given.since), locked_until = given.until FROM given
  WHERE item.erasure_id = given.erasure_id AND item.seq = given.seq`;

const noteBatch = perBatch((size) =>
  noteGiven(`VALUES ${Array.from({ length: size }, () => '(?, ?, ?, ?)').join(', ')}`),
);
const noteTypes = ['text', 'integer', 'integer', 'integer'] as const;

/** What is known of locks that the blob store has on bytes of items. */
export function itemLockReads(session: Session): LockReads {
  const { dialect } = session;
  return {
    async locks(erasureId, now) {
      const sql = `SELECT count(*) AS items, min(locked_until) AS first_end FROM item
        WHERE erasure_id = ? AND state = 'failed' AND failed_code = 'blob_locked' AND locked_until > ?`;
      const [row] = await session.rows<{ items: number; first_end: number | null }>(sql, [erasureId, now]);
      return { items: row?.items ?? 0, firstEnd: row?.first_end ?? null };
    },
    async lockedAmong(callIds) {
      const sql = `SELECT DISTINCT call_id FROM item WHERE ${dialect.within('call_id')} AND locked_since IS NOT NULL`;
      const rows = await session.rows<Pick<Row<'item'>, 'call_id'>>(sql, [dialect.list(callIds)]);
      return new Set(rows.map((row) => row.call_id));
    },
  };
}

export function itemLockWrites(session: Session): LockWrites {
  const { dialect } = session;
  return {
    async noteLocks(erasureId, since, items) {
      if (items.length === 0) return;
      const rows = items.map(({ seq, until }) => [erasureId, seq, since, until]);
      if (dialect.unnested !== null) {
        await session.change(
          noteGiven(`SELECT * FROM ${dialect.unnested(noteTypes)}`),
          columnsOf(rows, noteTypes.length),
        );
      } else for (const batch of batches(rows)) await session.change(noteBatch(batch), batch.flat());
    },
  };
}
