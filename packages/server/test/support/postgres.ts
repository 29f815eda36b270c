/** Databases of their own for tests, on the PostgreSQL server that `scripts/test-servers start` tells of. */
import { randomBytes } from 'node:crypto';
import { Client, DatabaseError, escapeIdentifier } from 'pg';
import { until } from './until.ts';

/** A server for tests, by the address of a database of it, with an account that may do everything there. */
export type PostgresServer = { url: string };

export type TestDatabase = {
  url: string;
  /** Drops it, with every connection that is left. */
  remove(): Promise<void>;
};

/** SQLSTATE `object_in_use`: somebody is connected to the template. */
const inUse = '55006';

/** The server named by `TACET_TEST_POSTGRES`; undefined where there is none. */
export function postgresServer(): PostgresServer | undefined {
  const url = process.env['TACET_TEST_POSTGRES'];
  return url ? { url } : undefined;
}

/**
 * A database that nobody else knows, empty or a copy of `template`. PostgreSQL copies one template for several at once, but
 * not while anybody is connected to it: the copy waits until they have gone.
 */
export async function newDatabase(
  server: PostgresServer,
  { template = 'template0' }: { template?: string } = {},
): Promise<TestDatabase> {
  const name = `tacet_test_${randomBytes(8).toString('hex')}`;
  const create = `create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)}`;
  await until(async () => {
    try {
      await adminQuery(server, create);
      return true;
    } catch (error) {
      if (error instanceof DatabaseError && error.code === inUse) return false;
      throw error;
    }
  });
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    remove: async () => {
      await adminQuery(server, `drop database if exists ${escapeIdentifier(name)} with (force)`);
    },
  };
}

/** Asks the server on a connection of its own, outside every transaction; answers the rows. */
export async function adminQuery(
  server: PostgresServer,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: server.url });
  // A connection that is cut while it waits has no query to fail; unheard, it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql, [...values]);
    return rows;
  } finally {
    await client.end();
  }
}
