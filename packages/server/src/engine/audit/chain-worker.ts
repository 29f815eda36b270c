import { codeOf } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import { chainAudit } from './chain-audit.ts';

/** A row is to be chained within 10 s of its commit: half of that, and a slow round has as long again. */
const everyMs = 5_000;

/**
 * Chains the audit every few seconds. Every process does it, apart from its other upkeep, whose rounds may be long. Whatever
 * fails is logged and tried again.
 */
export class ChainWorker {
  readonly #engine: Engine;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.once(), everyMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One round; the one under way where there is one. Never rejects. */
  async once(): Promise<void> {
    this.#running ??= this.#round().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async #round(): Promise<void> {
    const { log, meter } = this.#engine;
    const what = 'audit_chain';
    try {
      await chainAudit(this.#engine);
      meter.count('tacet_upkeep_rounds_total', { what, outcome: 'done' });
    } catch (error) {
      meter.count('tacet_upkeep_rounds_total', { what, outcome: 'failed' });
      log.warn('upkeep.failed', { what, code: codeOf(error) });
    }
  }
}
