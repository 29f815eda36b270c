/** What several stretches of the same work come to. */
export class Throughput {
  #done = 0;
  #tookMs = 0;

  /** Adds a stretch in which `done` things were done. */
  add({ done, tookMs }: { done: number; tookMs: number }): void {
    this.#done += done;
    this.#tookMs += tookMs;
  }

  /** Things done in a second. */
  perSecond(): number {
    return (this.#done * 1000) / this.#tookMs;
  }
}
