import type { CopiedTable } from './copied-tables.ts';
import type { Session } from './session.ts';

/** A value as both databases give and take it. */
export type RowValue = string | number | Uint8Array | null;
/** A row with all of its columns. */
export type AnyRow = Readonly<Record<string, RowValue>>;

/** The most that is held of a table at a time: rows, or bytes of its large column (a row more, at the worst). */
const rowsMax = 1000;
const bytesMax = 4 * 2 ** 20;

/**
 * Every row of a table in the order of its primary key, in pages of which each sees what is committed when it is read. Rows
 * that are there from the first page to the last are told once; those that come or go meanwhile may be told or not.
 */
export async function* rowPages(session: Session, table: CopiedTable): AsyncGenerator<readonly AnyRow[]> {
  for (let after: RowValue[] | undefined; ; ) {
    const page =
      table.large === null ? await readPage(session, table, after) : await readBounded(session, table, after);
    if (page === undefined) return;
    yield page.rows;
    after = page.end;
  }
}

/** Rows, and the key up to which they are all that there are. */
type Page = { rows: readonly AnyRow[]; end: RowValue[] };

async function readPage(
  session: Session,
  table: CopiedTable,
  after: RowValue[] | undefined,
): Promise<Page | undefined> {
  const { name, key } = table;
  const sql = `SELECT * FROM ${name} ${behind(table, after)} ORDER BY ${key.join(', ')} LIMIT ${rowsMax}`;
  const rows = await session.rows<AnyRow>(sql, after ?? []);
  const last = rows.at(-1);
  return last && { rows, end: keyOf(table, last) };
}

/** Looks at how large the rows are before it reads as many of them as may be held. */
async function readBounded(
  session: Session,
  table: CopiedTable,
  after: RowValue[] | undefined,
): Promise<Page | undefined> {
  const { name, key, large } = table;
  const columns = key.join(', ');
  const sizes = `SELECT ${columns}, coalesce(length(${large}), 0) AS size FROM ${name} ${behind(table, after)}
    ORDER BY ${columns} LIMIT ${rowsMax}`;
  const sized = await session.rows<AnyRow & { size: number }>(sizes, after ?? []);
  let bytes = 0;
  const first = sized.find((row) => {
    bytes += row.size;
    return bytes > bytesMax;
  });
  const last = first ?? sized.at(-1);
  if (last === undefined) return undefined;
  const end = keyOf(table, last);
  const sql = `SELECT * FROM ${name} ${behind(table, after) || 'WHERE true'} AND (${columns}) <= (${marksOf(key)})
    ORDER BY ${columns}`;
  return { rows: await session.rows<AnyRow>(sql, [...(after ?? []), ...end]), end };
}

/** Whose parameters are the values of `after`. */
function behind({ key }: CopiedTable, after: RowValue[] | undefined): string {
  return after === undefined ? '' : `WHERE (${key.join(', ')}) > (${marksOf(key)})`;
}

function marksOf(key: readonly string[]): string {
  return key.map(() => '?').join(', ');
}

/** The values of a row's primary key. */
export function keyOf({ key }: CopiedTable, row: AnyRow): RowValue[] {
  return key.map((column) => row[column] ?? null);
}

/** Below, at or above zero, as rows with these keys stand to each other: bytes and text by their bytes, numbers by size. */
export function compareKeys(one: readonly RowValue[], other: readonly RowValue[]): number {
  for (const [i, value] of one.entries()) {
    const order = compareValues(value, other[i] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function compareValues(one: RowValue, other: RowValue): number {
  if (one === other) return 0;
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return Buffer.compare(bytesOf(one), bytesOf(other));
}

function bytesOf(value: RowValue): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(String(value));
}

/** True where two rows have the same columns with the same values. */
export function areSame(one: AnyRow, other: AnyRow): boolean {
  const columns = Object.keys(one);
  return columns.length === Object.keys(other).length && columns.every((name) => isSame(one[name], other[name]));
}

function isSame(one: RowValue | undefined, other: RowValue | undefined): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  return one === other;
}
