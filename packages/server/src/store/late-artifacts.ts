import type { LateArtifact, StoreReads, StoreTx } from '../model/store.ts';
import { toLateArtifact } from './campaign-rows.ts';
import { insertOne } from './changes.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

type LateRow = Row<'late_artifact'>;

export function lateArtifactReads(session: Session): StoreReads['lateArtifacts'] {
  return {
    ofCalls: (callIds) => ofCalls(session, callIds, ''),
    async expired(now, limit, afterSlot) {
      const sql = 'SELECT * FROM late_artifact WHERE lease_until <= ? AND slot > ? ORDER BY slot LIMIT ?';
      return (await session.rows<LateRow>(sql, [now, afterSlot, limit])).map(toLateArtifact);
    },
    async page(afterSlot, limit) {
      const sql = 'SELECT * FROM late_artifact WHERE slot > ? ORDER BY slot LIMIT ?';
      return (await session.rows<LateRow>(sql, [afterSlot, limit])).map(toLateArtifact);
    },
  };
}

/** The statement ends with `lock`. */
async function ofCalls(session: Session, callIds: readonly string[], lock: string): Promise<LateArtifact[]> {
  const { dialect } = session;
  const sql = `SELECT * FROM late_artifact WHERE ${dialect.within('call_id')} ORDER BY slot ${lock}`;
  return (await session.rows<LateRow>(sql, [dialect.list(callIds)])).map(toLateArtifact);
}

export function lateArtifactWrites(session: Session): StoreTx['lateArtifacts'] {
  return {
    ...lateArtifactReads(session),
    ofCalls: (callIds) => ofCalls(session, callIds, session.dialect.lock.alone),
    async insert({ slot, tenantId, callId, leaseUntil }) {
      const row = { slot, tenant_id: tenantId, call_id: callId, lease_until: leaseUntil };
      await insertOne(session, 'late_artifact', row);
    },
    async renew(slot, until) {
      const sql = 'UPDATE late_artifact SET lease_until = ? WHERE slot = ?';
      return (await session.change(sql, [until, slot])) === 1;
    },
    async delete(slot) {
      return (await session.change('DELETE FROM late_artifact WHERE slot = ?', [slot])) === 1;
    },
  };
}
