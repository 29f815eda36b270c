import type { Faults } from '../lib/faults.ts';
import { nextTurn } from '../lib/next-turn.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { QueuedWrite } from './queued-write.ts';
import type { SqlConnection } from './session.ts';

// A transaction takes no new work after this time or at this count: its first caller waits for all the others, and so
// does whatever else the process has to do.
const takeMsMax = 10;
const worksMax = 64;

/** What a group does with a write, whatever the write answers. */
type Work = Pick<QueuedWrite<never>, 'run' | 'settle' | 'fail' | 'patience'>;

/**
 * Writes that stand next to each other in the queue, and share transactions: a commit is one wait for the disk, however
 * many works it makes durable.
 *
 * Each work runs after the one before it has ended, in a savepoint of its own, so it sees what its predecessors wrote and
 * nothing of one that failed: that was rolled back before its successor began. What it has seen without its being
 * committed stands or falls with it, since there is one COMMIT for all. This holds for failures too: "that session is
 * taken" may rest on a row of a neighbour. So nobody is told anything before the COMMIT has answered. Where it fails it
 * has failed for every work: after a conflict all run again, from the start and in the same order; any other error each
 * of them gets.
 *
 * The first work needs no savepoint: with nothing before it, rolling back the transaction is the same. So a write for
 * which nobody waits costs what it did without groups.
 *
 * A failure that makes the database give up the whole transaction (no space left, say) is the error of the work that met
 * it; the works before it run again without it.
 *
 * What a work does besides statements must not count on its neighbours' commit: reads outside of the transaction do not
 * see what they wrote. And one that waits for something slow keeps those that ran before it waiting too; the group then
 * takes nobody else. The key tree's own transactions therefore never join a group (`Db.writeAlone`): they write to the
 * vault, and what is durable there must precede just their own commit.
 */
export class WriteGroup {
  readonly #connection: SqlConnection;
  readonly #faults: Faults;
  /** In the order of the calls. A work leaves when its caller is told. */
  readonly #waiting: Work[] = [];
  #isOver = false;

  constructor(connection: SqlConnection, faults: Faults) {
    this.#connection = connection;
    this.#faults = faults;
  }

  /** False when the group has ended, and another one is needed. */
  add(work: Work): boolean {
    if (!this.#isOver) this.#waiting.push(work);
    return !this.#isOver;
  }

  /** Runs transactions until nobody waits any more, which ends the group. */
  async run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        // Works are promises kept at once: without this a long queue would keep the loop from turning.
        await nextTurn();
        await this.#transact();
      }
    } catch (error) {
      // Not even a rollback was possible.
      for (const work of this.#waiting.splice(0)) work.fail(error);
    } finally {
      this.#isOver = true;
    }
  }

  async #transact(): Promise<void> {
    const ran: Work[] = [];
    try {
      await this.#connection.begin('write');
      await this.#runInto(ran);
      await this.#faults.at('store:before-commit');
      await this.#connection.commit();
    } catch (error) {
      await this.#connection.rollback();
      await this.#tryAgain(ran.length === 0 ? this.#waiting.slice(0, 1) : ran, error);
      return;
    }
    this.#waiting.splice(0, ran.length);
    try {
      await this.#faults.at('store:committed');
      for (const work of ran) work.settle();
    } catch (error) {
      for (const work of ran) work.fail(error);
    }
  }

  /** Adds to `ran` what is to be committed, failures that left nothing included. Throws where nothing can be. */
  async #runInto(ran: Work[]): Promise<void> {
    const began = performance.now();
    for (;;) {
      const work = this.#waiting[ran.length];
      if (work === undefined || ran.length === worksMax) return;
      if (ran.length === 0) await work.run(this.#connection);
      else if (performance.now() - began > takeMsMax || !(await this.#runBeside(work))) return;
      ran.push(work);
    }
  }

  /** False when the work met a conflict: it comes first in the next transaction. */
  async #runBeside(work: Work): Promise<boolean> {
    await this.#connection.savepoint();
    try {
      await work.run(this.#connection);
      await this.#connection.release();
    } catch (error) {
      if (!(await this.#connection.undo())) {
        this.#waiting.splice(this.#waiting.indexOf(work), 1);
        work.fail(error);
        throw new AppError('store_busy', { detail: 'a neighbour ended the transaction', cause: error });
      }
      return !hasCode(error, 'store_busy');
    }
    return true;
  }

  /** Leaves those in the queue that have time for another attempt. */
  async #tryAgain(works: readonly Work[], error: unknown): Promise<void> {
    const [first] = works.filter((work) => {
      const isTried = work.patience.allows(error);
      if (!isTried) {
        this.#waiting.splice(this.#waiting.indexOf(work), 1);
        work.fail(error);
      }
      return isTried;
    });
    await first?.patience.pause();
  }
}
