import type { BlobName, EraseOutcome } from '../../model/blob-store.ts';
import type { BlobLock, Item } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { Engine } from '../context.ts';

/** After the end of a lock: what the blob store's clock may be behind ours. */
export const afterLockMs = 1000;
/** How often bytes are tried whose lock has no end: whoever lifts it tells nobody. */
const liftedEveryMs = 5 * 60_000;

/** What keeps an item's bytes: a code, and where the blob store has a lock on them its end, or null for one without. */
export type Kept = { failedCode: string; lock?: { until: number | null } };

/** True while the blob store is known not to let go of the item's bytes: asking it again would be in vain. */
export function isLockStanding({ state, failedCode, lockedUntil }: Item, now: number): boolean {
  return state === 'failed' && failedCode === 'blob_locked' && lockedUntil !== null && lockedUntil > now;
}

/** The locks that an erase has met, and when each of these bytes is tried again. */
export function locksMet(outcomes: ReadonlyMap<BlobName, EraseOutcome>, now: number): Map<BlobName, BlobLock> {
  const met = new Map<BlobName, BlobLock>();
  for (const [blob, outcome] of outcomes) {
    if (outcome.kind !== 'locked') continue;
    const until = outcome.until?.getTime() ?? null;
    met.set(blob, { until, retryAt: until === null ? now + liftedEveryMs : until + afterLockMs });
  }
  return met;
}

/** Of two things that keep bytes of one call: whatever may be over first, and of two locks the one that ends last. */
export function moreUrgent(one: Kept | undefined, other: Kept): Kept {
  if (one?.lock === undefined) return one ?? other;
  if (other.lock === undefined) return other;
  const [until, otherUntil] = [one.lock.until, other.lock.until];
  return until !== null && (otherUntil === null || otherUntil > until) ? other : one;
}

/**
 * When the first lock ends of an erasure that has nothing else to do than to wait for locks with an end; undefined for any
 * other.
 */
export async function waitsForLock(
  engine: Pick<Engine, 'store' | 'clock'>,
  erasureId: string,
): Promise<number | undefined> {
  const { erasures } = engine.store.reads;
  const { items, firstEnd } = await erasures.locks(erasureId, engine.clock.now());
  if (items === 0 || firstEnd === null) return undefined;
  const tally = await erasures.tally(erasureId);
  const isAll = tally.failed === items && tally.verified + items === tally.items;
  return isAll ? firstEnd : undefined;
}

/** Throws `blob_locked` for an erasure that has nothing else to do than to wait for locks, and is sealed. */
export async function refuseWhileLocked(engine: Engine, erasureId: string): Promise<void> {
  const until = await waitsForLock(engine, erasureId);
  if (until === undefined) return;
  const erasure = await engine.store.reads.erasures.find(erasureId);
  if (erasure === undefined || erasure.sealedAt === null) return;
  throw new AppError('blob_locked', { detail: `until ${new Date(until).toISOString()}` });
}
