/** Numbers that look random and are the same in every run, so that two runs measure the same work (xorshift128). */
export class Random {
  #a: number;
  #b = 362_436_069;
  #c = 521_288_629;
  #d = 88_675_123;

  constructor(seed: number) {
    this.#a = (seed ^ 0x9e3779b9) >>> 0 || 1;
  }

  /** A whole number from 0 to just below `endExclusive`, which is at most 2^32. */
  below(endExclusive: number): number {
    const t = this.#a ^ (this.#a << 11);
    [this.#a, this.#b, this.#c] = [this.#b, this.#c, this.#d];
    this.#d = (this.#d ^ (this.#d >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return Math.floor((this.#d / 2 ** 32) * endExclusive);
  }

  /** The numbers from 0 to just below `count`, in random order (Fisher and Yates). */
  shuffled(count: number): Uint32Array {
    const numbers = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i -= 1) {
      const j = this.below(i + 1);
      const [atI = 0, atJ = 0] = [numbers[i], numbers[j]];
      numbers[i] = atJ;
      numbers[j] = atI;
    }
    return numbers;
  }
}
