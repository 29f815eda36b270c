import type { CallOrder, CallSearch, SearchBounds } from '../model/call-search.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import { archivedElsewhere as archived, callListReads, startOf } from './call-lists.ts';
import { changeOne, insertOne } from './changes.ts';
import type { SqlDialect } from './dialect.ts';
import { lockRows } from './row-locks.ts';
import { fromCall, toCall, toFlag } from './rows.ts';
import type { Parameter, Session } from './session.ts';
import type { Row } from './tables.ts';

export function callReads(session: Session): StoreReads['calls'] {
  const calls = () => session.builder.selectFrom('call').selectAll();
  const { dialect } = session;
  const byId = callsById(session, '');
  return {
    ...byId,
    ...callListReads(session),
    peek: byId.findMany,
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
    async idsOfCandidates(tenantId, candidateIds) {
      const sql = `SELECT candidate_id, id FROM call WHERE ${dialect.within('candidate_id')} AND tenant_id = ?`;
      type Named = { candidate_id: string; id: string };
      const rows = await session.rows<Named>(sql, [dialect.list(candidateIds), tenantId]);
      return rows.map((row) => ({ candidateId: row.candidate_id, id: row.id }));
    },
    async countsOfTasks(tenantId, taskIds) {
      const sql = `SELECT task_id, count(*) AS calls FROM call
        WHERE ${dialect.within('task_id')} AND tenant_id = ? AND ${archived} GROUP BY task_id`;
      const rows = await session.rows<{ task_id: string; calls: number }>(sql, [dialect.list(taskIds), tenantId]);
      return new Map(rows.map((row) => [row.task_id, row.calls]));
    },
    async countsOfCandidates(tenantId, candidateIds) {
      const sql = `SELECT candidate_id, count(*) AS calls, max(id) AS last_id FROM call
        WHERE ${dialect.within('candidate_id')} AND tenant_id = ? AND ${archived} GROUP BY candidate_id`;
      type Count = { candidate_id: string; calls: number; last_id: string };
      const rows = await session.rows<Count>(sql, [dialect.list(candidateIds), tenantId]);
      return new Map(rows.map((row) => [row.candidate_id, { calls: row.calls, lastCallId: row.last_id }]));
    },
    async search(tenantId, asked, order, bounds) {
      const { text, parameters } = isNamed(asked)
        ? await searchOfNamed(session, tenantId, asked, order, bounds)
        : searchOfListed(dialect, tenantId, asked, order, bounds);
      const rows = await session.rows<Pick<Row<'call'>, 'id'>>(text, parameters);
      return rows.map((row) => row.id);
    },
  };
}

/** Each statement ends with `lock`. */
function callsById(session: Session, lock: string): Pick<StoreReads['calls'], 'find' | 'findMany'> {
  const { dialect } = session;
  return {
    async find(tenantId, id) {
      const sql = `SELECT * FROM call WHERE id = ? AND tenant_id = ? ${lock}`;
      const row = await session.first<Row<'call'>>(sql, [id, tenantId]);
      return row && toCall(row);
    },
    /** By id; ids that are not there are left out. */
    async findMany(tenantId, ids) {
      const sql = `SELECT * FROM call WHERE tenant_id = ? AND ${dialect.within('id')} ORDER BY id ${lock}`;
      return (await session.rows<Row<'call'>>(sql, [tenantId, dialect.list(ids)])).map(toCall);
    },
  };
}

/** What the indexes of starts and of creations have. An archived call is no upload any more. */
const listed = "source = 'native' AND upload_until IS NULL";

type Sql = { text: string; parameters: Parameter[] };

function isNamed({ ids, candidateIds, taskIds }: CallSearch): boolean {
  return ids !== undefined || candidateIds !== undefined || taskIds !== undefined;
}

/** A search among the calls of these ids, or of these candidates or tasks. */
async function searchOfNamed(
  session: Session,
  tenantId: string,
  asked: CallSearch,
  order: CallOrder,
  bounds: SearchBounds,
): Promise<Sql> {
  const ids = asked.ids ?? (await idsOfOwners(session, tenantId, asked, { order, lookedAt: bounds.lookedAt }));
  const conditions = both(inLists(session.dialect, { ...asked, ids }), inTime(asked));
  return {
    text: `SELECT id FROM call WHERE tenant_id = ? AND ${archived}${conditions.text} ORDER BY ${inOrder(order)} LIMIT ?`,
    parameters: [tenantId, ...conditions.parameters, bounds.found],
  };
}

