import { AppError, hasCode } from '../../src/model/errors.ts';
import type { KeyReads, KeyStore, KeyTx } from '../../src/model/key-store.ts';
import { Ledger } from './ledger.ts';
import { MemoryKeyReads, MemoryKeyTx } from './memory-key-tx.ts';
import { MemoryRowTx, MemoryTokenTx } from './memory-row-tx.ts';
import { type DatabaseState, emptyState, overlayOf } from './memory-state.ts';
import { type Life, never, type Outcome, Scheduler } from './scheduler.ts';

/** What a process is told whose connection was cut. */
const lost = 'connection lost';

/** What was committed, told to whoever keeps the truth. */
export type Commit = {
  before: DatabaseState;
  after: DatabaseState;
  database: MemoryDatabase;
  /** What `onBegin` said when the transaction had taken the lock. */
  begun: number;
};

export type MemoryDiskOptions = {
  scheduler: Scheduler;
  ledger: Ledger;
  /** Level of the topmost page. */
  topLevel: number;
  onBegin?: () => number;
  onCommit?: (commit: Commit) => void;
};

/** One database: the last committed state and its one write lock. */
export class MemoryDatabase {
  state: DatabaseState;
  #holder: Life | undefined;
  #queue: { life: Life; grant: () => void }[] = [];

  constructor(state: DatabaseState = emptyState()) {
    this.state = state;
  }

  get isLocked(): boolean {
    return this.#holder !== undefined;
  }

  async acquire(life: Life): Promise<void> {
    if (life.isDead) return await never();
    if (this.#holder !== undefined) {
      await new Promise<void>((resolve) => {
        this.#queue.push({ life, grant: resolve });
      });
      return;
    }
    this.#holder = life;
  }

  release(): void {
    const next = this.#queue.shift();
    this.#holder = next?.life;
    next?.grant();
  }

  /** Forgets a process: it waits no longer, and what it holds is free. */
  forget(life: Life): void {
    this.#queue = this.#queue.filter((one) => one.life !== life);
    if (this.#holder === life) this.release();
  }
}

/** The place where the database lies: `current` is replaced when a copy is put back. */
export class MemoryDisk {
  current = new MemoryDatabase();
  readonly #all = [this.current];
  readonly scheduler: Scheduler;
  readonly ledger: Ledger;
  readonly topLevel: number;
  readonly onBegin: () => number;
  readonly onCommit: (commit: Commit) => void;

  constructor(on: MemoryDiskOptions) {
    this.scheduler = on.scheduler;
    this.ledger = on.ledger;
    this.topLevel = on.topLevel;
    this.onBegin = on.onBegin ?? (() => 0);
    this.onCommit = on.onCommit ?? (() => {});
    this.scheduler.onDeath((life) => {
      for (const database of this.#all) database.forget(life);
    });
  }

  /** Puts a copy back: processes that opened the database before keep the one that was. */
  putBack(state: DatabaseState): void {
    this.current = new MemoryDatabase(state);
    this.#all.push(this.current);
  }
}

/** A write transaction over everything that the simulated product stores. */
export type MemoryTx = { keys: MemoryKeyTx; tokens: MemoryTokenTx; rows: MemoryRowTx };

/** One process's connection. As a `KeyStore` it serves the key tree; `transact` is what the product's store would be. */
export class MemoryKeyStore implements KeyStore {
  readonly database: MemoryDatabase;
  readonly reads: KeyReads;
  readonly #disk: MemoryDisk;
  readonly #life: Life;
  /** Transactions that are open, each with what cuts its connection. */
  readonly #open = new Set<() => void>();

  constructor(disk: MemoryDisk, life: Life) {
    this.database = disk.current;
    this.#disk = disk;
    this.#life = life;
    this.reads = new MemoryKeyReads(
      () => this.database.state,
      async (point) => await this.#pause(point),
    );
  }

  readonly write = async <T>(work: (tx: KeyTx) => Promise<T>): Promise<T> =>
    await this.#transact(this.database, async (tx) => await work(tx.keys));

  readonly writeFresh = async <T>(work: (tx: KeyTx) => Promise<T>): Promise<T> =>
    await this.#transact(this.#disk.current, async (tx) => await work(tx.keys));

  /**
   * Cuts the connections of this process: its transactions are rolled back and their locks are free, which it learns when it
   * next speaks to the database. Until then it goes on with whatever it does to the vault. True if any was open.
   */
  cut(): boolean {
    const open = [...this.#open];
    for (const cut of open) cut();
    return open.length > 0;
  }

  async transact<T>(work: (tx: MemoryTx) => Promise<T>): Promise<T> {
    return await this.#transact(this.database, work);
  }

  async #transact<T>(database: MemoryDatabase, work: (tx: MemoryTx) => Promise<T>): Promise<T> {
    for (;;) {
      await this.#pause('tx:begin');
      await database.acquire(this.#life);
      const done = await this.#attempt(database, work);
      if (done !== 'conflict') {
        await this.#pause('tx:done');
        return done.result;
      }
    }
  }

  async #attempt<T>(database: MemoryDatabase, work: (tx: MemoryTx) => Promise<T>): Promise<{ result: T } | 'conflict'> {
    const [before, begun] = [database.state, this.#disk.onBegin()];
    let after: DatabaseState | undefined = overlayOf(before);
    const connection = { isCut: false };
    const cut = () => {
      connection.isCut = true;
      this.#open.delete(cut);
      database.release();
    };
    this.#open.add(cut);
    const state = () => {
      if (connection.isCut) throw new AppError('store_busy', { detail: lost });
      if (after === undefined) throw new Error('a transaction was used after its end');
      return after;
    };
    try {
      const result = await work(this.#tx(state));
      const outcome = await this.#gate('tx:commit');
      if (outcome === 'conflict') return 'conflict';
      if (outcome === 'fail') throw new AppError('store_busy');
      database.state = state();
      this.#disk.onCommit({ before, after: database.state, database, begun });
      if (outcome === 'lost-answer') throw new AppError('store_busy');
      return { result };
    } catch (error) {
      // As on PostgreSQL: the transaction is tried again on another connection.
      if (connection.isCut && hasCode(error, 'store_busy') && error.detail === lost) return 'conflict';
      throw error;
    } finally {
      after = undefined;
      this.#open.delete(cut);
      if (!connection.isCut) database.release();
    }
  }

  #tx(state: () => DatabaseState): MemoryTx {
    const on = { state, ledger: this.#disk.ledger, pause: async (point: string) => await this.#pause(point) };
    return {
      keys: new MemoryKeyTx({ ...on, topLevel: this.#disk.topLevel }),
      tokens: new MemoryTokenTx(on),
      rows: new MemoryRowTx(on),
    };
  }

  #gate(point: string): Promise<Outcome> {
    return this.#disk.scheduler.gate(this.#life, point);
  }

  async #pause(point: string): Promise<void> {
    await this.#gate(point);
  }
}

/** A store of its own whose gates all stand open: for the contract suite. */
export function openMemoryKeyStore(options: { topLevel: number }): { disk: MemoryDisk; store: MemoryKeyStore } {
  const scheduler = new Scheduler();
  scheduler.isOpen = true;
  const disk = new MemoryDisk({ scheduler, ledger: new Ledger(), topLevel: options.topLevel });
  return { disk, store: new MemoryKeyStore(disk, { name: 'alone', isDead: false }) };
}
