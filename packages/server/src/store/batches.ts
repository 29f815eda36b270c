import type { ColumnType } from './dialect.ts';
import type { Session, Value } from './session.ts';

// Few sizes, so that each is one statement that stays prepared.
const sizes = [64, 16, 4, 1];

/** Cuts `items` into pieces of 64, then what remains into pieces of 16, 4 and 1. */
export function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  let from = 0;
  for (const size of sizes) {
    for (; items.length - from >= size; from += size) yield items.slice(from, from + size);
  }
}

/** `?, ?, ?`, as many as `count`; for none what nothing is equal to, since not every database takes an empty list. */
export function marks(count: number): string {
  if (count === 0) return 'NULL';
  return Array.from({ length: count }, () => '?').join(', ');
}

/**
 * A statement per batch size. `text` is called once for each; what it makes is long, and building it for every batch
 * would take as long as running it.
 */
export function perBatch(text: (size: number) => string): (batch: readonly unknown[]) => string {
  const texts = new Map(sizes.map((size) => [size, text(size)]));
  return (batch) => texts.get(batch.length) ?? text(batch.length);
}

/** Columns of an INSERT; with their types where rows may come by the hundred. */
type InsertColumns = readonly string[] | Readonly<Record<string, ColumnType>>;

/** One row is bound by itself. */
const unnestedMin = 2;
/** Bounds what one statement carries. */
const unnestedMax = 4096;

/** An INSERT of any number of rows. `into` names table and columns, `onConflict` says what happens then. */
export function rowInsert(
  into: { table: string; columns: InsertColumns },
  onConflict = '',
): (session: Session, rows: readonly (readonly Value[])[]) => Promise<void> {
  const { names, types } = namesAndTypes(into.columns);
  const row = `(${marks(names.length)})`;
  const head = `INSERT INTO ${into.table} (${names.join(', ')})`;
  const textOf = perBatch(
    (size) => `${head} VALUES ${Array.from({ length: size }, () => row).join(', ')} ${onConflict}`,
  );
  return async (session, rows) => {
    const { unnested } = session.dialect;
    if (unnested !== null && types !== undefined && rows.length >= unnestedMin) {
      const sql = `${head} SELECT * FROM ${unnested(types)} ${onConflict}`;
      for (let from = 0; from < rows.length; from += unnestedMax) {
        await session.change(sql, columnsOf(rows.slice(from, from + unnestedMax), types.length));
      }
    } else for (const batch of batches(rows)) await session.change(textOf(batch), batch.flat());
  };
}

function namesAndTypes(columns: InsertColumns): { names: readonly string[]; types: readonly ColumnType[] | undefined } {
  if (isList(columns)) return { names: columns, types: undefined };
  return { names: Object.keys(columns), types: Object.values(columns) };
}

/** `Array.isArray` knows nothing of lists that may not be written to. */
function isList(columns: InsertColumns): columns is readonly string[] {
  return Array.isArray(columns);
}

/** Rows as columns: the parameters of `SqlDialect.unnested`. */
export function columnsOf(rows: readonly (readonly Value[])[], count: number): Value[][] {
  return Array.from({ length: count }, (_, i) => rows.map((row) => row[i] ?? null));
}
