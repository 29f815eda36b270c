import { nextTurn } from '../../lib/next-turn.ts';
import { type Task, type TaskStatus, taskStatuses } from '../../model/campaign.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { intactContents, openTasks, type ReadTask } from './read-task.ts';

/** By what tasks may be sorted. */
export const taskOrders = ['status', 'createdAt', 'updatedAt', 'name'] as const;
export type TaskOrder = { by: (typeof taskOrders)[number]; isDescending: boolean };

/** What tasks are asked for. Every condition that is given must hold. */
export type TaskSearch = {
  statuses: readonly TaskStatus[] | undefined;
  /** Part of the name, in any case. */
  keyword: string | undefined;
  /** By when the task was made, in ms since the Unix epoch: `from` included, `to` not. */
  from: number | undefined;
  to: number | undefined;
  /** The newest first where nothing more is said. */
  orders: readonly TaskOrder[];
  offset: number;
  limit: number;
};

/** Rows read, and settings opened, in one go. */
const batch = 500;

/**
 * Tasks of the caller's tenant, those asked for, and how many there are of them in all.
 *
 * Names are sealed, so that a search or an order by name opens every task that the other conditions leave. A damaged task
 * is not among them: the operator is told, and it is counted only where it was not opened.
 */
export async function listTasks(
  engine: Engine,
  caller: Caller,
  asked: TaskSearch,
): Promise<{ count: number; tasks: ReadTask[] }> {
  requireScope(caller, 'calls:read', 'calls:write');
  const rows = await rowsOf(engine, caller.tenant.id, asked);
  const needsNames = asked.keyword !== undefined || asked.orders.some((order) => order.by === 'name');
  const names = needsNames ? await namesOf(engine, rows) : new Map<string, string>();
  const keyword = asked.keyword?.toLowerCase();
  const found = rows.filter(({ id }) => keyword === undefined || names.get(id)?.toLowerCase().includes(keyword));
  const sorted = found.sort(comparing(asked.orders, names));
  const part = sorted.slice(asked.offset, asked.offset + asked.limit);
  const tasks = await openTasks(engine, caller, part);
  return { count: found.length - (part.length - tasks.length), tasks };
}

async function rowsOf(engine: Engine, tenantId: string, asked: TaskSearch): Promise<Task[]> {
  const { statuses = taskStatuses, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = asked;
  const rows: Task[] = [];
  for (let afterId = ''; ; ) {
    const page = await engine.store.reads.tasks.ofTenant(tenantId, { statuses, afterId, limit: batch });
    for (const task of page) if (task.createdAt >= from && task.createdAt < to) rows.push(task);
    const last = page.at(-1);
    if (last === undefined || page.length < batch) return rows;
    afterId = last.id;
    await nextTurn();
  }
}

async function namesOf(engine: Engine, tasks: readonly Task[]): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (let from = 0; from < tasks.length; from += batch) {
    const ids = tasks.slice(from, from + batch).map((task) => task.id);
    for (const [id, { name }] of await intactContents(engine, ids)) names.set(id, name);
    await nextTurn();
  }
  return names;
}

const byText = new Intl.Collator('en');

/** As asked; what is equal in that comes newest first. */
function comparing(orders: readonly TaskOrder[], names: ReadonlyMap<string, string>) {
  const compare: Record<TaskOrder['by'], (a: Task, b: Task) => number> = {
    status: (a, b) => byText.compare(a.status, b.status),
    createdAt: (a, b) => a.createdAt - b.createdAt,
    updatedAt: (a, b) => a.updatedAt - b.updatedAt,
    name: (a, b) => byText.compare(names.get(a.id) ?? '', names.get(b.id) ?? ''),
  };
  return (a: Task, b: Task): number => {
    for (const { by, isDescending } of orders) {
      const order = compare[by](a, b);
      if (order !== 0) return isDescending ? -order : order;
    }
    return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
  };
}
