import type { RootKeys } from '../../keys/root-keys.ts';
import { type Clock, steadyMs } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { codeOf } from '../../model/errors.ts';
import type { Store } from '../../model/store.ts';
import type { Head } from '../../model/vault.ts';

/** Two seals of one process begin at least this far apart. */
const pauseMs = 1000;
/** A long erasure does not wait for its last item to be sealed. */
const longestWaitMs = 10_000;
/** With nothing to erase, a seal still comes once a day, so that old root keys keep dying. */
const dailyMs = 24 * 3_600_000;
/** Nobody who lives leaves what was destroyed unsealed for so long, whatever the difference of two clocks. */
const orphanedMs = 3 * longestWaitMs;
/** After a seal that failed. */
const retryMs = 1000;
/** After an attempt to empty the write-ahead log that a reader stood in the way of. */
const logRetryMs = 2000;

/** What a schedule is for. A restore, which works on a database that everybody else refuses, asks in its own way. */
export type Sealing = Pick<RootKeys, 'seal' | 'lockAway' | 'expire' | 'nextExpiry'>;

type Waiting = { resolve: (head: Head) => void; reject: (error: unknown) => void };

/**
 * When to seal (DESIGN section 3): at once if the last seal is a second old, else when it is; while an erasure is being
 * shredded at its last item, at most ten seconds after its first; and once a day. Each process asks for seals of what it has
 * destroyed itself, and of what others have left behind. After each seal the write-ahead log is
 * emptied and what has expired is destroyed.
 *
 * Pauses and waits count in steady time: a clock set back must not put off a seal that somebody waits for, nor one set
 * forward leave it to a timer of yesterday's.
 */
export class SealScheduler {
  readonly #rootKeys: Sealing;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #logTimer: NodeJS.Timeout | undefined;
  /** In steady time, like `#lastBegun`. */
  #dueAt = Number.POSITIVE_INFINITY;
  #lastBegun = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: { rootKeys: Sealing; store: Store; clock: Clock; log: Log }) {
    this.#rootKeys = options.rootKeys;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Something was destroyed: seal as soon as the pause allows. */
  request(): void {
    this.#arm(this.#earliest());
  }

  /** A long erasure is being shredded: its last item will ask for the seal, but it comes in ten seconds at the latest. */
  expectMore(): void {
    this.#arm(steadyMs() + longestWaitMs);
  }

  /**
   * Resolves when a seal that began after this call has finished, its head moved. Rejects when that seal failed, but not
   * for an older key that could not be locked away: `RootKeys.lockAway` tells whether one is left.
   */
  async sealed(): Promise<Head> {
    return await new Promise<Head>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.request();
      // Somebody waits: a process with nothing else to do must live until then.
      this.#timer?.ref();
    });
  }

  /**
   * Starts the daily clock, which counts from the archive's last seal, whoever made it: processes that live for less than
   * a day seal once a day too. What a dead process destroyed and did not seal is sealed soon.
   */
  async start(): Promise<void> {
    const unsealed = await this.#store.keyStore.write(async (tx) => await tx.pendingJournal());
    this.#arm(unsealed.length > 0 ? this.#earliest() : steadyMs() + (await this.#untilDaily()));
  }

  /**
   * Asks for a seal when the last one is a day old: timers stand still while a machine sleeps, and know no set clock. And
   * when something has been in the journal for longer than any living process leaves it unsealed: another one wrote it, and
   * died before its own seal.
   */
  async requestDue(): Promise<void> {
    const isOrphaned = await this.#store.reads.journal.hasPending(this.#clock.now() - orphanedMs);
    if (isOrphaned || (await this.#untilDaily()) === 0) this.request();
  }

  /** Resolves when what follows the seals that have begun (an empty log, expired keys) is done too. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Stops; a seal that was asked for and has not begun is made now, so that nothing waits for the next process. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#logTimer);
    await this.#running;
    if (this.#waiting.length > 0 || this.#dueAt <= steadyMs() + longestWaitMs) await this.#seal();
  }

  #earliest(): number {
    return Math.max(steadyMs(), this.#lastBegun + pauseMs);
  }

  /** In ms. A last seal that lies in the future was made before the clock was set back: then a day from now at most. */
  async #untilDaily(): Promise<number> {
    const top = await this.#store.keyStore.reads.readTop();
    return Math.min(dailyMs, Math.max(0, (top?.sealedAt ?? 0) + dailyMs - this.#clock.now()));
  }

  #arm(at: number): void {
    if (at >= this.#dueAt || this.#isClosed) return;
    this.#dueAt = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, at - steadyMs()));
    this.#timer.unref();
  }

  #fire(): void {
    this.#running = (this.#running ?? Promise.resolve()).then(async () => await this.#seal());
  }

  async #seal(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#lastBegun = steadyMs();
    let head: Head;
    try {
      head = await this.#rootKeys.seal({ restoring: false, leaveUnlocked: true });
    } catch (error) {
      this.#log.error('seal.failed', { code: codeOf(error) });
      for (const one of waiting) one.reject(error);
      this.#arm(steadyMs() + retryMs);
      return;
    }
    this.#arm(steadyMs() + dailyMs);
    // Tried before anybody is told, so that whoever waits finds the older keys locked away wherever they can be.
    await this.#lockAway();
    for (const one of waiting) one.resolve(head);
    await this.#emptyLog();
    await this.#expire();
  }

  /** As with expiry: what fails here is tried again by upkeep, and the seal stands. */
  async #lockAway(): Promise<void> {
    try {
      await this.#rootKeys.lockAway();
    } catch (error) {
      this.#log.error('lock_away.failed', { code: codeOf(error) });
    }
  }

  /** Readers may stand in the way; then again soon, until nothing destroyed lingers in the write-ahead log. */
  async #emptyLog(): Promise<void> {
    clearTimeout(this.#logTimer);
    try {
      if (await this.#store.checkpoint()) return;
      this.#log.warn('checkpoint.busy');
    } catch (error) {
      this.#log.error('checkpoint.failed', { code: codeOf(error) });
    }
    if (this.#isClosed) return;
    this.#logTimer = setTimeout(() => {
      this.#running = (this.#running ?? Promise.resolve()).then(async () => await this.#emptyLog());
    }, logRetryMs);
    this.#logTimer.unref();
  }

  /** What fails here is tried again by upkeep: a seal that stands must not be made again for it. */
  async #expire(): Promise<void> {
    try {
      const due = await this.#rootKeys.nextExpiry();
      if (due !== undefined && due <= this.#clock.now()) await this.#rootKeys.expire();
    } catch (error) {
      this.#log.error('expiry.failed', { code: codeOf(error) });
    }
  }
}
