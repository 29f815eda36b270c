import type { SqlDialect } from '../dialect.ts';

/** One step of the schema, forward only. Its name is its place in the ledger and never changes. */
export type Migration = { name: string; statements: (words: SqlDialect['schema']) => readonly string[] };
