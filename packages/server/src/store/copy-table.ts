import type { Faults } from '../lib/faults.ts';
import { batches, rowInsert } from './batches.ts';
import type { CopiedTable } from './copied-tables.ts';
import type { Database } from './database.ts';
import { type AnyRow, areSame, compareKeys, keyOf, type RowValue, rowPages } from './row-pages.ts';
import type { Session } from './session.ts';

export type CopyTableOptions = {
  from: Database;
  to: Database;
  faults: Faults;
  /** Told how many rows have been looked at. */
  onProgress: (rows: number) => void;
};

/** What a copy did: rows that the source had, and rows that were put into the target or taken from it. */
export type TableCopied = { rows: number; changed: number };

/** What one transaction changes at the most; a row more, where rows are large. */
const rowsMax = 1000;
const bytesMax = 4 * 2 ** 20;

/**
 * Makes a table of the target what it is in the source: walks through both in the order of the primary key, and where they
 * differ takes away what the source does not have so and puts in what the target lacks. Where nothing differs nothing is
 * written, so that going on after a death costs reading alone; and a copy of tables at rest that changed nothing has proved
 * them equal, row by row and value by value.
 *
 * A changed row is deleted and inserted, never updated, and one that another row stands in the way of (there are keys besides
 * the primary one) is left out. So after a first copy of a source at rest everything in the target is the source's, nothing
 * stands in the way of the second, and the third changes nothing.
 */
export async function copyTable(table: CopiedTable, options: CopyTableOptions): Promise<TableCopied> {
  const [source, target] = [new Cursor(options.from.reads, table), new Cursor(options.to.reads, table)];
  const changes = new Changes(table, options);
  let rows = 0;
  for (;;) {
    const [mine, theirs] = [await source.row(), await target.row()];
    if (mine === undefined && theirs === undefined) break;
    const order = orderOf(table, mine, theirs);
    const isCopied = mine !== undefined && theirs !== undefined && order === 0 && areSame(mine, theirs);
    if (theirs && order >= 0) {
      if (!isCopied) changes.remove(theirs);
      target.next();
    }
    if (mine && order <= 0) {
      if (!isCopied) changes.add(mine);
      source.next();
      rows += 1;
      if (rows % rowsMax === 0) options.onProgress(rows);
    }
    if (changes.areMany) await changes.write();
  }
  await changes.write();
  options.onProgress(rows);
  return { rows, changed: changes.count };
}

/** A row that is not there comes after every other. */
function orderOf(table: CopiedTable, mine: AnyRow | undefined, theirs: AnyRow | undefined): number {
  if (mine === undefined) return 1;
  return theirs === undefined ? -1 : compareKeys(keyOf(table, mine), keyOf(table, theirs));
}

/** Goes through the rows of a table, one at a time. */
class Cursor {
  readonly #pages: AsyncGenerator<readonly AnyRow[]>;
  #page: readonly AnyRow[] = [];
  #at = 0;

  constructor(session: Session, table: CopiedTable) {
    this.#pages = rowPages(session, table);
  }

  /** The row that it stands at; undefined past the last. */
  async row(): Promise<AnyRow | undefined> {
    while (this.#at >= this.#page.length) {
      const { done, value } = await this.#pages.next();
      if (done) return undefined;
      this.#page = value;
      this.#at = 0;
    }
    return this.#page[this.#at];
  }

  next(): void {
    this.#at += 1;
  }
}

/** What is to be changed in the target, until it is enough for a transaction. */
class Changes {
  readonly #table: CopiedTable;
  readonly #options: CopyTableOptions;
  #removed: AnyRow[] = [];
  #added: AnyRow[] = [];
  #bytes = 0;
  /** Changes so far, those included that another row stood in the way of. */
  count = 0;

  constructor(table: CopiedTable, options: CopyTableOptions) {
    this.#table = table;
    this.#options = options;
  }

  remove(row: AnyRow): void {
    this.#removed.push(row);
    this.count += 1;
  }

  add(row: AnyRow): void {
    this.#added.push(row);
    this.#bytes += this.#table.large === null ? 0 : sizeOf(row[this.#table.large]);
    this.count += 1;
  }

  get areMany(): boolean {
    return this.#removed.length + this.#added.length >= rowsMax || this.#bytes >= bytesMax;
  }

  async write(): Promise<void> {
    const [removed, added] = [this.#removed, this.#added];
    if (removed.length + added.length === 0) return;
    await this.#options.to.write(async (session) => {
      await deleteRows(session, this.#table, removed);
      await insertRows(session, this.#table, added);
    });
    [this.#removed, this.#added, this.#bytes] = [[], [], 0];
    await this.#options.faults.at('move:rows-written');
  }
}

function sizeOf(value: RowValue | undefined): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
}

async function deleteRows(session: Session, table: CopiedTable, rows: readonly AnyRow[]): Promise<void> {
  const one = `(${table.key.map((column) => `${column} = ?`).join(' AND ')})`;
  for (const batch of batches(rows)) {
    const which = batch.map(() => one).join(' OR ');
    const keys = batch.flatMap((row) => keyOf(table, row));
    await session.change(`DELETE FROM ${table.name} WHERE ${which}`, keys);
  }
}

async function insertRows(session: Session, table: CopiedTable, rows: readonly AnyRow[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first);
  const insert = rowInsert({ table: table.name, columns }, 'ON CONFLICT DO NOTHING');
  await insert(
    session,
    rows.map((row) => columns.map((column) => row[column] ?? null)),
  );
}
