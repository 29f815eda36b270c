import type { StoreReads, StoreTx } from '../model/store.ts';
import { rowInsert } from './batches.ts';
import { toCandidate } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

type CandidateRow = Row<'candidate'>;

export function candidateReads(session: Session): StoreReads['candidates'] {
  const { dialect } = session;
  return {
    async find(tenantId, id) {
      const sql = 'SELECT * FROM candidate WHERE id = ? AND tenant_id = ?';
      const row = await session.first<CandidateRow>(sql, [id, tenantId]);
      return row && toCandidate(row);
    },
    /** By id; ids that are not there are left out. */
    async findMany(tenantId, ids) {
      const sql = `SELECT * FROM candidate WHERE tenant_id = ? AND ${dialect.within('id')} ORDER BY id`;
      return (await session.rows<CandidateRow>(sql, [tenantId, dialect.list(ids)])).map(toCandidate);
    },
    async ofTask(tenantId, taskId, afterId, limit) {
      const sql = 'SELECT * FROM candidate WHERE task_id = ? AND tenant_id = ? AND id > ? ORDER BY id LIMIT ?';
      return (await session.rows<CandidateRow>(sql, [taskId, tenantId, afterId, limit])).map(toCandidate);
    },
    async countsOfTasks(tenantId, taskIds) {
      const sql = `SELECT task_id, count(*) AS candidates FROM candidate
        WHERE ${dialect.within('task_id')} AND tenant_id = ? GROUP BY task_id`;
      type Count = { task_id: string; candidates: number };
      const rows = await session.rows<Count>(sql, [dialect.list(taskIds), tenantId]);
      return new Map(rows.map((row) => [row.task_id, row.candidates]));
    },
    async page(afterId, limit) {
      const sql = 'SELECT * FROM candidate WHERE id > ? ORDER BY id LIMIT ?';
      return (await session.rows<CandidateRow>(sql, [afterId, limit])).map(toCandidate);
    },
  };
}

const insertCandidates = rowInsert({
  table: 'candidate',
  columns: ['id', 'tenant_id', 'task_id', 'status', 'bot_id', 'created_at', 'updated_at', 'depersonalized_at'],
});

export function candidateWrites(session: Session): StoreTx['candidates'] {
  const { dialect } = session;
  return {
    ...candidateReads(session),
    async insert(candidates) {
      const rows = candidates.map((one) => [
        one.id,
        one.tenantId,
        one.taskId,
        one.status,
        one.botId,
        one.createdAt,
        one.updatedAt,
        one.depersonalizedAt,
      ]);
      await insertCandidates(session, rows);
    },
    async cancel(ids, at) {
      const sql = `UPDATE candidate SET status = 'CANCELLED', updated_at = ?
        WHERE ${dialect.within('id')} AND status = 'PENDING'`;
      return await session.change(sql, [at, dialect.list(ids)]);
    },
  };
}
