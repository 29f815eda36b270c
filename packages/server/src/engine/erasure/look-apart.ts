import type { BlobName, BlobStore } from '../../model/blob-store.ts';
import { codeOf } from '../../model/errors.ts';

type Look<T> = (some: readonly T[]) => Promise<void>;

/**
 * Looks at all of them at once. Where that fails, looks at halves, so that what one hangs on keeps no other back. Returns
 * those that could not be looked at, each with its failure. A failure that has nothing to do with any of them is that of
 * all. Throws nothing but the reason of `signal`, which ends the halving.
 */
export async function lookApart<T>(all: readonly T[], signal: AbortSignal, look: Look<T>): Promise<Map<T, unknown>> {
  if (all.length === 0) return new Map();
  const failure = await failureOf(look, all);
  if (failure === undefined) return new Map();
  if (all.length === 1 || !mayHangOnOne(failure.error) || (await failureOf(look, [])) !== undefined) {
    return new Map(all.map((one) => [one, failure.error]));
  }
  signal.throwIfAborted();
  const half = Math.ceil(all.length / 2);
  const first = await lookApart(all.slice(0, half), signal, look);
  return new Map([...first, ...(await lookApart(all.slice(half), signal, look))]);
}

/** What a look for blobs came to. A name that is in neither is gone. */
type BlobsLeft = {
  there: ReadonlySet<BlobName>;
  /** Those that could not be looked for, each with the failure. */
  unseen: ReadonlyMap<BlobName, unknown>;
};

/** Looks which of the blobs are left. A name that cannot be looked for keeps no other from being found gone. */
export async function blobsLeft(blobs: BlobStore, names: readonly BlobName[], signal: AbortSignal): Promise<BlobsLeft> {
  const there = new Set<BlobName>();
  const unseen = await lookApart(names, signal, async (some) => {
    for (const name of await blobs.remaining(some)) there.add(name);
  });
  return { there, unseen };
}

async function failureOf<T>(look: Look<T>, some: readonly T[]): Promise<{ error: unknown } | undefined> {
  try {
    await look(some);
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** A database or a vault that does not answer does so for everything; halving would only ask it more often. */
function mayHangOnOne(error: unknown): boolean {
  return ['blob_failed', 'damage', 'internal'].includes(codeOf(error));
}
