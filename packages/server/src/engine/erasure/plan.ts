import { createHash } from 'node:crypto';
import { newId } from '../../lib/ids.ts';
import { type Erasure, type ErasureAction, type Item, unpreviewed } from '../../model/erasure.ts';
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
  /** Calls and candidates of the caller's tenant, each once. Frozen: nobody adds to a plan. */
  callIds: readonly string[];
  /** The candidate among them whose fate the others share: its item is the first. */
  candidateId?: string;
};

/**
 * Writes a plan: one row per item, in order of age, under a digest over action and ids in that order. Nothing is erased by it.
 * What a crash leaves of it expires, like any other plan that nobody starts. Throws `plan_changed` where somebody has called it
 * off while it was written.
 */
export async function planErasure(engine: Engine, caller: Caller, plan: NewErasure): Promise<Erasure> {
  const { erasure: drawn, callIds } = drawUp(engine, caller, plan);
  const erasure: Erasure = { ...drawn, expiresAt: drawn.createdAt + engine.limits.planLifeMs };
  for (let from = 0; from === 0 || from < callIds.length; from += itemsPerStep) {
    await engine.store.write(async (tx) => {
      if (from === 0) await tx.erasures.insert(erasure);
      else if ((await tx.erasures.find(erasure.id))?.state !== 'planned') throw new AppError('plan_changed');
      await tx.erasures.addItems(erasure.id, from, callIds.slice(from, from + itemsPerStep));
    });
  }
  await engine.faults.at('erase:planned');
  return erasure;
}

/** A plan that nobody has written yet, and its items' calls in their order. */
export type DrawnUp = { erasure: Erasure; callIds: readonly string[] };

/** What a plan would be, under its digest. Nothing is written. */
export function drawUp(engine: Engine, caller: Caller, plan: NewErasure): DrawnUp {
  const { candidateId } = plan;
  const sorted = [...plan.callIds].sort();
  // By age it is the first anyway, unless clocks of several machines disagreed.
  const callIds = candidateId === undefined ? sorted : [candidateId, ...sorted.filter((id) => id !== candidateId)];
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
    ...unpreviewed,
  };
  return { erasure, callIds };
}

/** Who runs an erasure from its start on, and for how long nobody else does. */
export type Runner = { owner: string; leaseMs: number };

/** Asked in the commit that starts an erasure: false when what it was planned for has changed since. */
export type StillSo = (tx: StoreTx) => Promise<boolean>;

/** An erasure that has been started; `items` are those that its runner need not read, undefined for many. */
export type StartedErasure = { erasure: Erasure; jobId: string; leaseUntil: number; items: Item[] | undefined };

/**
 * Plans an erasure and starts it, in one commit where it is small. Throws `plan_changed`, and nothing is left to be
 * started, when `isStillSo` says so.
 */
export async function planAndStart(
  engine: Engine,
  caller: Caller,
  plan: NewErasure,
  runner: Runner,
  isStillSo: StillSo = async () => true,
): Promise<StartedErasure> {
  if (plan.callIds.length > itemsPerStep) {
    const erasure = await planErasure(engine, caller, plan);
    return { erasure, ...(await startErasure(engine, caller, erasure, runner, isStillSo)), items: undefined };
  }
  const { erasure: planned, callIds } = drawUp(engine, caller, plan);
  await engine.faults.at('erase:planned');
  const erasure: Erasure = { ...planned, state: 'running', unreadableAt: planned.createdAt };
  const jobId = newId(erasure.createdAt);
  const leaseUntil = await engine.store.write(async (tx) => {
    if (!(await isStillSo(tx))) return undefined;
    await tx.erasures.insert(erasure);
    await tx.erasures.addItems(erasure.id, 0, callIds);
    return await begin(engine, caller, tx, { erasure, jobId, items: callIds.length, runner });
  });
  if (leaseUntil === undefined) throw new AppError('plan_changed');
  await engine.faults.at('erase:gated');
  return { erasure, jobId, leaseUntil, items: callIds.map((callId, seq) => plannedItem(erasure.id, seq, callId)) };
}

function plannedItem(erasureId: string, seq: number, callId: string): Item {
  return {
    erasureId,
    seq,
    callId,
    state: 'planned',
    outcome: null,
    failedCode: null,
    journalId: null,
    lockedSince: null,
    lockedUntil: null,
    plannedKinds: null,
    erasedKinds: null,
    isCandidate: false,
    wasHeld: false,
  };
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
  runner: Runner,
  isStillSo: StillSo = async () => true,
): Promise<{ jobId: string; leaseUntil: number }> {
  const now = engine.clock.now();
  const jobId = newId(now);
  let leaseUntil = 0;
  const isStarted = await engine.store.write(async (tx) => {
    const isSo = await isStillSo(tx);
    const moved = isSo
      ? await tx.erasures.move(erasure.id, 'planned', 'running', { unreadableAt: now })
      : await tx.erasures.cancel(erasure.id, 'plan_changed');
    if (!moved) throw new AppError('erasure_state');
    if (!isSo) return false;
    const { items } = await tx.erasures.tally(erasure.id);
    leaseUntil = await begin(engine, caller, tx, { erasure, jobId, items, runner });
    return true;
  });
  if (!isStarted) throw new AppError('plan_changed');
  await engine.faults.at('erase:gated');
  return { jobId, leaseUntil };
}

/** What the commit that starts an erasure does beside the erasure's own row. Returns until when its job is leased. */
async function begin(
  engine: Engine,
  caller: Caller,
  tx: StoreTx,
  { erasure, jobId, items, runner }: { erasure: Erasure; jobId: string; items: number; runner: Runner },
): Promise<number> {
  const now = engine.clock.now();
  // Counted from here: the write may have waited for longer than a lease lasts.
  const until = now + runner.leaseMs;
  const lease = { owner: runner.owner, until };
  await tx.jobs.enqueue({ id: jobId, kind: 'erasure', payload: erasure.id, runAt: now, lease });
  await tx.audit.append(auditEntry(engine, caller, 'erasure.started', erasure.id, { action: erasure.action, items }));
  return until;
}

/** Names a frozen plan: what is done, and to which calls, in the order of their ids. */
export function digestOf(plan: Pick<NewErasure, 'action' | 'keepRecording'>, callIds: readonly string[]): string {
  const hash = createHash('sha256').update(`${plan.action} ${plan.keepRecording}\n`);
  for (const id of callIds) hash.update(`${id}\n`);
  return hash.digest('hex');
}
