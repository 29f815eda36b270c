import { newId } from '../../lib/ids.ts';
import { AppError, codeOf } from '../../model/errors.ts';
import type { Job } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { longestPauseMs, runErasureJob } from './erasure-job.ts';

/** Jobs that one worker runs side by side. */
const lanes = 4;
/** Polling is the truth; a nudge only cuts the wait. */
const pollMs = 1000;

/**
 * Takes due jobs and runs them until it is stopped. Leases are short and renewed; every write of a job is fenced by
 * owner and attempt, so that a worker that lost its lease can do no harm.
 */
export class Worker {
  readonly #engine: Engine;
  readonly #owner: string;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #isNudged = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#owner = `worker-${newId(engine.clock.now())}`;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** A hint that a job is due. One that comes while the worker is busy is remembered. */
  nudge(): void {
    this.#isNudged = true;
    this.#wake?.();
  }

  /** Takes no more jobs and waits for those under way, which stop at their next step. */
  async stop(): Promise<void> {
    this.#stopping.abort(new AppError('lease_lost', { detail: 'the worker is stopping' }));
    this.#wake?.();
    await this.#loop;
    await Promise.allSettled(this.#running);
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const claimed = await this.#claim();
      for (const job of claimed) {
        const running = runErasureJob(this.#engine, job, this.#stopping.signal).finally(() => {
          this.#running.delete(running);
          this.nudge();
        });
        this.#running.add(running);
      }
      if (claimed.length === 0) await this.#wait();
    }
  }

  /** An empty or failed look waits; neither spins. */
  async #claim(): Promise<Job[]> {
    this.#isNudged = false;
    const limit = lanes - this.#running.size;
    if (limit <= 0) return [];
    const { clock, limits, store, log } = this.#engine;
    try {
      const due = await store.reads.jobs.nextRunAt();
      if (due === undefined || (due > clock.now() && due <= clock.now() + longestPauseMs)) return [];
      return await store.write(async (tx) => {
        // Counted from here: the write may have waited for longer than a lease lasts.
        const now = clock.now();
        const putOffMax = now + longestPauseMs;
        return await tx.jobs.claim({ owner: this.#owner, now, leaseUntil: now + limits.jobLeaseMs, limit, putOffMax });
      });
    } catch (error) {
      log.error('worker.claim_failed', { code: codeOf(error) });
      return [];
    }
  }

  async #wait(): Promise<void> {
    if (this.#isNudged || this.#stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
