import { steadyMs } from './clock.ts';
import { within } from './within.ts';

export type LookOptions = {
  /** Throws what stands in the way. Never runs twice at once. */
  look: () => Promise<void>;
  /** For how long nobody looks again once all was well, in ms. What was not is looked at each time. */
  rememberMs: number;
  /** How long a look may take, in ms. */
  limitMs: number;
  /** Made for those who asked when it takes longer, and for all who ask until it has come back. */
  late: () => Error;
};

/**
 * A look at something that answers slowly, or never: those who ask at once share one look, and one that found all well is
 * remembered for a moment, so that asking often costs nothing. A look that hangs is not joined by others.
 */
export class Look {
  readonly #options: LookOptions;
  /** In steady time. */
  #wellUntil = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #isLate = false;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** True while a look takes longer than it may. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** Resolves where all is well. Throws what the look threw, or `late`. */
  async ask(): Promise<void> {
    if (this.#isLate) throw this.#options.late();
    if (this.#running === undefined && steadyMs() < this.#wellUntil) return;
    this.#running ??= this.#look();
    const { limitMs, late } = this.#options;
    await within(limitMs, this.#running, () => {
      this.#isLate = true;
      return late();
    });
  }

  async #look(): Promise<void> {
    try {
      await this.#options.look();
      this.#wellUntil = steadyMs() + this.#options.rememberMs;
    } catch (error) {
      this.#wellUntil = Number.NEGATIVE_INFINITY;
      throw error;
    } finally {
      this.#running = undefined;
      this.#isLate = false;
    }
  }
}
