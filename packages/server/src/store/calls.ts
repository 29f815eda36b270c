import type { CallSearch, StoreReads, StoreTx } from '../model/store.ts';
import { changeOne, insertOne } from './changes.ts';
import type { SqlDialect } from './dialect.ts';
import { fromCall, toCall, toFlag } from './rows.ts';
import type { Parameter, Session } from './session.ts';
import type { Row } from './tables.ts';

export function callReads(session: Session): StoreReads['calls'] {
  const calls = () => session.builder.selectFrom('call').selectAll();
  const { dialect } = session;
  return {
    async find(tenantId, id) {
      const row = await session.first<Row<'call'>>('SELECT * FROM call WHERE id = ? AND tenant_id = ?', [id, tenantId]);
      return row && toCall(row);
    },
    /** By id; ids that are not there are left out. */
    async findMany(tenantId, ids) {
      const sql = `SELECT * FROM call WHERE tenant_id = ? AND ${dialect.within('id')} ORDER BY id`;
      return (await session.rows<Row<'call'>>(sql, [tenantId, dialect.list(ids)])).map(toCall);
    },
    /** Those that ended first come first. */
    async abandonedUploads(now, limit, after) {
      const sql = `SELECT * FROM call WHERE upload_until <= ? AND (upload_until, id) > (?, ?)
        ORDER BY upload_until, id LIMIT ?`;
      const from = [after?.uploadUntil ?? Number.MIN_SAFE_INTEGER, after?.id ?? ''];
      return (await session.rows<Row<'call'>>(sql, [now, ...from, limit])).map(toCall);
    },
    async page(afterId, limit) {
      return (await calls().where('id', '>', afterId).orderBy('id').limit(limit).execute()).map(toCall);
    },
    async count(tenantId) {
      const sql = 'SELECT count(*) AS calls FROM call WHERE tenant_id = ?';
      const [row] = await session.rows<{ calls: number }>(sql, [tenantId]);
      return row?.calls ?? 0;
    },
    async anyAwaited(tenantId) {
      const sql = "SELECT id FROM call WHERE tenant_id = ? AND status = 'awaited' LIMIT 1";
      return (await session.rows(sql, [tenantId])).length > 0;
    },
    async awaitedSince(before, limit, after) {
      const sql = `SELECT * FROM call WHERE status = 'awaited' AND created_at < ? AND (created_at, id) > (?, ?)
        ORDER BY created_at, id LIMIT ?`;
      const from = [after?.createdAt ?? Number.MIN_SAFE_INTEGER, after?.id ?? ''];
      return (await session.rows<Row<'call'>>(sql, [before, ...from, limit])).map(toCall);
    },
    async idsOfCandidate(tenantId, candidateId) {
      const sql = 'SELECT id FROM call WHERE candidate_id = ? AND tenant_id = ? ORDER BY id';
      return (await session.rows<Pick<Row<'call'>, 'id'>>(sql, [candidateId, tenantId])).map((row) => row.id);
    },
    async countsOfTasks(tenantId, taskIds) {
      const sql = `SELECT task_id, count(*) AS calls FROM call
        WHERE ${dialect.within('task_id')} AND tenant_id = ? AND ${archived} GROUP BY task_id`;
      const rows = await session.rows<{ task_id: string; calls: number }>(sql, [dialect.list(taskIds), tenantId]);
      return new Map(rows.map((row) => [row.task_id, row.calls]));
    },
    async search(tenantId, asked, order, limit) {
      const { text, parameters } = conditionsOf(dialect, asked);
      const by = order.by === 'startedAt' ? startOf : 'created_at';
      const direction = order.isDescending ? 'DESC' : 'ASC';
      const sql = `SELECT id FROM call WHERE tenant_id = ? AND ${archived}${text}
        ORDER BY ${by} ${direction}, id ${direction} LIMIT ?`;
      const rows = await session.rows<Pick<Row<'call'>, 'id'>>(sql, [tenantId, ...parameters, limit]);
      return rows.map((row) => row.id);
    },
  };
}

const archived = "status IN ('complete', 'excluded')";
/** As in the index. */
const startOf = 'coalesce(started_at, created_at)';

/** Each as `AND ...`. What names no calls is asked of those that the index of starts has. */
function conditionsOf(dialect: SqlDialect, asked: CallSearch): { text: string; parameters: Parameter[] } {
  const { ids, candidateIds, taskIds, botIds, dialStatuses, directions, from, to } = asked;
  const lists: [column: string, values: readonly string[] | undefined][] = [
    ['id', ids],
    ['candidate_id', candidateIds],
    ['task_id', taskIds],
    ['bot_id', botIds],
    ['dial_status', dialStatuses],
    ['direction', directions],
  ];
  const given = lists.flatMap(([column, values]) => (values === undefined ? [] : [{ column, values }]));
  const texts = given.map(({ column }) => dialect.within(column));
  const parameters: Parameter[] = given.map(({ values }) => dialect.list(values));
  for (const [comparison, value] of [
    ['>=', from],
    ['<', to],
  ] as const) {
    if (value === undefined) continue;
    texts.push(`${startOf} ${comparison} ?`);
    parameters.push(value);
  }
  if (ids === undefined && candidateIds === undefined && taskIds === undefined) texts.push("source = 'native'");
  return { text: texts.map((text) => ` AND ${text}`).join(''), parameters };
}

export function callWrites(session: Session): StoreTx['calls'] {
  return {
    ...callReads(session),
    async insert(call) {
      await insertOne(session, 'call', fromCall(call));
    },
    /** Throws Bug where there is no such call. */
    async update(id, change) {
      const columns = {
        kind: change.kind,
        source: change.source,
        direction: change.direction,
        status: change.status,
        started_at: change.startedAt,
        ended_at: change.endedAt,
        duration_ms: change.durationMs,
        created_at: change.createdAt,
        upload_until: change.uploadUntil,
        is_upload_doomed: change.isUploadDoomed === undefined ? undefined : toFlag(change.isUploadDoomed),
        dial_status: change.dialStatus,
        candidate_id: change.candidateId,
        task_id: change.taskId,
        bot_id: change.botId,
        updated_at: change.updatedAt,
        depersonalized_at: change.depersonalizedAt,
        recording_erased_at: change.recordingErasedAt,
      };
      await changeOne(session, { table: 'call', by: 'id', key: id }, columns);
    },
    async renewUpload(id, until) {
      const sql = 'UPDATE call SET upload_until = ? WHERE id = ? AND upload_until IS NOT NULL AND is_upload_doomed = 0';
      return (await session.change(sql, [until, id])) === 1;
    },
    async delete(id) {
      await session.change('DELETE FROM call WHERE id = ?', [id]);
    },
  };
}
