import type { SqlDialect } from './dialect.ts';
import type { Session } from './session.ts';
import type { Tables } from './tables.ts';

/**
 * Closes a database for writes, for everybody and for good: from the commit on the database itself refuses them, also those
 * of a process that has lost its hold on the archive and does not know it yet.
 */
export async function closeForWrites(session: Session, tables: readonly (keyof Tables)[]): Promise<void> {
  const { before, close } = closings[session.dialect.name];
  for (const statement of [...before, ...tables.flatMap(close)]) await session.change(statement, []);
}

/** Opens it again. */
export async function openForWrites(session: Session, tables: readonly (keyof Tables)[]): Promise<void> {
  const { open, after } = closings[session.dialect.name];
  for (const statement of [...tables.flatMap(open), ...after]) await session.change(statement, []);
}

const closedMessage = 'the archive was moved';
/** What PostgreSQL answers a write with then, for whoever turns its failures into ours: an SQLSTATE that is nobody else's. */
export const closedState = 'TA001';

type Closing = {
  before: readonly string[];
  close: (table: string) => string[];
  open: (table: string) => string[];
  after: readonly string[];
};

const closings: Readonly<Record<SqlDialect['name'], Closing>> = {
  sqlite: {
    before: [],
    close: (table) =>
      ['INSERT', 'UPDATE', 'DELETE'].map(
        (write) => `CREATE TRIGGER closed_${table}_${write} BEFORE ${write} ON ${table}
          BEGIN SELECT RAISE(ABORT, '${closedMessage}'); END`,
      ),
    open: (table) => ['INSERT', 'UPDATE', 'DELETE'].map((write) => `DROP TRIGGER closed_${table}_${write}`),
    after: [],
  },
  postgres: {
    before: [
      `CREATE FUNCTION refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '${closedMessage}' USING ERRCODE = '${closedState}'; END $$`,
    ],
    close: (table) => [
      `CREATE TRIGGER closed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_write()`,
    ],
    open: (table) => [`DROP TRIGGER closed ON ${table}`],
    after: ['DROP FUNCTION refuse_write()'],
  },
};
