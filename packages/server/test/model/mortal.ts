import type { Faults } from '../../src/lib/faults.ts';

/**
 * Fault points at which a process of a history dies or stands still.
 *
 * A dead process in ours cannot be stopped, but every commit, every file of the vault and every stored blob passes a
 * fault point, and at each of them it is thrown out: nothing that it still tries becomes durable.
 */
export class MortalFaults implements Faults {
  #isDead = false;
  #stepsLeft = Number.POSITIVE_INFINITY;
  #tellDeath: () => void = () => undefined;
  /** Resolves when the process dies. */
  readonly death = new Promise<void>((resolve) => {
    this.#tellDeath = resolve;
  });
  #hook: { point: string; work: () => Promise<void> } | undefined;

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Dies at the given step from now on. */
  dieAfter(steps: number): void {
    this.#stepsLeft = steps;
  }

  die(): void {
    this.#isDead = true;
    this.#tellDeath();
  }

  /** Runs `work` the next time that the process comes to `point`, which waits there meanwhile. */
  onNext(point: string, work: () => Promise<void>): void {
    this.#hook = { point, work };
  }

  forgetHook(): void {
    this.#hook = undefined;
  }

  async at(point: string): Promise<void> {
    this.#stepsLeft -= 1;
    if (this.#stepsLeft < 0) this.die();
    if (this.#isDead) throw new Error(`the process died at ${point}`);
    const hook = this.#hook;
    if (hook?.point !== point) return;
    this.#hook = undefined;
    await hook.work();
  }
}
