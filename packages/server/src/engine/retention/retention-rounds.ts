import type { Engine } from '../context.ts';
import { applyRetention } from './apply-retention.ts';

/** Retention counts in days: so often is enough, and what is under hold is looked at no more often than that. */
const everyMs = 5 * 60_000;

/** Applies retention every few minutes, and at once after the clock was set: upkeep comes by more often. */
export class RetentionRounds {
  readonly #engine: Engine;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** One round where it is due. Returns how many calls were given to erasures. A round that failed is due again. */
  async once(): Promise<number> {
    const now = this.#engine.clock.now();
    if (Math.abs(now - this.#lastAt) < everyMs) return 0;
    const calls = await applyRetention(this.#engine);
    this.#lastAt = now;
    return calls;
  }
}
