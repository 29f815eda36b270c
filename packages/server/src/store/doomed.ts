import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { toDoomedBlob } from './erasure-rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function doomedReads(session: Session): StoreReads['doomed'] {
  const blobs = () => session.builder.selectFrom('doomed_blob').selectAll();
  return {
    async ofOwners(ownerIds) {
      const sql = `SELECT * FROM doomed_blob WHERE ${session.dialect.within('owner_id')}`;
      return (await session.rows<Row<'doomed_blob'>>(sql, [session.dialect.list(ownerIds)])).map(toDoomedBlob);
    },
    async unowned(now, limit, after) {
      const sql = `SELECT * FROM doomed_blob WHERE erasure_id IS NULL AND retry_at <= ?
        AND (retry_at, since, blob) > (?, ?, ?) ORDER BY retry_at, since, blob LIMIT ?`;
      const from = after === undefined ? [-1, 0, ''] : [after.lock?.retryAt ?? 0, after.since, after.blob];
      return (await session.rows<Row<'doomed_blob'>>(sql, [now, ...from, limit])).map(toDoomedBlob);
    },
    async all(afterBlob, limit) {
      return (await blobs().where('blob', '>', afterBlob).orderBy('blob').limit(limit).execute()).map(toDoomedBlob);
    },
    async find(names) {
      const sql = `SELECT * FROM doomed_blob WHERE ${session.dialect.within('blob')}`;
      return (await session.rows<Row<'doomed_blob'>>(sql, [session.dialect.list(names)])).map(toDoomedBlob);
    },
  };
}

const insertBlobs = rowInsert(
  { table: 'doomed_blob', columns: { blob: 'text', owner_id: 'text', erasure_id: 'text', since: 'integer' } },
  'ON CONFLICT DO NOTHING',
);

export function doomedWrites(session: Session): StoreTx['doomed'] {
  const { dialect } = session;
  return {
    ...doomedReads(session),
    /** A blob that is named already stays as it is, so that a step may be done again. */
    async insert(blobs) {
      const rows = blobs.map((doomed) => [doomed.blob, doomed.ownerId, doomed.erasureId, doomed.since]);
      await insertBlobs(session, rows);
    },
    async delete(blobs) {
      await session.change(`DELETE FROM doomed_blob WHERE ${dialect.within('blob')}`, [dialect.list(blobs)]);
    },
    /** One after the other, always in the same order: they are few, and several sweeps may note the same. */
    async noteLocks(locks) {
      const sql = 'UPDATE doomed_blob SET locked_until = ?, retry_at = ? WHERE blob = ?';
      for (const [blob, { until, retryAt }] of [...locks].sort(([one], [other]) => (one < other ? -1 : 1))) {
        await session.change(sql, [until, retryAt, blob]);
      }
    },
  };
}
