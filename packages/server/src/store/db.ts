import type { Faults } from '../lib/faults.ts';
import { nextTurn } from '../lib/next-turn.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { Database } from './database.ts';
import { patiently } from './patience.ts';
import { QueuedWrite } from './queued-write.ts';
import { Session, type SqlConnection } from './session.ts';
import { type ConnectionRole, prepareSqliteFile, SqliteConnection } from './sqlite-driver.ts';
import { WriteGroup } from './write-group.ts';

export type DbOptions = {
  file: string;
  /** How long a write transaction waits for other processes before `store_busy`. */
  busyTimeoutMs: number;
  faults: Faults;
};

/**
 * The only place, with its `WriteGroup`, that opens transactions, and the only one that tries again.
 *
 * Writers of this process stand in one fair queue; among processes SQLite's write lock decides. Neighbours in the queue
 * share a commit. Readers have a connection of their own and wait for nobody.
 */
export class Db implements Database {
  /** Reads of the last committed state. */
  readonly reads: Session;
  /** Writers of this and of all other processes wait for each other. */
  readonly writeAimMs = 35;
  readonly #options: DbOptions;
  readonly #writer: SqlConnection;
  readonly #reader: SqlConnection;
  #queue: Promise<unknown> = Promise.resolve();
  /** The end of the queue, where a write may join it. */
  #group: WriteGroup | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: DbOptions, writer: SqlConnection, reader: SqlConnection) {
    this.#options = options;
    this.#writer = writer;
    this.#reader = reader;
    this.reads = new Session(reader);
  }

  /** Opens the database in `file`, which is created, empty, where it is missing. */
  static async open(options: DbOptions): Promise<Db> {
    await prepareSqliteFile(options.file);
    const connect = (role: ConnectionRole) =>
      patiently(options.busyTimeoutMs, async () => new SqliteConnection(options.file, role));
    const writer = await connect('write');
    try {
      return new Db(options, writer, await connect('read'));
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /**
   * Runs `work` in a write transaction, again from the start when the database was busy, and commits. Whatever it throws
   * undoes all of it, and only it: writes that wait at the same time may share the transaction (`WriteGroup`). Resolves
   * when the commit is durable. Never to be called from inside another write: it would wait for itself.
   */
  async write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    this.#refuseClosed();
    const write = new QueuedWrite(work, this.#options.busyTimeoutMs);
    if (!this.#group?.add(write)) {
      const group = new WriteGroup(this.#writer, this.#options.faults);
      group.add(write);
      void this.#queueUp(() => group.run());
      this.#group = group;
    }
    return await write.settled;
  }

  /** The same in a transaction that nobody shares: for work whose effects outside the database belong to its commit. */
  writeAlone<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#inTurn(() => this.#transact(() => this.#attempt(this.#writer, work)));
  }

  /** The same, alone too, on a connection opened for this transaction, to the file that has the name now. */
  writeFresh<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#inTurn(() => this.#transact(() => this.#attemptFresh(work)));
  }

  /** Reads that all see the instant of the call. */
  async snapshot<T>(work: (session: Session) => Promise<T>): Promise<T> {
    this.#refuseClosed();
    const connection = new SqliteConnection(this.#options.file, 'read');
    const session = new Session(connection);
    try {
      await connection.begin('read');
      return await work(session);
    } finally {
      session.end();
      await connection.close();
    }
  }

  /** See `Store.checkpoint`. Tries once. */
  checkpoint(): Promise<boolean> {
    return this.#inTurn(async () => {
      try {
        return await this.#writer.checkpoint();
      } catch (error) {
        if (hasCode(error, 'store_busy')) return false;
        throw error;
      }
    });
  }

  /** Waits for the writers in the queue, lets in no more, and closes. */
  close(): Promise<void> {
    this.#closing ??= this.#closeInTurn();
    return this.#closing;
  }

  async #closeInTurn(): Promise<void> {
    await this.#queue;
    this.reads.end();
    await this.#reader.close();
    await this.#writer.close();
  }

  #refuseClosed(): void {
    if (this.#closing) throw new AppError('internal', { detail: 'the database is closed' });
  }

  /** One after the other, in the order of the calls. */
  async #inTurn<T>(step: () => Promise<T>): Promise<T> {
    this.#refuseClosed();
    return await this.#queueUp(async () => {
      // Everything in a transaction is a promise kept at once. Without this a long queue would keep the loop from turning.
      await nextTurn();
      return await step();
    });
  }

  /** Puts a turn at the end of the queue. Writes that come later come after it. */
  #queueUp<T>(turn: () => Promise<T>): Promise<T> {
    this.#group = undefined;
    const done = this.#queue.then(turn);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #transact<T>(attempt: () => Promise<T>): Promise<T> {
    const result = await patiently(this.#options.busyTimeoutMs, attempt);
    await this.#options.faults.at('store:committed');
    return result;
  }

  async #attempt<T>(connection: SqlConnection, work: (session: Session) => Promise<T>): Promise<T> {
    await connection.begin('write');
    const session = new Session(connection);
    try {
      const result = await work(session);
      session.end();
      await this.#options.faults.at('store:before-commit');
      await connection.commit();
      return result;
    } catch (error) {
      session.end();
      await connection.rollback();
      throw error;
    }
  }

  async #attemptFresh<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const connection = new SqliteConnection(this.#options.file, 'write');
    try {
      return await this.#attempt(connection, work);
    } finally {
      await connection.close();
    }
  }
}
