import type pg from 'pg';
import { type Clock, steadyMs } from '../lib/clock.ts';
import { FollowedClock } from '../lib/followed-clock.ts';
import type { Log } from '../lib/log.ts';
import { pause } from '../lib/pause.ts';
import { within } from '../lib/within.ts';
import { AppError, codeOf } from '../model/errors.ts';
import type { HomeUse } from './home-lock.ts';
import { Patience } from './patience.ts';
import { isBeside, isInUse, WatchConnection } from './watch-connection.ts';
import type { WatchedServer } from './watched-server.ts';

export type PostgresWatchOptions = {
  /** `postgres://...` of the primary. */
  url: string;
  use: HomeUse;
  log: Log;
};

/** What a process does about its database. */
export type WatchDuties = {
  /**
   * Proves that a database which was lost and found is the one it was: throws what a start would throw. It is given what its
   * own connections are to be opened by, since everybody else's are refused until it has resolved.
   */
  prove: (server: WatchedServer) => Promise<void>;
  /** The database is lost: what was opened of it must be forgotten. */
  lost: () => void;
  /** Another process says that there may be work. */
  hinted: () => void;
};

/** How often the server is looked at. */
const everyMs = 2000;
/** A server that is away is asked again soon at first, then this often. */
const pauseMsMax = 1000;
/** How long a server that is not up yet is waited for at start. */
const startMsMax = 10_000;
/** How long one that was found has to prove what it is: nobody beats while it does. */
const proveMsMax = 30_000;

/**
 * Holds a PostgreSQL archive for one process, on a connection of its own: the counterpart of `holdHome`.
 *
 * The lock ends with the connection. From the moment that this is lost the process has no database: `refuseLost` throws, so
 * that nothing is read and no job runs, until the lock is held again and the database has proved to be the one it was, not
 * one that was put in its place (DESIGN section 3, "Journal and restore"). Where it is not, or somebody has it alone by then,
 * that is final: `refused` rejects, and the process has to end. A lock that was held alone is never taken a second time.
 */
export class PostgresWatch implements WatchedServer {
  /** The server's: one clock for all processes of an archive, whatever their machines show. */
  readonly clock: Clock;
  readonly isShared: boolean;
  /** Rejects when the database is not ours any more. Never resolves. */
  readonly refused: Promise<never>;
  readonly #options: PostgresWatchOptions;
  readonly #followed = new FollowedClock();
  readonly #drops: (() => void)[] = [];
  readonly #cuts = new Set<() => void>();
  #refuse: (error: AppError) => void = () => undefined;
  #duties: WatchDuties | undefined;
  #connection: WatchConnection | undefined;
  #thereSince = Number.NEGATIVE_INFINITY;
  /** Undefined while the archive is held; else what whoever wants the database is told. */
  #lack: (() => AppError) | undefined;
  #beat: NodeJS.Timeout | undefined;
  #isEnding = false;
  #isTelling = false;
  #hasToTell = false;

  private constructor(options: PostgresWatchOptions) {
    this.#options = options;
    this.clock = this.#followed;
    this.isShared = options.use === 'shared';
    this.refused = new Promise((_resolve, reject) => {
      this.#refuse = reject;
    });
    // Whoever waits for it is told; a process in which nobody does meets the same error at its next statement.
    this.refused.catch(() => undefined);
  }

  /**
   * Takes the archive's lock. Throws `store_busy` in the words of `holdHome` where somebody uses the archive otherwise, and
   * `store_failed` where the server cannot be reached.
   */
  static async hold(options: PostgresWatchOptions): Promise<PostgresWatch> {
    const watch = new PostgresWatch(options);
    const patience = new Patience(startMsMax, pauseMsMax);
    for (;;) {
      try {
        await watch.#take();
        watch.#follow();
        return watch;
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (!patience.allows(error)) throw unreachable(error);
      }
      await patience.pause();
    }
  }

  /** Once, before anything may be found again: until then a lost database is lost for good. */
  attend(duties: WatchDuties): void {
    this.#duties = duties;
  }

