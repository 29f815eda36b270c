import type { SlotRange } from '../model/key-store.ts';

/** A set of slots that is large but made of few ranges: two numbers for each, however many slots it spans. */
export class SlotRanges {
  #ranges: SlotRange[] = [];
  #isSorted = true;

  add(ranges: Iterable<SlotRange>): void {
    for (const range of ranges) this.#ranges.push(range);
    this.#isSorted = false;
  }

  has(slot: number): boolean {
    this.#sort();
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.[1] ?? 0) < slot) low = middle + 1;
      else high = middle;
    }
    const found = this.#ranges[low];
    return found !== undefined && found[0] <= slot;
  }

  /** The highest slot in it; undefined while it is empty. */
  last(): number | undefined {
    this.#sort();
    return this.#ranges.at(-1)?.[1];
  }

  /** Ascending, both ends included, with slots between any two of them. */
  all(): readonly SlotRange[] {
    this.#sort();
    return this.#ranges;
  }

  /** Ascending, those that touch or overlap made one. */
  #sort(): void {
    if (this.#isSorted) return;
    const joined: [number, number][] = [];
    for (const [from, to] of this.#ranges.sort((a, b) => a[0] - b[0])) {
      const before = joined.at(-1);
      if (before !== undefined && from <= before[1] + 1) before[1] = Math.max(before[1], to);
      else joined.push([from, to]);
    }
    this.#ranges = joined;
    this.#isSorted = true;
  }
}
