import { type Clock, steadyMs } from './clock.ts';

/** Notices when a clock was set, or its machine slept, between two looks. */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #steady: () => number;
  #aheadMs: number;

  /** `steady` is time that nobody sets, in ms. */
  constructor(options: { clock: Clock; steady?: () => number }) {
    this.#clock = options.clock;
    this.#steady = options.steady ?? steadyMs;
    this.#aheadMs = this.#ahead();
  }

  /** By how many ms the clock was moved since the last look (at first: since the watch was made); negative for back. */
  movedMs(): number {
    const before = this.#aheadMs;
    this.#aheadMs = this.#ahead();
    return this.#aheadMs - before;
  }

  #ahead(): number {
    return this.#clock.now() - this.#steady();
  }
}
