import type { StoreReads, StoreTx } from '../model/store.ts';
import { insertOne } from './changes.ts';
import { toLateRecording } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

type LateRow = Row<'late_recording'>;

export function lateRecordingReads(session: Session): StoreReads['lateRecordings'] {
  const { dialect } = session;
  return {
    async ofCalls(callIds) {
      const sql = `SELECT * FROM late_recording WHERE ${dialect.within('call_id')} ORDER BY slot`;
      return (await session.rows<LateRow>(sql, [dialect.list(callIds)])).map(toLateRecording);
    },
    async expired(now, limit, afterSlot) {
      const sql = 'SELECT * FROM late_recording WHERE lease_until <= ? AND slot > ? ORDER BY slot LIMIT ?';
      return (await session.rows<LateRow>(sql, [now, afterSlot, limit])).map(toLateRecording);
    },
    async page(afterSlot, limit) {
      const sql = 'SELECT * FROM late_recording WHERE slot > ? ORDER BY slot LIMIT ?';
      return (await session.rows<LateRow>(sql, [afterSlot, limit])).map(toLateRecording);
    },
  };
}

export function lateRecordingWrites(session: Session): StoreTx['lateRecordings'] {
  return {
    ...lateRecordingReads(session),
    async insert({ slot, tenantId, callId, leaseUntil }) {
      const row = { slot, tenant_id: tenantId, call_id: callId, lease_until: leaseUntil };
      await insertOne(session, 'late_recording', row);
    },
    async renew(slot, until) {
      const sql = 'UPDATE late_recording SET lease_until = ? WHERE slot = ?';
      return (await session.change(sql, [until, slot])) === 1;
    },
    async delete(slot) {
      return (await session.change('DELETE FROM late_recording WHERE slot = ?', [slot])) === 1;
    },
  };
}
