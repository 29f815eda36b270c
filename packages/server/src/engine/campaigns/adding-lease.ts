import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';

/**
 * Keeps the candidates that one request is adding from being swept under it, however many transactions it takes: whichever
 * of these comes when a third of the lease of an upload has passed renews all that the request has named.
 */
export class AddingLease {
  readonly #engine: Engine;
  #ids: readonly string[] = [];
  /** When the oldest of them was last renewed. */
  #renewedAt = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Candidates that a transaction of the request has named, or taken over, at the time `at` or later. */
  add(ids: readonly string[], at: number): void {
    if (this.#ids.length === 0) this.#renewedAt = at;
    this.#ids = [...this.#ids, ...ids];
  }

  /** `Store.write`, renewing what is due to be. */
  async write<T>(work: (tx: StoreTx) => Promise<T>): Promise<T> {
    const at = this.#engine.clock.now();
    const isDue = this.#ids.length > 0 && this.#isDue(at);
    const done = await this.#engine.store.write(async (tx) => {
      // Counted from the commit: a write may wait for longer than a lease lasts.
      if (isDue) await tx.candidates.renew(this.#ids, this.#engine.clock.now());
      return await work(tx);
    });
    // Not inside: a transaction may run more than once, or never commit.
    if (isDue) this.#renewedAt = at;
    return done;
  }

  /** So too when the clock was set back: what lies ahead of it is cut to the present by `shortenLeases`. */
  #isDue(at: number): boolean {
    return at < this.#renewedAt || at - this.#renewedAt > this.#engine.limits.uploadLeaseMs / 3;
  }
}
