import type { Kysely } from 'kysely';
import { Bug } from '../model/errors.ts';
import type { ListParameter, SqlDialect } from './dialect.ts';
import type { Tables } from './tables.ts';

/** One value of a row. Yes and no are 1 and 0. */
export type Value = string | number | Uint8Array | null;

/** What a statement may carry: a value, a list, or a column of values (`SqlDialect.unnested`). */
export type Parameter = Value | ListParameter | readonly Value[];

/** What statements run on: one connection, or whichever of several is free. */
export interface SqlRunner {
  readonly dialect: SqlDialect;
  /** The query builder on this connection. */
  readonly builder: Kysely<Tables>;
  /** Runs a statement that answers with rows. The same text is prepared once. */
  rows(sql: string, parameters: readonly Parameter[]): Promise<unknown[]>;
  /** Runs a statement that answers with how many rows it changed. */
  change(sql: string, parameters: readonly Parameter[]): Promise<number>;
}

/** One connection to a database. Transactions on it are opened by a `Database` and nowhere else. */
export interface SqlConnection extends SqlRunner {
  /** A write transaction sees the last committed state. A read transaction sees the instant of this call. */
  begin(kind: 'read' | 'write'): Promise<void>;
  commit(): Promise<void>;
  /** Does nothing outside a transaction: some failures have ended it already. */
  rollback(): Promise<void>;
  /** Begins what `release` keeps and `undo` takes back. One at a time; throws outside a transaction. */
  savepoint(): Promise<void>;
  release(): Promise<void>;
  /** False when the failure that is to be undone has ended the whole transaction. */
  undo(): Promise<boolean>;
  /** See `Store.checkpoint`. */
  checkpoint(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * What the nouns of this folder run their statements on: a connection for as long as its holder may use it.
 *
 * Statements that requests wait for, those that carry many rows and those of the key tree are constant text, so that the
 * connection finds them prepared and nothing is built. What is rare, or differs from call to call, uses `builder`.
 */
export class Session {
  readonly #connection: SqlRunner;
  #isOver = false;

  constructor(connection: SqlRunner) {
    this.#connection = connection;
  }

  get dialect(): SqlDialect {
    return this.#connection.dialect;
  }

  /** The query builder, to be asked for anew for each statement. */
  get builder(): Kysely<Tables> {
    this.#check();
    return this.#connection.builder;
  }

  /** Rows of a statement. The caller names their shape; that it is so is what the contract suite proves. */
  async rows<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    this.#check();
    return (await this.#connection.rows(sql, parameters)) as Row[];
  }

  /** The first row of a statement. */
  async first<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row | undefined> {
    return (await this.rows<Row>(sql, parameters))[0];
  }

  /** Runs a statement and tells how many rows it changed. */
  async change(sql: string, parameters: readonly Parameter[]): Promise<number> {
    this.#check();
    return await this.#connection.change(sql, parameters);
  }

  /** From here on every use throws Bug: the connection may be in somebody else's transaction. */
  end(): void {
    this.#isOver = true;
  }

  #check(): void {
    if (this.#isOver) throw new Bug('a transaction was used after its end');
  }
}
