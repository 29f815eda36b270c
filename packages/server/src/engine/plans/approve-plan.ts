import { AppError } from '../../model/errors.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { asOfNow, findErasure } from './read-erasure.ts';

/**
 * Approves a plan that the guard has stopped, a vendor's too, as somebody else than who asked for it. From then on either
 * may execute it. Approving twice changes nothing.
 *
 * Throws `erasure_not_found`, `plan_cancelled`, `digest_mismatch`, `approval_own`, and `erasure_state` for one that was
 * executed, or that nobody has to approve.
 */
export async function approvePlan(
  engine: Engine,
  caller: Caller,
  id: string,
  { digest }: { digest: string },
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'erasures:execute');
  const { actor } = caller;
  await engine.store.write(async (tx) => {
    const plan = await findErasure(tx, caller, id);
    const { state } = asOfNow(engine, plan);
    if (state === 'cancelled') throw new AppError('plan_cancelled');
    if (state !== 'planned') throw new AppError('erasure_state');
    if (digest !== plan.digest) throw new AppError('digest_mismatch');
    if (!plan.needsApproval) throw new AppError('erasure_state', { message: 'Nobody has to approve this plan' });
    if (plan.actorKind === actor.kind && plan.actorId === actor.id) throw new AppError('approval_own');
    await keeper.keep(tx, { status: 200, subjectId: id });
    if (plan.approval !== null) return;
    await tx.erasures.approve(id, { at: engine.clock.now(), actor });
    await tx.audit.append(auditEntry(engine, caller, 'erasure.approved', id));
  });
}
