import { journalPages } from './journal-pages.ts';
import type { Look } from './look.ts';

/** Leaves whose slots are counted in one pass over the journal: 4 MiB, some million calls. */
const leavesPerPass = 16_384;

/**
 * How many journal rows cover a slot. Asked leaf by leaf, ascending, it reads the journal once per stretch of leaves and
 * holds one byte for each slot of the stretch, however large the archive is.
 */
export class JournaledSlots {
  readonly #look: Look;
  readonly #leaves: number;
  #firstSlot = 0;
  #times = new Uint8Array(0);

  /** @param leaves how many leaves there are. */
  constructor(look: Look, leaves: number) {
    this.#look = look;
    this.#leaves = leaves;
  }

  /** Makes `timesOf` answer for the slots of this leaf. */
  async reach(leaf: number): Promise<void> {
    const { fanOut } = this.#look.engine.tree.shape;
    const isThere = leaf * fanOut >= this.#firstSlot && leaf * fanOut < this.#firstSlot + this.#times.length;
    if (isThere) return;
    const from = leaf - (leaf % leavesPerPass);
    const leaves = Math.min(leavesPerPass, Math.max(this.#leaves, leaf + 1) - from);
    this.#firstSlot = from * fanOut;
    this.#times = new Uint8Array(leaves * fanOut);
    for await (const page of journalPages(this.#look.reads)) {
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