/** Calls of candidates, or of tasks, one of them after the other; each in the order in which its index has them. */
async function idsOfOwners(
  session: Session,
  tenantId: string,
  { candidateIds, taskIds = [] }: CallSearch,
  { order, lookedAt }: { order: CallOrder; lookedAt: number },
): Promise<string[]> {
  const column = candidateIds === undefined ? 'task_id' : 'candidate_id';
  const sql = `SELECT id FROM call WHERE ${column} = ? AND tenant_id = ? ORDER BY id ${directionOf(order)} LIMIT ?`;
  const found: string[] = [];
  for (const owner of new Set(candidateIds ?? taskIds)) {
    if (found.length >= lookedAt) break;
    const rows = await session.rows<Pick<Row<'call'>, 'id'>>(sql, [owner, tenantId, lookedAt - found.length]);
    for (const row of rows) found.push(row.id);
  }
  return found;
}

/** A search among the calls that an index has in the order asked for. */
function searchOfListed(
  dialect: SqlDialect,
  tenantId: string,
  asked: CallSearch,
  order: CallOrder,
  { lookedAt, found }: SearchBounds,
): Sql {
  const time = inTime(asked);
  const isInIndex = order.by === 'startedAt';
  const others = both(inLists(dialect, asked), isInIndex ? nothing : time);
  const within = isInIndex ? time : nothing;
  const from = `FROM call WHERE tenant_id = ? AND ${listed}${within.text}`;
  const looked = [tenantId, ...within.parameters];
  if (others.text === '') {
    const text = `SELECT id ${from} AND ${archived} ORDER BY ${inOrder(order)} LIMIT ?`;
    return { text, parameters: [...looked, Math.min(lookedAt, found)] };
  }
  const text = `SELECT id FROM (SELECT * ${from} ORDER BY ${inOrder(order)} LIMIT ?) AS looked
    WHERE ${archived}${others.text} ORDER BY ${inOrder(order)} LIMIT ?`;
  return { text, parameters: [...looked, lookedAt, ...others.parameters, found] };
}

function directionOf({ isDescending }: CallOrder): 'ASC' | 'DESC' {
  return isDescending ? 'DESC' : 'ASC';
}

function inOrder(order: CallOrder): string {
  const direction = directionOf(order);
  return `${order.by === 'startedAt' ? startOf : 'created_at'} ${direction}, id ${direction}`;
}

const nothing: Sql = { text: '', parameters: [] };

function both(one: Sql, other: Sql): Sql {
  return { text: one.text + other.text, parameters: [...one.parameters, ...other.parameters] };
}

/** Each as `AND ...`. */
function inLists(dialect: SqlDialect, asked: CallSearch): Sql {
  const { ids, candidateIds, taskIds, botIds, dialStatuses, directions } = asked;
  const lists: [column: string, values: readonly string[] | undefined][] = [
    ['id', ids],
    // Not as their indexes have them: those would lead to every call of a task.
    ["coalesce(candidate_id, '')", candidateIds],
    ["coalesce(task_id, '')", taskIds],
    ['bot_id', botIds],
    ['dial_status', dialStatuses],
    ['direction', directions],
  ];
  const given = lists.flatMap(([column, values]) => (values === undefined ? [] : [{ column, values }]));
  return {
    text: given.map(({ column }) => ` AND ${dialect.within(column)}`).join(''),
    parameters: given.map(({ values }) => dialect.list(values)),
  };
}

/** The same of the start. */
function inTime({ from, to }: CallSearch): Sql {
  return both(
    from === undefined ? nothing : { text: ` AND ${startOf} >= ?`, parameters: [from] },
    to === undefined ? nothing : { text: ` AND ${startOf} < ?`, parameters: [to] },
  );
}

export function callWrites(session: Session): StoreTx['calls'] {
  return {
    ...callReads(session),
    ...callsById(session, session.dialect.lock.alone),
    async lock(ids) {
      await lockRows(session, 'call', ids);
    },
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
        retain_until: change.retainUntil,
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
