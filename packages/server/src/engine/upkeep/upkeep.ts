import { endReservations } from '../../keys/slot-issuer.ts';
import { steadyMs } from '../../lib/clock.ts';
import { ClockWatch } from '../../lib/clock-watch.ts';
import { codeOf } from '../../model/errors.ts';
import type { upkeepTasks } from '../../model/metrics.ts';
import { dropOldAnswers } from '../answers/drop-old-answers.ts';
import { sweepAbandonedUploads } from '../archive/abandoned-uploads.ts';
import { ChainWorker } from '../audit/chain-worker.ts';
import { sweepLateArtifacts } from '../calls/late-artifacts.ts';
import { sweepCandidates } from '../campaigns/sweep-candidates.ts';
import { sweepTasks } from '../campaigns/sweep-tasks.ts';
import type { Engine } from '../context.ts';
import { sweepAwaited } from '../events/sweep-awaited.ts';
import { expirePlans } from '../plans/expire-plans.ts';
import { RetentionRounds } from '../retention/retention-rounds.ts';
import { DetailForgetter } from './forget-details.ts';
import { shortenLeases } from './shorten-leases.ts';
import { turnDueEpochs } from './turn-epochs.ts';

/** How often a process looks after what nobody waits for. */
const everyMs = 10_000;
/** Tombstones dropped in one transaction. */
const tombstoneBatch = 1000;

/**
 * Looks after what nobody waits for: abandoned uploads, artifacts that came late and not to their end, slots of dead processes, root keys past their horizon, token
 * epochs that are due, the daily seal, calls past their retention, the audit's chains (at a pace of their own), events whose calls never came, old tombstones and answers, journal details that nobody needs any more, opened keys in memory.
 * Every process does it; all of it happens under locks and may be repeated.
 */
export class Upkeep {
  readonly #engine: Engine;
  readonly #watch: ClockWatch;
  readonly #forgetter: DetailForgetter;
  readonly #retention: RetentionRounds;
  readonly #chains: ChainWorker;
  /** In steady time: until then a lease that looks over may be one that its holder had no time to renew. */
  #leasesHoldUntil = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#watch = new ClockWatch({ clock: engine.clock });
    this.#forgetter = new DetailForgetter(engine);
    this.#retention = new RetentionRounds(engine);
    this.#chains = new ChainWorker(engine);
  }

  start(): void {
    this.#chains.start();
    this.#timer ??= setInterval(() => {
      this.#running = this.#running.then(async () => await this.once());
    }, everyMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#chains.stop();
  }

  /** One round. Whatever fails is logged and tried again in the next; one failure does not keep the rest from running. */
  async once(): Promise<void> {
    const engine = this.#engine;
    engine.tree.dropOldCaches();
    engine.secrets.dropOld();
    await this.#try('leases', async () => await shortenLeases(engine));
    if (this.#mayEndLeases()) await this.#endLeases();
    await this.#try('daily_seal', async () => {
      await engine.sealer.requestDue();
      return 0;
    });
    await this.#try('expiry', async () => {
      const due = await engine.rootKeys.nextExpiry();
      return due !== undefined && due <= engine.clock.now() ? await engine.rootKeys.expire() : 0;
    });
    await this.#try('lock_away', async () =>
      (await engine.rootKeys.hasUnlocked()) ? await engine.rootKeys.lockAway() : 0,
    );
    await this.#try('epochs', async () => await turnDueEpochs(engine));
    await this.#try('tombstones', async () => {
      const before = engine.clock.now() - engine.limits.tombstoneMs;
      return await engine.store.write(async (tx) => await tx.tombstones.dropGone(before, tombstoneBatch));
    });
    await this.#try('plans', async () => await expirePlans(engine));
    await this.#try('answers', async () => await dropOldAnswers(engine));
    await this.#try('retention', async () => await this.#retention.once());
    await this.#try('journal_details', async () => await this.#forgetter.once());
  }

  /**
   * False for the length of a lease after the clock was set forward or the machine slept: to a clock that is a day ahead
   * every upload under way has been silent for a day. So too after the database was away, when nobody could renew anything.
   */
  #mayEndLeases(): boolean {
    const { limits, standing } = this.#engine;
    const { uploadLeaseMs } = limits;
    // A holder renews when a third of its lease has passed: a smaller jump leaves it the time.
    if (this.#watch.movedMs() > uploadLeaseMs / 3) this.#leasesHoldUntil = steadyMs() + uploadLeaseMs;
    return steadyMs() >= Math.max(this.#leasesHoldUntil, standing.thereSince + uploadLeaseMs);
  }

  async #endLeases(): Promise<void> {
    const engine = this.#engine;
    await this.#try('awaited', async () => await sweepAwaited(engine));
    await this.#try('late_artifacts', async () => await sweepLateArtifacts(engine));
    // After them: what they cannot remove of their bytes is left to this sweep.
    await this.#try('uploads', async () => await sweepAbandonedUploads(engine));
    await this.#try('candidates', async () => await sweepCandidates(engine));
    await this.#try('tasks', async () => await sweepTasks(engine));
    await this.#try('reservations', async () => {
      const now = engine.clock.now();
      const destroyed = await endReservations(engine.store.keyStore, engine.tree, engine.clock, { endedBy: now });
      if (destroyed > 0) engine.sealer.request();
      return destroyed;
    });
  }

  async #try(what: (typeof upkeepTasks)[number], work: () => Promise<number>): Promise<void> {
    try {
      const count = await work();
      this.#engine.meter.count('tacet_upkeep_rounds_total', { what, outcome: 'done' });
      if (count > 0) this.#engine.log.info(`upkeep.${what}`, { count });
    } catch (error) {
      this.#engine.meter.count('tacet_upkeep_rounds_total', { what, outcome: 'failed' });
      this.#engine.log.warn('upkeep.failed', { what, code: codeOf(error) });
    }
  }
}
