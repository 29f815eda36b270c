/** Slots that one process of a move looks at side by side; of one page, a bit each. */
const perPage = 256;

/**
 * A set of slots that is large and full of holes: a bit each, where a `Set` of numbers would end at 2^24 of them.
 */
export class SlotSet {
  readonly #pages = new Map<number, Uint8Array>();

  add(slot: number): void {
    const [index, byte, bit] = placeOf(slot);
    const page = this.#pages.get(index) ?? new Uint8Array(perPage / 8);
    page[byte] = (page[byte] ?? 0) | bit;
    this.#pages.set(index, page);
  }

  has(slot: number): boolean {
    const [index, byte, bit] = placeOf(slot);
    return ((this.#pages.get(index)?.[byte] ?? 0) & bit) !== 0;
  }
}

function placeOf(slot: number): [index: number, byte: number, bit: number] {
  const within = slot % perPage;
  return [Math.floor(slot / perPage), Math.floor(within / 8), 1 << (within % 8)];
}
