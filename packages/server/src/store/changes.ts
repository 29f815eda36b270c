import { Bug } from '../model/errors.ts';
import type { Parameter, Session } from './session.ts';
import type { Tables } from './tables.ts';

/** Columns and their values. Those that are undefined are not spoken of. */
type Columns = Readonly<Record<string, Parameter | undefined>>;

/** Adds one row. */
export async function insertOne(session: Session, table: keyof Tables, row: Columns): Promise<void> {
  const entries = Object.entries(row).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
  const names = entries.map(({ name }) => name).join(', ');
  const marks = entries.map(() => '?').join(', ');
  await session.change(
    `INSERT INTO ${table} (${names}) VALUES (${marks})`,
    entries.map(({ value }) => value),
  );
}

/**
 * What an UPDATE sets: `a = ?, b = ?` and the parameters. The same columns always make the same text. Undefined when
 * nothing is to be changed, which no UPDATE can say.
 */
export function assignments(change: Columns): { text: string; parameters: Parameter[] } | undefined {
  const names: string[] = [];
  const parameters: Parameter[] = [];
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) continue;
    names.push(`${name} = ?`);
    parameters.push(value);
  }
  return names.length === 0 ? undefined : { text: names.join(', '), parameters };
}

/**
 * Changes the row whose column `by` is `key`. That it is there is for the caller to know, who has read it in the same
 * transaction: where it is not, this throws Bug. Does nothing when the change changes nothing.
 */
export async function changeOne(
  session: Session,
  row: { table: keyof Tables; by: string; key: Parameter },
  change: Columns,
): Promise<void> {
  const set = assignments(change);
  if (set === undefined) return;
  const sql = `UPDATE ${row.table} SET ${set.text} WHERE ${row.by} = ?`;
  const changed = await session.change(sql, [...set.parameters, row.key]);
  if (changed !== 1) throw new Bug('the row to be changed is not there');
}
