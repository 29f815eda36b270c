import { countedTables } from './copied-tables.ts';
import type { SqlDialect } from './dialect.ts';
import type { Session } from './session.ts';

/** The last number that a table was given, 0 for none, even where its row is gone; and how to go on from there. */
type Counter = { last: (table: string) => string; set: ((table: string) => string) | null };

const counters: Readonly<Record<SqlDialect['name'], Counter>> = {
  sqlite: {
    last: (table) => `SELECT coalesce(max(seq), 0) AS last FROM sqlite_sequence WHERE name = '${table}'`,
    // Nothing is ever moved into a file.
    set: null,
  },
  postgres: {
    last: (table) => `SELECT coalesce(max(last_value), 0) AS last FROM pg_sequences
      WHERE CAST(format('%I.%I', schemaname, sequencename) AS regclass)
        = CAST(pg_get_serial_sequence('${table}', 'number') AS regclass)`,
    set: (table) => `SELECT setval(pg_get_serial_sequence('${table}', 'number'), ?)`,
  },
};

/** Has the target count on from where the source has come to, so that no number is ever given twice. */
export async function copyCounters(from: Session, to: Session): Promise<void> {
  const { set } = counters[to.dialect.name];
  if (set === null) return;
  for (const table of countedTables) {
    const last = (await from.first<{ last: number }>(counters[from.dialect.name].last(table), []))?.last ?? 0;
    if (last > 0) await to.rows(set(table), [last]);
  }
}
