import type { StoreReads, StoreTx } from '../model/store.ts';
import type { TokenQuery } from '../model/token-store.ts';
import { batches, marks, perBatch, rowInsert } from './batches.ts';
import { toCandidate } from './campaign-rows.ts';
import type { SqlDialect } from './dialect.ts';
import { lockRows } from './row-locks.ts';
import { toKindCode } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';
import { tenantNumberIfAny } from './tenants.ts';

type CandidateRow = Row<'candidate'>;
type Reads = StoreReads['candidates'];

export function candidateReads(session: Session): Reads {
  const { dialect } = session;
  const found = candidatesBy(session, '');
  return {
    ...found,
    peek: found.findMany,
    async ofTask(tenantId, taskId, afterId, limit) {
      const sql = 'SELECT * FROM candidate WHERE task_id = ? AND tenant_id = ? AND id > ? ORDER BY id LIMIT ?';
      return (await session.rows<CandidateRow>(sql, [taskId, tenantId, afterId, limit])).map(toCandidate);
    },
    async countsOfTasks(tenantId, taskIds) {
      const sql = `SELECT task_id, count(*) AS candidates FROM candidate
        WHERE ${dialect.within('task_id')} AND tenant_id = ? AND status <> 'ADDING' GROUP BY task_id`;
      type Count = { task_id: string; candidates: number };
      const rows = await session.rows<Count>(sql, [dialect.list(taskIds), tenantId]);
      return new Map(rows.map((row) => [row.task_id, row.candidates]));
    },
    async list(tenantId, { taskId, statuses }, { offset, limit }) {
      const sql = `SELECT * FROM candidate WHERE ${inTask(dialect)} ORDER BY id LIMIT ? OFFSET ?`;
      const chosen = [taskId, tenantId, dialect.list(statuses)];
      return (await session.rows<CandidateRow>(sql, [...chosen, limit, offset])).map(toCandidate);
    },
    async count(tenantId, { taskId, statuses }) {
      const sql = `SELECT count(*) AS candidates FROM candidate WHERE ${inTask(dialect)}`;
      const row = await session.first<{ candidates: number }>(sql, [taskId, tenantId, dialect.list(statuses)]);
      return row?.candidates ?? 0;
    },
    async unfinished(before, limit, after = { updatedAt: Number.MIN_SAFE_INTEGER, id: '' }) {
      // A constant, not a parameter: only so the database knows that its index of unfinished candidates will do.
      const sql = `SELECT * FROM candidate WHERE status = 'ADDING' AND updated_at < ? AND (updated_at, id) > (?, ?)
        ORDER BY updated_at, id LIMIT ?`;
      return (await session.rows<CandidateRow>(sql, [before, after.updatedAt, after.id, limit])).map(toCandidate);
    },
    async page(afterId, limit) {
      const sql = 'SELECT * FROM candidate WHERE id > ? ORDER BY id LIMIT ?';
      return (await session.rows<CandidateRow>(sql, [afterId, limit])).map(toCandidate);
    },
  };
}

/** What is found by id or by what it carries. Each statement ends with `lock`. */
function candidatesBy(session: Session, lock: string): Pick<Reads, 'find' | 'findMany' | 'carriers'> {
  const { dialect } = session;
  return {
    async find(tenantId, id) {
      const sql = `SELECT * FROM candidate WHERE id = ? AND tenant_id = ? ${lock}`;
      const row = await session.first<CandidateRow>(sql, [id, tenantId]);
      return row && toCandidate(row);
    },
    /** By id; ids that are not there are left out. */
    async findMany(tenantId, ids) {
      const sql = `SELECT * FROM candidate WHERE tenant_id = ? AND ${dialect.within('id')} ORDER BY id ${lock}`;
      return (await session.rows<CandidateRow>(sql, [tenantId, dialect.list(ids)])).map(toCandidate);
    },
    async carriers(tenantId, taskId, kind, tokens) {
      const tenant = await tenantNumberIfAny(session, tenantId);
      if (tenant === undefined) return [];
      const taken = lock === '' ? '' : ` ORDER BY candidate.id ${lock} OF candidate`;
      const found: Carrier[] = [];
      for (const [epoch, mine] of byEpoch(tokens)) {
        for (const batch of batches(mine)) {
          const parameters = [tenant, toKindCode(kind), epoch, ...batch, taskId, tenantId];
          found.push(...(await session.rows<Carrier>(carriersOf(batch) + taken, parameters)));
        }
      }
      return found.map(({ epoch, token, id, status, depersonalized_at: erasedAt }) => {
        return { token: { epoch, token }, candidateId: id, status, isErased: erasedAt !== null };
      });
    },
  };
}

/** Takes a task, its tenant, and a list of states. */
function inTask(dialect: SqlDialect): string {
  return `task_id = ? AND tenant_id = ? AND ${dialect.within('status')}`;
}

type Carrier = Pick<Row<'token'>, 'epoch' | 'token'> & Pick<CandidateRow, 'id' | 'status' | 'depersonalized_at'>;

/** From the tokens to their owners, never the other way: a task may have any number of candidates. */
const carriersOf = perBatch(
  (size) => `SELECT token.epoch, token.token, candidate.id, candidate.status, candidate.depersonalized_at
    FROM token CROSS JOIN candidate
    WHERE token.tenant = ? AND token.kind = ? AND token.epoch = ? AND token.token IN (${marks(size)})
      AND candidate.id = token.owner_id AND candidate.task_id = ? AND candidate.tenant_id = ?
      AND (candidate.status <> 'CANCELLED' OR candidate.depersonalized_at IS NOT NULL)`,
);

function byEpoch(tokens: readonly TokenQuery[]): Map<number, Uint8Array[]> {
  const sorted = new Map<number, Uint8Array[]>();
  for (const { epoch, token } of tokens) {
    const mine = sorted.get(epoch);
    if (mine) mine.push(token);
    else sorted.set(epoch, [token]);
  }
  return sorted;
}

const insertCandidates = rowInsert({
  table: 'candidate',
  columns: {
    id: 'text',
    tenant_id: 'text',
    task_id: 'text',
    status: 'text',
    bot_id: 'text',
    created_at: 'integer',
    updated_at: 'integer',
    depersonalized_at: 'integer',
  },
});

export function candidateWrites(session: Session): StoreTx['candidates'] {
  const { dialect } = session;
  return {
    ...candidateReads(session),
    ...candidatesBy(session, dialect.lock.alone),
    async lock(ids) {
      await lockRows(session, 'candidate', ids);
    },
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
    async renew(ids, at) {
      // Two requests may have taken the same candidates over.
      await lockRows(session, 'candidate', ids);
      const sql = `UPDATE candidate SET updated_at = ? WHERE ${dialect.within('id')} AND status = 'ADDING'`;
      await session.change(sql, [at, dialect.list(ids)]);
    },
    async show(ids) {
      const sql = `UPDATE candidate SET status = 'PENDING', updated_at = created_at
        WHERE ${dialect.within('id')} AND status = 'ADDING'`;
      return await session.change(sql, [dialect.list(ids)]);
    },
    async delete(ids) {
      await session.change(`DELETE FROM candidate WHERE ${dialect.within('id')}`, [dialect.list(ids)]);
    },
    async cancel(ids, at) {
      await lockRows(session, 'candidate', ids);
      const sql = `UPDATE candidate SET status = 'CANCELLED', updated_at = ?
        WHERE ${dialect.within('id')} AND status = 'PENDING'`;
      return await session.change(sql, [at, dialect.list(ids)]);
    },
  };
}
