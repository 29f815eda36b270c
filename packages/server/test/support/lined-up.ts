/** Write transactions on PostgreSQL that stand still until they are told to go on, and who waits for them. */
import type { Store, StoreTx } from '../../src/model/store.ts';
import { adminQuery, type PostgresServer } from './postgres.ts';
import { until } from './until.ts';

export class LinedUp {
  readonly #server: PostgresServer;
  readonly #database: string;
  readonly #store: Store;
  /** What has been done, in that order. */
  readonly done: string[] = [];

  constructor(server: PostgresServer, subject: { store: Store; url: string }) {
    this.#server = server;
    this.#database = new URL(subject.url).pathname.slice(1);
    this.#store = subject.store;
  }

  /** Begins a transaction, does `work` in it, and stays there until `end`. Resolves when the work is done. */
  async stay(name: string, work: (tx: StoreTx) => Promise<unknown>): Promise<{ end(): Promise<void> }> {
    let leave: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      leave = resolve;
    });
    let ended: Promise<void> = Promise.resolve();
    await new Promise<void>((resolve, reject) => {
      ended = this.#store.write(async (tx) => {
        await work(tx);
        this.done.push(name);
        resolve();
        await told;
      });
      ended.catch(reject);
    });
    return {
      end: async () => {
        leave();
        await ended;
      },
    };
  }

  /** Does `work` in a transaction of its own. Resolves, to what ends with it, when it is done or `waiting` stand in line. */
  async come(name: string, work: (tx: StoreTx) => Promise<unknown>, waiting: number): Promise<Promise<void>[]> {
    let isOver = false;
    const met = this.#store
      .write(async (tx) => {
        await work(tx);
        this.done.push(name);
      })
      .finally(() => {
        isOver = true;
      });
    await until(async () => isOver || (await this.waiting()) >= waiting);
    return [met];
  }

  /** True when `second` waits for a transaction that has done `first` and has not ended. */
  async waits(first: (tx: StoreTx) => Promise<unknown>, second: (tx: StoreTx) => Promise<unknown>): Promise<boolean> {
    const one = await this.stay('first', first);
    const met = await this.come('second', second, 1);
    const isWaiting = (await this.waiting()) > 0;
    await one.end();
    await Promise.all(met);
    return isWaiting;
  }

  /** How many transactions wait for what others have. */
  async waiting(): Promise<number> {
    const sql = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'";
    return (await adminQuery(this.#server, sql, [this.#database])).length;
  }
}
