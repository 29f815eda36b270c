import type { CallArtifactKind } from '../../model/call.ts';
import { type Erasure, type PlanCounts, type PlannedItem, reachOf } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { LockKey } from '../../model/locks.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Caller, Engine } from '../context.ts';
import { drawUp, type NewErasure } from '../erasure/plan.ts';

/** Rows written or looked up at a time. */
const perStep = 2000;

type Reached = PlannedItem & { plannedKinds: CallArtifactKind[] };

/** How it is seen that there is such a plan already, and what keeps two from being made at the same moment. */
export type Before = {
  lock: LockKey;
  find(on: StoreReads | StoreTx): Promise<Erasure | undefined>;
  /** Asked where there is none: false when it is no longer wanted. */
  isMissing?(tx: StoreTx): Promise<boolean>;
};

/**
 * Makes a plan that waits for a second actor's approval, unless there is one already, and says which it is and whether it is
 * new. Nothing is erased by it. Written in one transaction, however large it is: whoever sees it sees the whole of it. Throws
 * `plan_changed` where `isMissing` says so.
 */
export async function planForApproval(
  engine: Engine,
  caller: Caller,
  plan: NewErasure,
  before: Before,
): Promise<{ erasure: Erasure; isNew: boolean }> {
  const known = await before.find(engine.store.reads);
  if (known !== undefined) return { erasure: known, isNew: false };
  const { erasure: drawn, callIds } = drawUp(engine, caller, plan);
  const { items, counts } = await itemsOf(engine, plan, callIds);
  const erasure: Erasure = {
    ...drawn,
    expiresAt: drawn.createdAt + engine.limits.planLifeMs,
    hasCandidates: plan.candidateId !== undefined,
    counts,
    needsApproval: true,
  };
  return await engine.store.write(async (tx) => {
    await tx.locks.take([before.lock], 'alone');
    const first = await before.find(tx);
    if (first !== undefined) return { erasure: first, isNew: false };
    if ((await before.isMissing?.(tx)) === false) throw new AppError('plan_changed');
    await tx.erasures.insert(erasure);
    for (let from = 0; from < items.length; from += perStep) {
      await tx.erasures.addPlannedItems(erasure.id, from, items.slice(from, from + perStep));
    }
    const told = { action: erasure.action, items: counts.items, needsApproval: true };
    await tx.audit.append(auditEntry(engine, caller, 'erasure.planned', erasure.id, told));
    return { erasure, isNew: true };
  });
}

/** True while a plan may still be executed. */
export function isPending({ state, expiresAt }: Erasure, now: number): boolean {
  return state === 'planned' && (expiresAt === null || expiresAt > now);
}

/** What the plan reaches, for whoever is to approve it. None of it is held: what is was left out. */
async function itemsOf(
  engine: Engine,
  { action, keepRecording, candidateId }: NewErasure,
  callIds: readonly string[],
): Promise<{ items: Reached[]; counts: PlanCounts }> {
  const { artifacts: kinds } = reachOf(action, { keepRecording });
  const counts: PlanCounts = { items: callIds.length, artifacts: 0, bytes: 0, held: 0 };
  const items = new Map<string, Reached>();
  for (const id of callIds) items.set(id, { id, isCandidate: id === candidateId, plannedKinds: [], wasHeld: false });
  for (let from = 0; from < callIds.length; from += perStep) {
    const some = callIds.slice(from, from + perStep);
    for (const { ownerId, kind, bytes } of await engine.store.reads.artifacts.sizesOf(some, kinds)) {
      counts.artifacts += 1;
      counts.bytes += bytes;
      const reached = kinds.find((one) => one === kind);
      if (reached !== undefined) items.get(ownerId)?.plannedKinds.push(reached);
    }
  }
  return { items: [...items.values()], counts };
}