  refuseLost(): void {
    if (this.#lack) throw this.#lack();
  }

  get thereSince(): number {
    return this.#thereSince;
  }

  async refuseOther(client: pg.ClientBase): Promise<void> {
    const session = this.#connection?.session;
    if (session === undefined || !(await isBeside(client, session))) throw elsewhere();
  }

  onFound(drop: () => void): void {
    this.#drops.push(drop);
  }

  onLost(cut: () => void): () => void {
    this.#cuts.add(cut);
    return () => this.#cuts.delete(cut);
  }

  /**
   * Says to the other processes that there may be work: a hint, never needed, and so never waited for. Call it after the
   * commit. One at a time: transactions that notify commit one after the other, in the whole server.
   */
  tell(): void {
    this.#hasToTell = true;
    if (!this.#isTelling) void this.#tellAll();
  }

  /** The process is about to end: while the database is lost nobody waits for it any more. */
  ending(): void {
    this.#isEnding = true;
  }

  /** Gives the lock back. Doing so twice is fine. */
  async release(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#beat);
    const connection = this.#connection;
    this.#connection = undefined;
    this.#lack ??= () => new AppError('store_failed', { detail: 'the archive was given back' });
    await connection?.end();
  }

  /** A connection that holds the lock, and the server's time. */
  async #take(): Promise<WatchConnection> {
    const { url, use } = this.#options;
    const connection = await WatchConnection.open(url, use, () => this.#duties?.hinted());
    try {
      const reading = await connection.readClock();
      this.#followed.note(reading);
      // Before it was up, nobody else had it either.
      this.#thereSince = Math.max(this.#thereSince, reading.answeredAt - reading.upMs);
    } catch (error) {
      await connection.end();
      throw error;
    }
    this.#connection = connection;
    return connection;
  }

  /** Looks at the server from time to time, and notices when the connection ends. */
  #follow(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    void connection.over.then((reason) => this.#lose(connection, reason));
    const beat = () => {
      connection.readClock().then(
        (reading) => {
          this.#followed.note(reading);
          if (this.#connection === connection) this.#beat = setTimeout(beat, everyMs).unref();
        },
        (error: unknown) => this.#lose(connection, error),
      );
    };
    this.#beat = setTimeout(beat, everyMs).unref();
  }

  #lose(connection: WatchConnection, reason: unknown): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    clearTimeout(this.#beat);
    const { log } = this.#options;
    log.error('database.lost', { code: codeOf(reason), detail: detailOf(reason) });
    this.#lack = () => (this.#isEnding ? unreachable(reason) : elsewhere());
    this.#duties?.lost();
    for (const cutOff of this.#cuts) cutOff();
    void connection.end();
    if (this.isShared && this.#duties) void this.#findAgain(steadyMs());
    else this.#giveUp(new AppError('store_failed', { detail: 'the connection that held the archive was lost' }));
  }

  async #findAgain(lostAt: number): Promise<void> {
    let pauseMs = 20;
    while (!this.#isEnding) {
      const failure = await this.#takeAndProve();
      if (failure === undefined) {
        this.#options.log.info('database.found', { awayMs: Math.round(steadyMs() - lostAt) });
        return;
      }
      if (!isPassing(failure)) return this.#giveUp(failure);
      await pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, pauseMsMax);
    }
  }

  /** What kept it from holding the database again; undefined where it does. */
  async #takeAndProve(): Promise<AppError | undefined> {
    let connection: WatchConnection | undefined;
    try {
      connection = await this.#take();
      const proving = this.#duties?.prove(this.#whileProving()) ?? Promise.resolve();
      await Promise.race([within(proveMsMax, proving, slowProof), connection.over.then(rethrow)]);
      if (this.#isEnding) throw elsewhere();
      for (const drop of this.#drops) drop();
      this.#thereSince = steadyMs();
      this.#lack = undefined;
      this.#follow();
      return undefined;
    } catch (error) {
      this.#connection = undefined;
      const failure = error instanceof AppError ? error : new AppError('internal', { cause: error });
      if (connection !== undefined) {
        this.#options.log.warn('database.not_proved', { code: failure.code, detail: failure.detail });
        await connection.end();
      }
      return failure;
    }
  }

  /** Lets in the one who proves, as everybody else will be once that is done. */
  #whileProving(): WatchedServer {
    return {
      isShared: this.isShared,
      thereSince: this.#thereSince,
      refuseLost: () => {
        if (this.#connection === undefined) throw elsewhere();
      },
      refuseOther: async (client) => await this.refuseOther(client),
      onFound: () => undefined,
      onLost: () => () => undefined,
    };
  }

  #giveUp(error: AppError): void {
    this.#lack = () => error;
    this.#options.log.error('database.refused', { code: error.code, detail: error.detail });
    this.#refuse(error);
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true;
    try {
      while (this.#hasToTell) {
        this.#hasToTell = false;
        await this.#connection?.tell();
      }
    } catch {
      // The connection is lost, which whoever follows it notices; all that wanted to be told look by themselves.
    } finally {
      this.#isTelling = false;
    }
  }
}

/** True for what may be over soon, and so is waited for; everything else a start is refused for too. */
function isPassing(error: unknown): boolean {
  return error instanceof AppError && error.retry === 'later' && !isInUse(error);
}

function unreachable(reason: unknown): AppError {
  const message = 'The database cannot be reached';
  const detail = detailOf(reason);
  return new AppError('store_failed', { message, ...(detail !== undefined && { detail }), cause: reason });
}

function elsewhere(): AppError {
  return new AppError('store_busy', { detail: 'the database was lost, and is looked for' });
}

function detailOf(error: unknown): string | undefined {
  return error instanceof AppError ? error.detail : undefined;
}

function slowProof(): AppError {
  return new AppError('store_busy', { detail: 'the database that was found does not answer' });
}

function rethrow(error: AppError): never {
  throw error;
}
