import type { Head, RootKeyName, VaultState } from '../model/vault.ts';

/** Segments outlive the last key older than them by this long. */
const segmentGraceMs = 24 * 3_600_000;

/** When a key's clock started: at the first committed seal later than its creation. Undefined while there is none. */
export function clockOf(key: RootKeyName, heads: readonly Head[]): number | undefined {
  return heads.find((head) => head.generation > key.generation)?.sealedAt;
}

/**
 * What may go: keys not named whose clock started a horizon ago; segments a day after the last key older than them;
 * heads, but the last, that are no longer any key's or segment's clock.
 */
export function expired(
  state: VaultState,
  at: { now: number; horizonMs: number; named: string },
): { keys: RootKeyName[]; segments: RootKeyName[]; heads: Head[] } {
  const keys = state.keys.filter((key) => {
    const clock = clockOf(key, state.heads);
    return key.id !== at.named && clock !== undefined && clock + at.horizonMs <= at.now;
  });
  const livingKeys = state.keys.filter((key) => !keys.includes(key));
  const segments = state.segments.filter((segment) => {
    const clock = state.heads.find((head) => head.generation >= segment.generation)?.sealedAt;
    const hasOlderKey = livingKeys.some((key) => key.generation < segment.generation);
    return !hasOlderKey && clock !== undefined && clock + at.horizonMs + segmentGraceMs <= at.now;
  });
  const livingSegments = state.segments.filter((segment) => !segments.includes(segment));
  const heads = state.heads.slice(0, -1).filter((head) => {
    const isKeyClock = livingKeys.some((key) => key.generation < head.generation);
    return !isKeyClock && !livingSegments.some((segment) => segment.generation <= head.generation);
  });
  return { keys, segments, heads };
}
