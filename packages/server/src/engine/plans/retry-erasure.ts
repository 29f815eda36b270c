import { newId } from '../../lib/ids.ts';
import { AppError } from '../../model/errors.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { findErasure } from './read-erasure.ts';

/**
 * Tries at once what has failed or waits, instead of when its pause is over. A vendor's erasure that ended with items under
 * hold goes on like a native one: from then on it waits for their release.
 *
 * Throws `erasure_not_found`, and `erasure_state` where nothing has failed or waits.
 */
export async function retryErasure(
  engine: Engine,
  caller: Caller,
  id: string,
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'erasures:execute');
  await engine.store.write(async (tx) => {
    const { state, actorKind } = await findErasure(tx, caller, id);
    if (state === 'completed_with_failures' && actorKind === 'policy') {
      throw new AppError('erasure_state', {
        message: 'A retention tries again by itself, if its calls are still to go',
      });
    }
    const { failed, held } = await tx.erasures.tally(id);
    const isOpen = state === 'running' || state === 'completed_with_failures';
    if (!isOpen || failed + held === 0) {
      throw new AppError('erasure_state', { message: 'Nothing of this erasure has failed or waits' });
    }
    const now = engine.clock.now();
    if (state === 'running') await tx.jobs.hasten('erasure', [id], now);
    else {
      await tx.erasures.reopen(id);
      await tx.jobs.enqueue({ id: newId(now), kind: 'erasure', payload: id, runAt: now });
    }
    await tx.audit.append(auditEntry(engine, caller, 'erasure.retried', id, { failed, held }));
    await keeper.keep(tx, { status: 202, subjectId: id });
  });
  engine.nudge();
}
