import { isLive } from '../../model/call.ts';
import type { Erasure } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { runLeased } from '../erasure/erase-now.ts';
import { startErasure } from '../erasure/plan.ts';
import { isGuarded, needsApproval } from '../guard/needs-approval.ts';
import { lookForDrift } from './drift.ts';
import { expirePlan } from './expire-plans.ts';
import { asOfNow, findErasure } from './read-erasure.ts';

/**
 * Executes exactly the plan that somebody has seen, which its digest says. What has changed since is noted as drift; nothing
 * outside the plan is erased. Resolves once no surface returns what is being erased: the keys are destroyed next, in this
 * process, or by whoever takes over.
 *
 * Throws `erasure_not_found`, `plan_cancelled` for one that was called off or has expired, `erasure_state` for one that was
 * executed before or has not been written to its end, `digest_mismatch`, `call_live` for a vendor's of which a call is not
 * over, and `approval_required` where the guard has asked for
 * a second actor, or does so by its bounds of now: such a plan waits for the approval from then on.
 */
export async function executePlan(
  engine: Engine,
  caller: Caller,
  id: string,
  { digest }: { digest: string },
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'erasures:execute');
  const erasure = await endIfExpired(engine, await findErasure(engine.store.reads, caller, id));
  requireExecutable(engine, erasure, digest);
  await requireWhole(engine, erasure);
  await passGuard(engine, caller, erasure);
  const { drift, heldSeqs } = await lookForDrift(engine, caller.tenant, erasure);
  await engine.faults.at('plan:looked');
  const runner = { owner: engine.processId, leaseMs: engine.limits.jobLeaseMs };
  const started = await startErasure(engine, caller, erasure, runner, async (tx) => {
    // Taken: whoever has executed it or called it off at the same moment has committed, or waits for this.
    requireExecutable(engine, await findErasure(tx, caller, id), digest);
    if (erasure.waitsForHolds) await setAside(tx, id, heldSeqs);
    else await refuseLive(tx, erasure);
    await tx.erasures.noteDrift(id, drift);
    await keeper.keep(tx, { status: 202, subjectId: id });
    return true;
  });
  runLeased(engine, { erasure: { ...erasure, state: 'running' }, ...started, items: undefined });
}

/**
 * What is under hold stays readable: it would be gated until the shredding has come to it and found the hold. Where a hold has
 * gone since it was looked for, whoever runs the erasure plans its items again.
 */
async function setAside(tx: StoreTx, id: string, seqs: readonly number[]): Promise<void> {
  const perStep = 1000;
  for (let from = 0; from < seqs.length; from += perStep) {
    const some = seqs.slice(from, from + perStep);
    await tx.erasures.moveItems(id, some, 'planned', 'held', { outcome: 'held', failedCode: 'item_held' });
  }
}

/**
 * A vendor's plan waits for nothing: where one of its calls, or of its candidate's, is not over, nothing is erased, as its own
 * surface would have it.
 */
async function refuseLive(tx: StoreTx, { id, tenantId, hasCandidates }: Erasure): Promise<void> {
  const perLook = 2000;
  for (let fromSeq = 0; ; fromSeq += perLook) {
    const items = await tx.erasures.items(id, { fromSeq, limit: perLook });
    const ids = items.map(({ callId }) => callId);
    const candidates = hasCandidates ? items.flatMap(({ callId, isCandidate }) => (isCandidate ? [callId] : [])) : [];
    // Taken: whoever adds a call to one of them has committed, or finds the erasure begun.
    await tx.candidates.lock(candidates);
    for (const { id: callId } of await tx.calls.idsOfCandidates(tenantId, candidates)) ids.push(callId);
    if ((await tx.calls.peek(tenantId, ids)).some(isLive)) throw new AppError('call_live');
    if (items.length < perLook) return;
  }
}

/** A plan whose time is over is called off as soon as somebody sees it. */
async function endIfExpired(engine: Engine, erasure: Erasure): Promise<Erasure> {
  const now = asOfNow(engine, erasure);
  if (now.state === 'cancelled' && erasure.state === 'planned') await expirePlan(engine, erasure);
  return now;
}

function requireExecutable(engine: Engine, erasure: Erasure, digest: string): void {
  const { state, needsApproval: isGuarded, approval } = asOfNow(engine, erasure);
  if (state === 'cancelled') throw new AppError('plan_cancelled');
  if (state !== 'planned') throw new AppError('erasure_state', { message: 'The plan was executed before' });
  if (digest !== erasure.digest) throw new AppError('digest_mismatch');
  if (isGuarded && approval === null) throw new AppError('approval_required');
}

/** A large plan is written in several steps. One without counts is a vendor's that nobody waits for: its maker starts it. */
async function requireWhole({ store }: Engine, { id, counts }: Erasure): Promise<void> {
  const { items } = await store.reads.erasures.tally(id);
  if (items === counts?.items) return;
  throw new AppError('erasure_state', { message: 'The plan has not been written to its end' });
}

/** Bounds may have been tightened since the plan was made: then somebody has to approve it after all. */
async function passGuard(engine: Engine, caller: Caller, plan: Erasure): Promise<void> {
  if (plan.approval !== null || !(await isGuardedNow(engine, engine.store.reads, plan))) return;
  await engine.store.write(async (tx) => {
    if (!(await tx.erasures.requireApproval(plan.id))) return;
    await tx.audit.append(auditEntry(engine, caller, 'erasure.approval_required', plan.id));
  });
  throw new AppError('approval_required');
}

async function isGuardedNow(engine: Engine, on: StoreReads | StoreTx, plan: Erasure): Promise<boolean> {
  return await needsApproval(engine, on, plan.tenantId, await countGuarded(on, plan.id));
}

async function countGuarded(on: StoreReads | StoreTx, erasureId: string): Promise<number> {
  const pageSize = 2000;
  let count = 0;
  for (let fromSeq = 0; ; fromSeq += pageSize) {
    const items = await on.erasures.items(erasureId, { fromSeq, limit: pageSize });
    count += items.filter(isGuarded).length;
    if (items.length < pageSize) return count;
  }
}
