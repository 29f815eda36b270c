import { Bug } from '../model/errors.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import { toKeptAnswer } from './campaign-rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function keptAnswerReads(session: Session): StoreReads['answers'] {
  return keptAnswers(session, '');
}

/** Each statement ends with `lock`. */
function keptAnswers(session: Session, lock: string): StoreReads['answers'] {
  return {
    async find(tenantId, key) {
      const sql = `SELECT * FROM kept_answer WHERE tenant_id = ? AND key = ? ${lock}`;
      const row = await session.first<Row<'kept_answer'>>(sql, [tenantId, key]);
      return row && toKeptAnswer(row);
    },
    async ofSubject(subjectId) {
      const sql = `SELECT * FROM kept_answer WHERE subject_id = ? ORDER BY tenant_id, key ${lock}`;
      return (await session.rows<Row<'kept_answer'>>(sql, [subjectId])).map(toKeptAnswer);
    },
  };
}

export function keptAnswerWrites(session: Session): StoreTx['answers'] {
  const { lock } = session.dialect;
  // One that somebody has just found, or drops as well, is left to the next round.
  const dropped = (some: string) => `DELETE FROM kept_answer WHERE (tenant_id, key) IN
    (SELECT tenant_id, key FROM kept_answer WHERE ${some} ORDER BY created_at LIMIT ? ${lock.free})`;
  return {
    ...keptAnswers(session, lock.alone),
    async insert({ tenantId, key, subjectId, status, sealed, print, createdAt }) {
      const sql = `INSERT INTO kept_answer (tenant_id, key, subject_id, status, sealed, print, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
      return (await session.change(sql, [tenantId, key, subjectId, status, sealed, print, createdAt])) === 1;
    },
    /** Throws Bug where there is no such answer. */
    async finish(tenantId, key, { status, sealed }) {
      const sql = 'UPDATE kept_answer SET status = ?, sealed = ? WHERE tenant_id = ? AND key = ?';
      const changed = await session.change(sql, [status, sealed, tenantId, key]);
      if (changed !== 1) throw new Bug('the answer to be finished is not there');
    },
    /** Throws Bug where there is no such answer, or none that was finished. */
    async setSealed(tenantId, key, sealed) {
      const sql = 'UPDATE kept_answer SET sealed = ? WHERE tenant_id = ? AND key = ? AND status IS NOT NULL';
      const changed = await session.change(sql, [sealed, tenantId, key]);
      if (changed !== 1) throw new Bug('the answer to be sealed anew is not there');
    },
    async dropUnfinished(subjectId) {
      await session.change('DELETE FROM kept_answer WHERE subject_id = ? AND status IS NULL', [subjectId]);
    },
    async dropOld(before, limit) {
      return await session.change(dropped('created_at < ?'), [before, limit]);
    },
    async dropAhead(after, limit) {
      return await session.change(dropped('created_at > ?'), [after, limit]);
    },
  };
}
