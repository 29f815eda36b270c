import type { StoreReads, StoreTx } from '../model/store.ts';
import { toTask } from './campaign-rows.ts';
import { changeOne, insertOne } from './changes.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function taskReads(session: Session): StoreReads['tasks'] {
  return {
    ...foundTasks(session, ''),
    async ofTenant(tenantId, { statuses, afterId, limit }) {
      if (statuses?.length === 0) return [];
      const tasks = session.builder
        .selectFrom('task')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('id', '>', afterId)
        .orderBy('id')
        .limit(limit);
      return (await (statuses ? tasks.where('status', 'in', statuses) : tasks).execute()).map(toTask);
    },
    async unfinished(before, limit, after = { updatedAt: Number.MIN_SAFE_INTEGER, id: '' }) {
      // A constant, not a parameter: only so the database knows that its index of unfinished tasks will do.
      const sql = `SELECT * FROM task WHERE status = 'ADDING' AND updated_at < ? AND (updated_at, id) > (?, ?)
        ORDER BY updated_at, id LIMIT ?`;
      return (await session.rows<Row<'task'>>(sql, [before, after.updatedAt, after.id, limit])).map(toTask);
    },
    async page(afterId, limit) {
      const sql = 'SELECT * FROM task WHERE id > ? ORDER BY id LIMIT ?';
      return (await session.rows<Row<'task'>>(sql, [afterId, limit])).map(toTask);
    },
  };
}

/** Each statement ends with `lock`. */
function foundTasks(session: Session, lock: string): Pick<StoreReads['tasks'], 'find' | 'findMany' | 'findOfDay'> {
  const { dialect } = session;
  return {
    async find(tenantId, id) {
      const sql = `SELECT * FROM task WHERE id = ? AND tenant_id = ? ${lock}`;
      const row = await session.first<Row<'task'>>(sql, [id, tenantId]);
      return row && toTask(row);
    },
    /** By id; ids that are not there are left out. */
    async findMany(tenantId, ids) {
      const sql = `SELECT * FROM task WHERE tenant_id = ? AND ${dialect.within('id')} ORDER BY id ${lock}`;
      return (await session.rows<Row<'task'>>(sql, [tenantId, dialect.list(ids)])).map(toTask);
    },
    async findOfDay(tenantId, { botId, templateId, day }) {
      const sql = `SELECT * FROM task WHERE tenant_id = ? AND bot_id = ? AND coalesce(template_id, '') = ?
        AND day = ? AND day IS NOT NULL ${lock}`;
      const row = await session.first<Row<'task'>>(sql, [tenantId, botId, templateId ?? '', day]);
      return row && toTask(row);
    },
  };
}

export function taskWrites(session: Session): StoreTx['tasks'] {
  return {
    ...taskReads(session),
    ...foundTasks(session, session.dialect.lock.alone),
    async insert(task) {
      await insertOne(session, 'task', {
        id: task.id,
        tenant_id: task.tenantId,
        status: task.status,
        bot_id: task.botId,
        template_id: task.templateId,
        day: task.day,
        created_at: task.createdAt,
        updated_at: task.updatedAt,
      });
    },
    /** Throws Bug where there is no such task. */
    async update(id, change) {
      const columns = { status: change.status, updated_at: change.updatedAt };
      await changeOne(session, { table: 'task', by: 'id', key: id }, columns);
    },
    async delete(ids) {
      const { dialect } = session;
      await session.change(`DELETE FROM task WHERE ${dialect.within('id')}`, [dialect.list(ids)]);
    },
  };
}
