/**
 * What differs between the databases, by name. A statement that is not the same everywhere asks this record, so a second
 * database answers every question here and nowhere else.
 *
 * Statements mark their parameters with `?`; a connection whose database numbers them does that itself.
 */
export type SqlDialect = {
  name: 'sqlite';
  /** Words for migrations. */
  schema: {
    bytes: string;
    /** Holds 53 bits and more. */
    integer: string;
    /** An integer primary key that the database counts up and never reuses. */
    counter: string;
    /** Ends a table whose rows may lie in any order. */
    heap: string;
    /** Ends a table whose rows lie in the order of their primary key, where the database can. */
    clustered: string;
  };
  /** The one parameter that carries many values, for `within` and `listed`. */
  list(values: readonly (string | number)[]): string;
  /** Tests `column` against one parameter made by `list`. */
  within(column: string): string;
  /** A table with columns `position`, from 0, and `value` out of one parameter made by `list`. */
  listed: string;
  /** Ends a SELECT that takes its rows for this transaction. */
  lock: {
    shared: string;
    alone: string;
    /** Alone, and leaves out rows that somebody else has taken. */
    free: string;
  };
};

/** SQLite 3.45 or later: strict tables, JSON functions. A write transaction has the whole database, so nothing locks rows. */
export const sqliteDialect: SqlDialect = {
  name: 'sqlite',
  schema: {
    bytes: 'BLOB',
    integer: 'INTEGER',
    counter: 'INTEGER PRIMARY KEY AUTOINCREMENT',
    heap: 'STRICT',
    clustered: 'WITHOUT ROWID, STRICT',
  },
  list: (values) => JSON.stringify(values),
  within: (column) => `${column} IN (SELECT value FROM json_each(?))`,
  listed: '(SELECT key AS position, value FROM json_each(?))',
  lock: { shared: '', alone: '', free: '' },
};
