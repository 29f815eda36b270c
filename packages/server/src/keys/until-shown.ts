import type { AppError } from '../model/errors.ts';

/** How long something may take to show itself, and how often it is looked for, both in ms; `everyMs` at least 1. */
export type Patience = { everyMs: number; forMs: number };

/**
 * Another machine that shares the vault may have sealed a moment ago, and a network file system may show its files late:
 * NFS keeps a folder's names for a few seconds by default.
 */
export const standardPatience: Patience = { everyMs: 250, forMs: 10_000 };

/**
 * What `look` finds, as soon as it finds anything but undefined: at once, once more without waiting (what it looked by
 * may have changed meanwhile), and then again and again. Throws what `failure` makes when that takes too long.
 */
export async function untilShown<T>(
  patience: Patience,
  look: () => Promise<T | undefined>,
  failure: () => AppError,
): Promise<T> {
  const waits = Math.ceil(patience.forMs / patience.everyMs);
  for (let looked = 0; looked < 2 + waits; looked += 1) {
    if (looked >= 2) await new Promise((resolve) => setTimeout(resolve, patience.everyMs));
    const found = await look();
    if (found !== undefined) return found;
  }
  throw failure();
}
