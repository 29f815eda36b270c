import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../model/errors.ts';

// On SQLite a try costs microseconds, and whoever waits longer between two loses to whoever waits less.
const shortPauseMsMax = 8;

/** How long one write is tried again while the database is busy. */
export class Patience {
  readonly #endsAt: number;
  readonly #pauseMsMax: number;
  #pauseMs = 1;

  constructor(timeoutMs: number, pauseMsMax = shortPauseMsMax) {
    this.#endsAt = performance.now() + timeoutMs;
    this.#pauseMsMax = pauseMsMax;
  }

  /** True when the write that failed so is to be tried again after a pause. */
  allows(error: unknown): boolean {
    return hasCode(error, 'store_busy') && performance.now() + this.#pauseMs <= this.#endsAt;
  }

  /** Each pause is longer than the last, up to the longest. */
  async pause(): Promise<void> {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, this.#pauseMsMax);
    await sleep(pauseMs);
  }
}

/** Tries again while the database is busy. Throws `store_busy` when the time is up. */
export async function patiently<T>(
  timeoutMs: number,
  attempt: () => Promise<T>,
  { pauseMsMax = shortPauseMsMax } = {},
): Promise<T> {
  const patience = new Patience(timeoutMs, pauseMsMax);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!patience.allows(error)) throw error;
    }
    await patience.pause();
  }
}
