import { type Call, type CallKind, isArchived } from '../../model/call.ts';
import type { Retention } from '../../model/tenant.ts';

export const dayMs = 24 * 3_600_000;

export const retainedKinds = ['call', 'chat', 'case'] as const satisfies readonly CallKind[];

/**
 * Calls that one retention answers for, by when they were archived: after `createdAfter` and by `createdUpTo`, either of
 * which may be absent. Those that began before `before` have outlived it; null where it keeps them for ever.
 */
export type Span = { before: number | null; createdAfter?: number; createdUpTo?: number };

/** The retention of a kind that is to come, if there is one. */
export function toComeOf(all: readonly Retention[], kind: CallKind, now: number): Retention | undefined {
  return all.find((one) => one.kind === kind && one.effectiveAt > now);
}

/**
 * The retentions of a kind that are in force, newest first. The first answers for every call, unless it leaves alone what
 * had been archived when it was set: for those the one before it still answers, and so on.
 */
export function inForce(all: readonly Retention[], kind: CallKind, now: number): Retention[] {
  const begun = all.filter((one) => one.kind === kind && one.effectiveAt <= now);
  const newestFirst = begun.sort((a, b) => b.effectiveAt - a.effectiveAt);
  const reaching = newestFirst.findIndex((one) => one.reachesExisting);
  return reaching === -1 ? newestFirst : newestFirst.slice(0, reaching + 1);
}

/** Which calls have outlived retentions in force, given newest first. */
export function spansOf(newestFirst: readonly Retention[], now: number): Span[] {
  const spans: Span[] = [];
  let createdUpTo = Number.POSITIVE_INFINITY;
  for (const { days, setAt, reachesExisting } of newestFirst) {
    const from = reachesExisting ? Number.NEGATIVE_INFINITY : setAt;
    if (from < createdUpTo) {
      spans.push({
        before: days === null ? null : now - days * dayMs,
        ...(Number.isFinite(from) && { createdAfter: from }),
        ...(Number.isFinite(createdUpTo) && { createdUpTo }),
      });
    }
    createdUpTo = Math.min(createdUpTo, from);
  }
  return spans;
}

/** True for a call of the kind in question that may be erased for its age: what the store asks in `calls.outlived`. */
export function isOutlived(call: Call, kind: CallKind, spans: readonly Span[], now: number): boolean {
  if (!isArchived(call) || call.kind !== kind) return false;
  if (call.retainUntil !== null && call.retainUntil > now) return false;
  const began = call.startedAt ?? call.createdAt;
  return spans.some(({ before, createdAfter = Number.NEGATIVE_INFINITY, createdUpTo = Number.POSITIVE_INFINITY }) => {
    return before !== null && began < before && call.createdAt > createdAfter && call.createdAt <= createdUpTo;
  });
}

/**
 * When what is in force was last changed: by a retention that was set, or began. Minus infinity where nothing ever was.
 */
export function changedAt(newestFirst: readonly Retention[]): number {
  return Math.max(...newestFirst.flatMap(({ setAt, effectiveAt }) => [setAt, effectiveAt]));
}

/**
 * True where a retention of so many days can erase no call any earlier than those in force do: it keeps calls for ever, or
 * for as long as each of them.
 */
export function keepsAsLong(days: number | null, newestFirst: readonly Retention[]): boolean {
  if (days === null) return true;
  const isForAll = newestFirst.at(-1)?.reachesExisting === true;
  return isForAll && newestFirst.every((one) => one.days !== null && one.days <= days);
}
