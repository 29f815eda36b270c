import { steadyMs } from '../../lib/clock.ts';
import type { ErasureTally } from '../../model/erasure-store.ts';
import type { Engine } from '../context.ts';

type Recent = { tally: Promise<ErasureTally>; goodUntil: number };

/** A count is told again for so many times as long as it took: counting takes a twentieth of one process's time at the most. */
const timesAsLong = 20;

/** Those of each process that are still good. */
const recents = new WeakMap<Engine, Map<string, Recent>>();

/**
 * How far the items of an erasure are, for those who ask again and again: of a million items a count reads every row, so all
 * watchers of an erasure share one, and it is made the more seldom the longer it takes.
 */
export async function recentTally(engine: Engine, erasureId: string): Promise<ErasureTally> {
  const known = recents.get(engine) ?? new Map<string, Recent>();
  recents.set(engine, known);
  const now = steadyMs();
  for (const [id, { goodUntil }] of known) if (goodUntil <= now) known.delete(id);
  const recent = known.get(erasureId);
  if (recent !== undefined) return await recent.tally;
  const tally = engine.store.reads.erasures.tally(erasureId);
  // For as long as it is being counted nobody else counts.
  known.set(erasureId, { tally, goodUntil: Number.POSITIVE_INFINITY });
  try {
    const counted = await tally;
    const tookMs = steadyMs() - now;
    known.set(erasureId, { tally, goodUntil: now + tookMs * (1 + timesAsLong) });
    return counted;
  } catch (error) {
    known.delete(erasureId);
    throw error;
  }
}
