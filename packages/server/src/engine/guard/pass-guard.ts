import type { Erasure } from '../../model/erasure.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Caller, Engine } from '../context.ts';
import {
  drawUp,
  type NewErasure,
  planAndStart,
  type Runner,
  type StartedErasure,
  type StillSo,
  startErasure,
} from '../erasure/plan.ts';
import { needsApproval } from './needs-approval.ts';
import { isPending, planForApproval } from './plan-for-approval.ts';

/**
 * Plans and starts an erasure that a vendor's client asks for, as `planAndStart` does, unless it reaches so much that a
 * second actor has to approve it. Then nothing is erased: a plan of it is left to be approved, whose id
 * `approval_required` names. Whoever asks for the same again, of the same calls, meets that plan, and starts it once
 * somebody has approved it.
 *
 * Throws `plan_changed`, too, where somebody else has just started the plan: the next look shows what is left.
 */
export async function startGuarded(
  engine: Engine,
  caller: Caller,
  plan: NewErasure,
  runner: Runner,
  isStillSo: StillSo = async () => true,
): Promise<StartedErasure> {
  const { tenant } = caller;
  const calls = plan.callIds.length - (plan.candidateId === undefined ? 0 : 1);
  if (!(await needsApproval(engine, engine.store.reads, tenant.id, calls))) {
    return await planAndStart(engine, caller, plan, runner, isStillSo);
  }
  const erasure = await approvedPlan(engine, caller, plan, { calls, isStillSo });
  try {
    const started = await startErasure(engine, caller, erasure, runner, async (tx) => {
      // An approval outlives a look that came at the wrong moment.
      if (await isStillSo(tx)) return true;
      throw new AppError('plan_changed');
    });
    return { erasure, ...started, items: undefined };
  } catch (error) {
    throw hasCode(error, 'erasure_state') ? new AppError('plan_changed') : error;
  }
}

/** The plan of the same, approved. Throws `approval_required` where nobody has approved it yet. */
async function approvedPlan(
  engine: Engine,
  caller: Caller,
  plan: NewErasure,
  { calls, isStillSo }: { calls: number; isStillSo: StillSo },
): Promise<Erasure> {
  const tenantId = caller.tenant.id;
  const { digest } = drawUp(engine, caller, plan).erasure;
  const find = async (on: StoreReads | StoreTx) => {
    const planned = await on.erasures.plannedAs(tenantId, digest, { waitsForHolds: false, needsApproval: true });
    return planned !== undefined && isPending(planned, engine.clock.now()) ? planned : undefined;
  };
  const lock = { tenantId, what: 'guarded-plan', digest } as const;
  const isMissing = async (tx: StoreTx) => (await isUnbegun(tx, tenantId, plan, digest)) && (await isStillSo(tx));
  const { erasure } = await planForApproval(engine, caller, plan, { lock, find, isMissing });
  if (erasure.approval !== null) return erasure;
  const reached = calls.toLocaleString('en-US');
  throw new AppError('approval_required', {
    message: `This reaches ${reached} calls: erasure ${erasure.id} has to be approved by a second actor first`,
  });
}

/**
 * False where somebody has started the same since it was looked at, or has even brought it to its end: whoever asked for it
 * at the same moment must not be told to have it approved once more.
 */
async function isUnbegun(tx: StoreTx, tenantId: string, plan: NewErasure, digest: string): Promise<boolean> {
  const { action, callIds, candidateId } = plan;
  const begun = new Set((await tx.erasures.gatesOf(callIds)).map((gate) => gate.erasureId));
  for (const id of begun) if ((await tx.erasures.find(id))?.digest === digest) return false;
  if (action !== 'purge') return true;
  // A purge that has come to its end leaves no row of a call.
  const calls = callIds.filter((id) => id !== candidateId);
  return (await tx.calls.findMany(tenantId, calls)).length === calls.length;
}
