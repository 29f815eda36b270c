import type { Faults } from '../../src/lib/faults.ts';

/** Fault points at which a test does something, each time once: the product waits there until it is done. */
export class HookedFaults implements Faults {
  readonly #hooks = new Map<string, () => Promise<void>>();

  /** Runs `work` the next time the product comes to `point`. Resolves when it has. */
  async next(point: string, work: () => Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#hooks.set(point, async () => {
        await work().then(resolve, reject);
      });
    });
  }

  /** Stops the product at `point`. `reached` resolves when it is there; it stays until `goOn`. */
  stop(point: string): { reached: Promise<void>; goOn: () => void } {
    let goOn: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      this.#hooks.set(point, async () => {
        resolve();
        await told;
      });
    });
    return { reached, goOn };
  }

  async at(point: string): Promise<void> {
    const hook = this.#hooks.get(point);
    this.#hooks.delete(point);
    await hook?.();
  }
}
