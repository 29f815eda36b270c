import type { TaskStatus } from '../../model/campaign.ts';
import { AppError } from '../../model/errors.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { findTask } from './read-task.ts';

/**
 * Starts, pauses or halts a task. A repeat changes nothing and leaves no second audit row. What was halted stays so:
 * anything else is `input_invalid` then. Throws `task_not_found` as `readTask` does.
 */
export async function changeTask(
  engine: Engine,
  caller: Caller,
  taskId: string,
  status: Extract<TaskStatus, 'PROCESS' | 'PAUSED' | 'HALTED'>,
): Promise<void> {
  requireScope(caller, 'calls:write');
  await engine.store.write(async (tx) => {
    const task = await findTask(tx, caller.tenant.id, taskId);
    if (task.status === status) return;
    refuseHalted(task);
    await tx.tasks.update(task.id, { status, updatedAt: engine.clock.now() });
    await tx.audit.append(auditEntry(engine, caller, 'task.changed', task.id, { status }));
  });
}

/** Throws `input_invalid` for a task that was halted: nothing begins on it again. */
export function refuseHalted({ status }: { status: TaskStatus }): void {
  if (status === 'HALTED') throw new AppError('input_invalid', { message: 'The task was halted' });
}
