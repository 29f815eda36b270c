import { codeOf } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import { givenUp, renewLateArtifact } from './late-artifacts.ts';

/** Keeps the lease of an artifact on its way while its bytes come, and says when somebody has destroyed it. */
export class LateLease {
  readonly #engine: Engine;
  readonly #slot: number;
  readonly #lost = new AbortController();
  readonly #renewing: NodeJS.Timeout;

  constructor(engine: Engine, slot: number) {
    this.#engine = engine;
    this.#slot = slot;
    this.#renewing = setInterval(() => void this.#renew(), engine.limits.uploadLeaseMs / 3);
    this.#renewing.unref();
  }

  /** Aborted, with `upload_cut`, once the artifact is no longer its bearer's: swept, or met by an erasure. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Stops renewing. Ending twice is fine. */
  end(): void {
    clearInterval(this.#renewing);
  }

  async #renew(): Promise<void> {
    try {
      if (!(await renewLateArtifact(this.#engine, this.#slot))) this.#lost.abort(givenUp());
    } catch (error) {
      this.#engine.log.warn('upload.renew_failed', { code: codeOf(error) });
    }
  }
}
