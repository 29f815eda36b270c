import type { Item } from '../../model/erasure.ts';
import type { StoreReads } from '../../model/store.ts';
import type { GuardBounds } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';

/** A part of all says little of a tenant that has fewer archived calls than this. */
const liveCallsMin = 1000;

/** The bounds that a tenant's erasures are measured by: its own, and where it has none those of the configuration. */
export async function effectiveGuard(
  engine: Pick<Engine, 'limits'>,
  reads: Pick<StoreReads, 'tenants'>,
  tenantId: string,
): Promise<GuardBounds<never>> {
  const own = await reads.tenants.guard(tenantId);
  const { guard } = engine.limits;
  return { calls: own.calls ?? guard.calls, percent: own.percent ?? guard.percent };
}

/**
 * True where an erasure of so many calls needs a second actor's approval: it reaches more than a number of calls, or, where
 * the tenant has at least 1,000 archived ones, more than a part of them in percent. `calls` counts calls alone, no candidates.
 *
 * Archived calls are counted only where their number matters, and no further than it does: this is asked for every erasure.
 */
export async function needsApproval(
  engine: Pick<Engine, 'limits'>,
  reads: Pick<StoreReads, 'tenants' | 'calls'>,
  tenantId: string,
  calls: number,
): Promise<boolean> {
  // No bound that anybody can set is below one call, and a part of 1,000 calls is at least ten.
  if (calls <= 1) return false;
  const bounds = await effectiveGuard(engine, reads, tenantId);
  if (bounds.calls > 0 && calls > bounds.calls) return true;
  if (bounds.percent === 0 || calls * 100 <= bounds.percent * liveCallsMin) return false;
  // With so many or more calls archived, `calls` is no more than the part of them that needs nobody's approval.
  const enough = Math.max(liveCallsMin, Math.ceil((calls * 100) / bounds.percent));
  const live = await reads.calls.countUpTo(tenantId, enough);
  return live >= liveCallsMin && calls * 100 > bounds.percent * live;
}

/**
 * The most calls that an erasure may reach without anybody's approval; infinity where nothing bounds it. Counts all archived
 * calls: for those who erase so many that they need the bound itself.
 */
export async function mostUnapproved(
  engine: Pick<Engine, 'limits'>,
  reads: Pick<StoreReads, 'tenants' | 'calls'>,
  tenantId: string,
): Promise<number> {
  const { calls, percent } = await effectiveGuard(engine, reads, tenantId);
  const byNumber = calls === 0 ? Number.POSITIVE_INFINITY : calls;
  if (percent === 0) return byNumber;
  const live = await reads.calls.countUpTo(tenantId, Number.MAX_SAFE_INTEGER);
  return live < liveCallsMin ? byNumber : Math.min(byNumber, Math.floor((live * percent) / 100));
}

/** True of what the guard counts: no candidate, and no call of which nothing was left. */
export function isGuarded({ isCandidate, plannedKinds }: Pick<Item, 'isCandidate' | 'plannedKinds'>): boolean {
  return !isCandidate && (plannedKinds === null || plannedKinds.length > 0);
}
