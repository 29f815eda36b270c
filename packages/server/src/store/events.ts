import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { toMetadataEvent } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function eventReads(session: Session): StoreReads['events'] {
  return {
    async ofCall(callId) {
      const sql = 'SELECT * FROM metadata_event WHERE call_id = ? ORDER BY id';
      return (await session.rows<Row<'metadata_event'>>(sql, [callId])).map(toMetadataEvent);
    },
    async countOfCall(callId) {
      const sql = 'SELECT count(*) AS events FROM metadata_event WHERE call_id = ?';
      const [row] = await session.rows<{ events: number }>(sql, [callId]);
      return row?.events ?? 0;
    },
    async page(afterId, limit) {
      const sql = 'SELECT * FROM metadata_event WHERE id > ? ORDER BY id LIMIT ?';
      return (await session.rows<Row<'metadata_event'>>(sql, [afterId, limit])).map(toMetadataEvent);
    },
  };
}

const insertEvents = rowInsert({
  table: 'metadata_event',
  columns: { id: 'text', tenant_id: 'text', call_id: 'text', received_at: 'integer', sealed: 'bytes' },
});

export function eventWrites(session: Session): StoreTx['events'] {
  return {
    ...eventReads(session),
    async insert(events) {
      const rows = events.map((one) => [one.id, one.tenantId, one.callId, one.receivedAt, one.sealed]);
      await insertEvents(session, rows);
    },
    async deleteOfCall(callId) {
      return await session.change('DELETE FROM metadata_event WHERE call_id = ?', [callId]);
    },
  };
}
