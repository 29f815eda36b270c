import { isId } from '../../lib/ids.ts';
import type { Erasure, PlanCounts } from '../../model/erasure.ts';
import type { ErasureTally } from '../../model/erasure-store.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { heldItems } from './held-items.ts';
import { openSubject, type PlannedIdentifier } from './sealed-subject.ts';

/** Holds of a larger plan are those of when it was made: looking them up anew would take too long for a look. */
const freshHoldsMax = 10_000;

/** Everything that is told of an erasure. */
export type ErasureView = {
  erasure: Erasure;
  counts: PlanCounts;
  progress: Omit<ErasureTally, 'items'>;
  blockers: readonly 'approval_required'[];
  /** Undefined once they are erased, and for vendors' erasures. */
  identifiers: readonly PlannedIdentifier[] | undefined;
  /** Until when older backups open what was erased; null until it is sealed. In ms. */
  backupsUntil: number | null;
};

/** An erasure of the caller's tenant. Throws `erasure_not_found` for one that is unknown or another tenant's. */
export async function findErasure(on: StoreReads | StoreTx, { tenant }: Caller, id: string): Promise<Erasure> {
  const erasure = isId(id) ? await on.erasures.find(id) : undefined;
  if (erasure === undefined || erasure.tenantId !== tenant.id) throw new AppError('erasure_not_found');
  return erasure;
}

/** One erasure, a vendor's too, with all that is told of it. */
export async function readErasure(engine: Engine, caller: Caller, id: string): Promise<ErasureView> {
  requireScope(caller, 'erasures:preview', 'erasures:execute');
  const erasure = asOfNow(engine, await findErasure(engine.store.reads, caller, id));
  const view = await viewOf(engine, erasure);
  const held = await heldNow(engine, erasure);
  const counts = held === undefined ? view.counts : { ...view.counts, held };
  return { ...view, counts, identifiers: await identifiersOf(engine, erasure) };
}

/** A plan whose time is over is one that was called off, whether or not somebody has noted that yet. */
export function asOfNow(engine: Pick<Engine, 'clock'>, erasure: Erasure): Erasure {
  const { state, expiresAt } = erasure;
  if (state !== 'planned' || expiresAt === null || expiresAt > engine.clock.now()) return erasure;
  return { ...erasure, state: 'cancelled', cancelReason: 'expired' };
}

/** For lists: without its identifiers, the holds of a plan being those of when it was made. */
export async function viewOf(engine: Engine, erasure: Erasure): Promise<ErasureView> {
  const { items, ...progress } = await tallyOf(engine, erasure);
  const isBlocked = erasure.state === 'planned' && erasure.needsApproval && erasure.approval === null;
  return {
    erasure,
    counts: countsOf(erasure, { items, ...progress }),
    progress,
    blockers: isBlocked ? ['approval_required'] : [],
    identifiers: undefined,
    backupsUntil: erasure.sealedAt === null ? null : erasure.sealedAt + engine.limits.horizonMs,
  };
}

/** Counted only where the erasure's own row does not say it: a list must not read the items of everything in it. */
async function tallyOf(engine: Engine, { id, state, counts }: Erasure): Promise<ErasureTally> {
  if (counts === null || (state !== 'planned' && state !== 'completed'))
    return await engine.store.reads.erasures.tally(id);
  const none = { planned: 0, held: 0, shredded: 0, removed: 0, verified: 0, failed: 0 };
  const { items } = counts;
  return { ...none, items, ...(state === 'planned' ? { planned: items } : { verified: items }) };
}

async function identifiersOf(engine: Engine, erasure: Erasure) {
  return erasure.state === 'cancelled' ? undefined : await openSubject(engine, erasure);
}

/** Of a vendor's erasure only its items are counted. Once a plan is executed its held items are those that are held. */
function countsOf({ state, counts }: Erasure, tally: ErasureTally): PlanCounts {
  const planned = counts ?? { items: tally.items, artifacts: 0, bytes: 0, held: 0 };
  return state === 'planned' || state === 'cancelled' ? planned : { ...planned, held: tally.held };
}

/** How many items of a plan that waits are under hold now; undefined where they are not looked up. */
async function heldNow(engine: Engine, { id, tenantId, state, counts }: Erasure): Promise<number | undefined> {
  if (state !== 'planned' || counts === null) return undefined;
  if ((await engine.store.reads.holds.active(tenantId)).length === 0) return 0;
  if (counts.items > freshHoldsMax) return undefined;
  const items = await engine.store.reads.erasures.items(id, { fromSeq: 0, limit: freshHoldsMax });
  const candidateIds = new Set(items.flatMap(({ callId, isCandidate }) => (isCandidate ? [callId] : [])));
  return (await heldItems(engine, tenantId, { ids: items.map(({ callId }) => callId), candidateIds })).size;
}
