import { createHash } from 'node:crypto';
import { newId } from '../../lib/ids.ts';
import type { Erasure, ErasureAction } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Caller, Engine } from '../context.ts';

/** Items written in one transaction: keeps it short however large the plan is. */
const itemsPerStep = 2000;

export type NewErasure = {
  action: ErasureAction;
  keepRecording: boolean;
  waitsForHolds: boolean;
  /** Calls of the caller's tenant, each once. Frozen: nobody adds to a plan. */
  callIds: readonly string[];
};

/** Writes a plan: one row per call, in order of age, under a digest over action and ids. Nothing is erased by it. */
export async function planErasure(engine: Engine, caller: Caller, plan: NewErasure): Promise<Erasure> {
  const callIds = [...plan.callIds].sort();
  const now = engine.clock.now();
  const erasure: Erasure = {
    id: newId(now),
    tenantId: caller.tenant.id,
    action: plan.action,
    keepRecording: plan.keepRecording,
    waitsForHolds: plan.waitsForHolds,
    state: 'planned',
    digest: digestOf(plan, callIds),
    actorKind: caller.actor.kind,
    actorId: caller.actor.id,
    createdAt: now,
    unreadableAt: null,
    shreddedAt: null,
    sealedAt: null,
    goneAt: null,
  };
  for (let from = 0; from === 0 || from < callIds.length; from += itemsPerStep) {
    await engine.store.write(async (tx) => {
      if (from === 0) await tx.erasures.insert(erasure);
      await tx.erasures.addItems(erasure.id, from, callIds.slice(from, from + itemsPerStep));
    });
  }
  await engine.faults.at('erase:planned');
  return erasure;
}

/**
 * Starts an erasure. This one small commit is the gate: from it on no surface returns what the action erases, however
 * many calls the plan has. The job is leased to `runner`, so that whoever runs on need not claim it; if that process
 * dies, the lease ends and any worker goes on.
 *
 * Throws `plan_changed`, the plan cancelled, when `isStillSo` says in that commit that what it was made for has changed.
 */
export async function startErasure(
  engine: Engine,
  caller: Caller,
  erasure: Erasure,
  runner: { owner: string; leaseMs: number },
  isStillSo?: (tx: StoreTx) => Promise<boolean>,
): Promise<{ jobId: string; leaseUntil: number }> {
  const now = engine.clock.now();
  const jobId = newId(now);
  let leaseUntil = 0;
  const isStarted = await engine.store.write(async (tx) => {
    const isSo = isStillSo === undefined || (await isStillSo(tx));
    const times = isSo ? { unreadableAt: now } : {};
    const moved = await tx.erasures.move(erasure.id, 'planned', isSo ? 'running' : 'cancelled', times);
    if (!moved) throw new AppError('erasure_state');
    if (!isSo) return false;
    // Counted from here: the write may have waited for longer than a lease lasts.
    leaseUntil = engine.clock.now() + runner.leaseMs;
    const lease = { owner: runner.owner, until: leaseUntil };
    await tx.jobs.enqueue({ id: jobId, kind: 'erasure', payload: erasure.id, runAt: now, lease });
    const { items } = await tx.erasures.tally(erasure.id);
    await tx.audit.append(auditEntry(engine, caller, 'erasure.started', erasure.id, { action: erasure.action, items }));
    return true;
  });
  if (!isStarted) throw new AppError('plan_changed');
  await engine.faults.at('erase:gated');
  return { jobId, leaseUntil };
}

/** Names a frozen plan: what is done, and to which calls, in the order of their ids. */
export function digestOf(plan: Pick<NewErasure, 'action' | 'keepRecording'>, callIds: readonly string[]): string {
  const hash = createHash('sha256').update(`${plan.action} ${plan.keepRecording}\n`);
  for (const id of callIds) hash.update(`${id}\n`);
  return hash.digest('hex');
}
