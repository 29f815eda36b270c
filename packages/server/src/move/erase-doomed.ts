import type { BlobName, BlobStore, EraseOutcome } from '../model/blob-store.ts';
import type { ErrorCode } from '../model/errors.ts';

/** Bytes of erased recordings that are left in the blob store which the archive has moved away from. Their keys are gone. */
export type LeftBehind = {
  blobs: number;
  /** How many of them for which reason. */
  codes: Partial<Record<ErrorCode, number>>;
  /** When the last of the locks on them ends, in ms; null where none is locked, or one of them for no fixed time. */
  lockedUntil: number | null;
};

/**
 * Erases bytes that were doomed when the archive moved away, and counts those that would not go: their rows have moved, and
 * nobody else comes for them where they are. Doing so again is safe.
 */
export async function eraseDoomed(
  pages: AsyncIterable<readonly BlobName[]>,
  blobs: Pick<BlobStore, 'erase'>,
): Promise<LeftBehind> {
  const codes: LeftBehind['codes'] = {};
  const ends: (Date | null)[] = [];
  for await (const names of pages) {
    for (const outcome of (await blobs.erase(names)).values()) {
      const code = codeOfKept(outcome);
      if (code !== undefined) codes[code] = (codes[code] ?? 0) + 1;
      if (outcome.kind === 'locked') ends.push(outcome.until);
    }
  }
  const count = Object.values(codes).reduce((sum, some) => sum + some, 0);
  return { blobs: count, codes, lockedUntil: lastOf(ends) };
}

function codeOfKept(outcome: EraseOutcome): ErrorCode | undefined {
  if (outcome.kind === 'failed') return outcome.error.code;
  return outcome.kind === 'locked' ? 'blob_locked' : undefined;
}

function lastOf(ends: readonly (Date | null)[]): number | null {
  const times = ends.flatMap((end) => (end === null ? [] : [end.getTime()]));
  if (times.length < ends.length || times.length === 0) return null;
  return times.reduce((last, time) => Math.max(last, time));
}
