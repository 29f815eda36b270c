import type { Actor, Erasure } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { callOff } from './expire-plans.ts';
import { asOfNow, findErasure } from './read-erasure.ts';

/**
 * Calls a plan off, a vendor's that waits for approval too: it can be executed no more, and how its subject was named is
 * erased. Another actor's plan takes `erasures:execute`.
 *
 * Throws `erasure_not_found`, `scope_missing`, and `erasure_state` for what is no plan, or none any more.
 */
export async function cancelPlan(
  engine: Engine,
  caller: Caller,
  id: string,
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'erasures:execute', 'erasures:preview');
  const hadSubject = await engine.store.write(async (tx) => {
    const plan = await findErasure(tx, caller, id);
    // Whoever may only look may take back what was their own: another's plan may be one that somebody waits for.
    if (!isOf(plan, caller.actor)) requireScope(caller, 'erasures:execute');
    if (asOfNow(engine, plan).state !== 'planned') throw new AppError('erasure_state');
    await tx.audit.append(auditEntry(engine, caller, 'erasure.cancelled', id));
    await keeper.keep(tx, { status: 200, subjectId: id });
    return await callOff(engine, tx, plan, 'cancelled');
  });
  await engine.faults.at('plan:cancelled');
  if (hadSubject) engine.sealer.request();
}

function isOf({ actorKind, actorId }: Erasure, actor: Actor): boolean {
  return actorKind === actor.kind && actorId === actor.id;
}
