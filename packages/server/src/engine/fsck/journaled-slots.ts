import type { StoreReads } from '../../model/store.ts';
import { journalPages } from './journal-pages.ts';

/** Leaves whose slots are counted in one pass over the journal: 4 MiB, some million calls. */
const leavesPerPass = 16_384;

export type JournaledSlotsOptions = {
  reads: StoreReads;
  /** Slots of a leaf. */
  fanOut: number;
  /** How many leaves there are. */
  leaves: number;
  /** Leaves counted in one pass over the journal; bounds memory. */
  leavesPerPass?: number;
};

/**
 * How many journal rows cover a slot. Asked leaf by leaf, ascending, it reads the journal once per stretch of leaves and
 * holds one byte for each slot of the stretch, however large the archive is.
 */
export class JournaledSlots {
  readonly #reads: StoreReads;
  readonly #fanOut: number;
  readonly #leaves: number;
  readonly #leavesPerPass: number;
  #firstSlot = 0;
  #times = new Uint8Array(0);

  constructor(options: JournaledSlotsOptions) {
    this.#reads = options.reads;
    this.#fanOut = options.fanOut;
    this.#leaves = options.leaves;
    this.#leavesPerPass = options.leavesPerPass ?? leavesPerPass;
  }

  /** Makes `timesOf` answer for the slots of this leaf. */
  async reach(leaf: number): Promise<void> {
    const first = leaf * this.#fanOut;
    if (first >= this.#firstSlot && first < this.#firstSlot + this.#times.length) return;
    const from = leaf - (leaf % this.#leavesPerPass);
    const leaves = Math.min(this.#leavesPerPass, Math.max(this.#leaves, leaf + 1) - from);
    this.#firstSlot = from * this.#fanOut;
    this.#times = new Uint8Array(leaves * this.#fanOut);
    for await (const page of journalPages(this.#reads)) {
      for (const entry of page) for (const range of entry.slots) this.#note(range[0], range[1]);
    }
  }

  /** 0, 1, or 2 for more than one. */
  timesOf(slot: number): number {
    return this.#times[slot - this.#firstSlot] ?? 0;
  }

  #note(from: number, to: number): void {
    const last = Math.min(to, this.#firstSlot + this.#times.length - 1);
    for (let slot = Math.max(from, this.#firstSlot); slot <= last; slot += 1) {
      const at = slot - this.#firstSlot;
      this.#times[at] = Math.min(2, (this.#times[at] ?? 0) + 1);
    }
  }
}
