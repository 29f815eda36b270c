/**
 * The hand that decides which simulated process goes on, and which dies.
 *
 * Every port call of a process waits at a gate. Between two gates a process runs only microtasks, so that when the
 * event loop has come round once, every process that can run stands at its next gate: the same seed gives the same
 * history.
 */

/** A simulated process. One that is dead never comes through a gate again. */
export type Life = { readonly name: string; isDead: boolean };

/** What happens at a gate. `conflict` and `lost-answer` mean something at a commit alone; elsewhere they are `go`. */
export type Outcome = 'go' | 'fail' | 'conflict' | 'lost-answer';

export type Waiting = { life: Life; point: string; proceed: (outcome: Outcome) => void };

export class Scheduler {
  readonly #waiting: Waiting[] = [];
  readonly #deaths: ((life: Life) => void)[] = [];
  /** While true every gate stands open: for prologues and for looking at the end. */
  isOpen = false;

  /** Waits until the scheduler lets this process go on. */
  gate(life: Life, point: string): Promise<Outcome> {
    if (life.isDead) return never();
    if (this.isOpen) return Promise.resolve('go');
    return new Promise((resolve) => {
      const waiting: Waiting = {
        life,
        point,
        proceed: (outcome) => {
          this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
          resolve(outcome);
        },
      };
      this.#waiting.push(waiting);
    });
  }

  waiting(): readonly Waiting[] {
    return this.#waiting;
  }

  waitingOf(life: Life): Waiting | undefined {
    return this.#waiting.find((waiting) => waiting.life === life);
  }

  /** Called with each process that dies, so that the database can roll back and free its locks. */
  onDeath(listener: (life: Life) => void): void {
    this.#deaths.push(listener);
  }

  /** Ends a process where it stands: its promises are abandoned, its open transaction is rolled back. */
  kill(life: Life): void {
    life.isDead = true;
    for (let i = this.#waiting.length - 1; i >= 0; i -= 1) {
      if (this.#waiting[i]?.life === life) this.#waiting.splice(i, 1);
    }
    for (const listener of this.#deaths) listener(life);
  }

  /** Until every process that can run stands at a gate. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Runs `work` to its end, letting this process through every gate. */
  async run<T>(life: Life, work: Promise<T>): Promise<T> {
    const task = new Task(work);
    while (!task.isOver) await this.#advance(life);
    return await work;
  }

  /**
   * Runs `work` up to the gate whose point begins with `point`, for the `count`-th time, and leaves it standing there.
   * Returns the task; `run` it to its end, or `kill` the process.
   */
  async runUntil<T>(life: Life, work: Promise<T>, point: string, count = 1): Promise<Task<T>> {
    const task = new Task(work);
    for (let seen = 0; ; ) {
      await this.settle();
      if (task.isOver) throw new Error(`the operation ended before it came to ${point}`);
      if (this.waitingOf(life)?.point.startsWith(point) === true) seen += 1;
      if (seen === count) return task;
      await this.#advance(life);
    }
  }

  async #advance(life: Life): Promise<void> {
    await this.settle();
    // One that waits at no gate waits for a lock: whoever holds it moves.
    const waiting = this.waitingOf(life) ?? this.#waiting[0];
    waiting?.proceed('go');
    await this.settle();
  }
}

/** A running operation whose end can be seen without waiting for it. */
export class Task<T = unknown> {
  readonly work: Promise<T>;
  isOver = false;
  /** Undefined while it runs and when it ended well. */
  error: unknown;

  constructor(work: Promise<T>) {
    this.work = work;
    work.then(
      () => {
        this.isOver = true;
      },
      (error: unknown) => {
        this.isOver = true;
        this.error = error;
      },
    );
  }
}

/** What a dead process waits for. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
