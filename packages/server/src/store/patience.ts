import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../model/errors.ts';

// A try costs microseconds, and whoever waits longer between two loses to whoever waits less.
const pauseMsMax = 8;

/** How long one write is tried again while the database is busy. */
export class Patience {
  readonly #endsAt: number;
  #pauseMs = 1;

  constructor(timeoutMs: number) {
    this.#endsAt = performance.now() + timeoutMs;
  }

  /** True when the write that failed so is to be tried again after a pause. */
  allows(error: unknown): boolean {
    return hasCode(error, 'store_busy') && performance.now() + this.#pauseMs <= this.#endsAt;
  }

  /** Each pause is longer than the last, up to a few ms. */
  async pause(): Promise<void> {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, pauseMsMax);
    await sleep(pauseMs);
  }
}

/** Tries again while the database is busy. Throws `store_busy` when the time is up. */
export async function patiently<T>(timeoutMs: number, attempt: () => Promise<T>): Promise<T> {
  const patience = new Patience(timeoutMs);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!patience.allows(error)) throw error;
    }
    await patience.pause();
  }
}
