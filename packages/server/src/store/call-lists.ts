/**
 * Calls by when they began, whatever platform they came from: one index has them all in this order, and what else is asked
 * of them stands in it too, so that a call that is not wanted is passed over without a look at its row.
 */
import type { CallList } from '../model/call-search.ts';
import type { StoreReads } from '../model/store.ts';
import { toCall } from './rows.ts';
import type { Session, Value } from './session.ts';
import type { Row } from './tables.ts';

/** As in the index. */
export const startOf = 'coalesce(started_at, created_at)';
/** Of calls that clients know of: word for word the condition of the index, which is used only where it says so. */
const archived = "status IN ('complete', 'excluded')";
/** The same in other words, for what another index leads to: this one would offer the order, and every call of the tenant. */
export const archivedElsewhere = "status NOT IN ('awaited', 'uploading')";

/**
 * Where the index leads to: `entry` is all that its entries say, `call` the row of one that is wanted. SQLite would else look
 * at the row of every entry that it passes; the order of the loops is as written.
 */
const entries = `FROM call AS entry CROSS JOIN call WHERE entry.tenant_id = ?
  AND entry.status IN ('complete', 'excluded') AND call.id = entry.id`;
const entryStart = 'coalesce(entry.started_at, entry.created_at)';

export function callListReads(session: Session): Pick<StoreReads['calls'], 'countUpTo' | 'list' | 'outlived'> {
  const found = async (sql: string, parameters: readonly Value[]) =>
    (await session.rows<Row<'call'>>(sql, parameters)).map(toCall);
  return {
    async countUpTo(tenantId, most) {
      const sql = `SELECT count(*) AS calls FROM
        (SELECT id FROM call WHERE tenant_id = ? AND ${archived} LIMIT ?) AS looked`;
      return (await session.first<{ calls: number }>(sql, [tenantId, most]))?.calls ?? 0;
    },
    async list(tenantId, asked) {
      const { limit, taskId, candidateId } = asked;
      if (taskId === undefined && candidateId === undefined) {
        const { text, parameters } = given(conditionsOf(asked, 'entry', entryStart));
        const sql = `SELECT call.* ${entries}${text} ORDER BY ${entryStart} DESC, entry.id DESC LIMIT ?`;
        return await found(sql, [tenantId, ...parameters, limit]);
      }
      // A task's calls, or a candidate's, are found by an index of theirs and put in order then.
      const { text, parameters } = given([
        ...conditionsOf(asked, 'call', startOf),
        ['task_id = ?', taskId],
        ['candidate_id = ?', candidateId],
      ]);
      const sql = `SELECT * FROM call WHERE tenant_id = ? AND ${archivedElsewhere}${text}
        ORDER BY ${startOf} DESC, id DESC LIMIT ?`;
      return await found(sql, [tenantId, ...parameters, limit]);
    },
    async outlived({ tenantId, kind, before, createdAfter, now, limit, after }) {
      const { text, parameters } = given([
        ['call.created_at > ?', createdAfter],
        [`${entryStart} >= ?`, after?.at],
        [`(${entryStart}, entry.id) > (?, ?)`, after && [after.at, after.id]],
      ]);
      const sql = `SELECT call.* ${entries} AND entry.kind = ? AND ${entryStart} < ?
        AND (call.retain_until IS NULL OR call.retain_until <= ?)${text} ORDER BY ${entryStart}, entry.id LIMIT ?`;
      return await found(sql, [tenantId, kind, before, now, ...parameters, limit]);
    },
  };
}

/** What the index can tell of a call, by `table`, in which `start` is when it began. */
function conditionsOf(
  { before, from, to, kind, source, direction }: CallList,
  table: string,
  start: string,
): Condition[] {
  return [
    // Twice: in an expression's index SQLite finds the place of one value, and of two it does not.
    [`${start} <= ?`, before?.at],
    [`(${start}, ${table}.id) < (?, ?)`, before && [before.at, before.id]],
    [`${start} >= ?`, from],
    [`${start} < ?`, to],
    [`${table}.kind = ?`, kind],
    [`${table}.source = ?`, source],
    [`${table}.direction = ?`, direction],
  ];
}

type Condition = [text: string, values: Value | readonly Value[] | undefined];

/** Those that have values, each as `AND ...`. */
function given(conditions: readonly Condition[]): { text: string; parameters: Value[] } {
  const asked = conditions.flatMap(([text, values]) => (values === undefined ? [] : [{ text, values }]));
  return {
    text: asked.map(({ text }) => ` AND ${text}`).join(''),
    parameters: asked.flatMap(({ values }) => values),
  };
}
