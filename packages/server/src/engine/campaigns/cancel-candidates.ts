import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { coresOf, underLivingEpochs } from '../identifiers.ts';
import { findTask } from './read-task.ts';
import { queriesOfAll } from './repeats.ts';

/**
 * Cancels what is still pending on a task and carries the number, however it was written. Returns how many. Throws
 * `task_not_found`; that nobody carries the number is no failure.
 */
export async function cancelCandidates(
  engine: Engine,
  caller: Caller,
  asked: { taskId: string; phone: string },
): Promise<number> {
  requireScope(caller, 'calls:write');
  const { tenant } = caller;
  const cores = (await coresOf(engine, tenant, [{ kind: 'phone', value: asked.phone }])).map(({ core }) => core);
  return await engine.store.write(async (tx) => {
    const task = await findTask(tx, tenant.id, asked.taskId);
    const carriers = await underLivingEpochs(tx, tenant.id, async (epochs) => {
      const tokens = await queriesOfAll(engine, epochs, cores);
      return await tx.candidates.carriers(tenant.id, task.id, 'phone', tokens);
    });
    const ids = [...new Set(carriers.map((one) => one.candidateId))];
    const cancelled = await tx.candidates.cancel(ids, engine.clock.now());
    if (cancelled > 0) {
      await tx.audit.append(auditEntry(engine, caller, 'candidates.cancelled', task.id, { cancelled }));
    }
    return cancelled;
  });
}
