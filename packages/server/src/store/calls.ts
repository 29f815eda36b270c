import type { StoreReads, StoreTx } from '../model/store.ts';
import { changeOne, insertOne } from './changes.ts';
import { fromCall, toCall, toFlag } from './rows.ts';
import type { Session } from './session.ts';
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
  };
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
