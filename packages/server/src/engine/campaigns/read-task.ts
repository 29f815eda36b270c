import { isId } from '../../lib/ids.ts';
import type { Task } from '../../model/campaign.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { openIntact, openMany } from './open-many.ts';
import type { TaskContent } from './sealed-campaign.ts';

/** A task, opened. */
export type ReadTask = TaskContent & {
  task: Task;
  /** Calls archived of it. */
  callCount: number;
  /** People put on it, whatever became of them. */
  candidateCount: number;
};

/**
 * Opens a task of the caller's tenant. Throws `task_not_found` for an id that is unknown, another tenant's or malformed, and
 * for a task that is still being added, all alike; `damage` where its settings do not open.
 */
export async function readTask(engine: Engine, caller: Caller, taskId: string): Promise<ReadTask> {
  requireScope(caller, 'calls:read', 'calls:write');
  const task = await findTask(engine.store.reads, caller.tenant.id, taskId);
  const [read] = await openTasks(engine, caller, [task]);
  if (read === undefined) throw new AppError('damage', { detail: `the settings of task ${task.id} do not open` });
  return read;
}

/** The row of a task that may be shown; `task_not_found` as in `readTask`. */
export async function findTask(on: StoreReads | StoreTx, tenantId: string, taskId: string): Promise<Task> {
  // No other text gets as far as the database.
  const task = isId(taskId) ? await on.tasks.find(tenantId, taskId) : undefined;
  if (task === undefined || task.status === 'ADDING') throw new AppError('task_not_found');
  return task;
}

/**
 * Opens tasks whose rows have been read, in the same order. One whose settings do not open, or are not there, keeps no other
 * from being shown: it is left out, and the operator is told.
 */
export async function openTasks(engine: Engine, caller: Caller, tasks: readonly Task[]): Promise<ReadTask[]> {
  const { reads } = engine.store;
  const ids = tasks.map((task) => task.id);
  const contents = await intactContents(engine, ids);
  const calls = await reads.calls.countsOfTasks(caller.tenant.id, ids);
  const candidates = await reads.candidates.countsOfTasks(caller.tenant.id, ids);
  return tasks.flatMap((task) => {
    const content = contents.get(task.id);
    if (content === undefined) return [];
    const counts = { callCount: calls.get(task.id) ?? 0, candidateCount: candidates.get(task.id) ?? 0 };
    return [{ task, ...content, ...counts }];
  });
}

/** Names and settings of tasks, by id. Throws `damage` for what does not open. */
export async function taskContents(engine: Engine, taskIds: readonly string[]): Promise<Map<string, TaskContent>> {
  return await openMany(engine, await engine.store.reads.artifacts.findMany(taskIds, 'task'));
}

/** The same for a list: those that do not open, or are not there, are left out, and the operator is told. */
export async function intactContents(engine: Engine, taskIds: readonly string[]): Promise<Map<string, TaskContent>> {
  const { reads } = engine.store;
  const artifacts = await reads.artifacts.findMany(taskIds, 'task');
  const { opened, damaged } = await openIntact<TaskContent>(engine, artifacts);
  for (const ownerId of taskIds) {
    // Nothing ever takes away the settings of a task that is shown.
    if (!opened.has(ownerId) && !damaged.has(ownerId)) engine.log.error('artifact.missing', { ownerId, kind: 'task' });
  }
  return opened;
}
