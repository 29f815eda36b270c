/** Stores in PostgreSQL databases of their own, which are gone after the test. */
import { afterAll } from 'vitest';
import { AppError } from '../../src/model/errors.ts';
import { openPostgresStore, type PostgresStoreOptions } from '../../src/store/open-postgres.ts';
import { newDatabase, type PostgresServer, postgresServer, type TestDatabase } from './postgres.ts';
import type { StoreSubject } from './store-subject.ts';

/** Of the server that all tests share, made when a test file first wants one: to copy takes less than to migrate. */
let template: Promise<TestDatabase> | undefined;
afterAll(async () => await (await template)?.remove());

/** A database of its own that has the schema and nothing else. */
export async function newMigratedDatabase(server: PostgresServer): Promise<TestDatabase> {
  // A server that a test has to itself makes few, and is gone before the template would be.
  if (server.url !== postgresServer()?.url) return await migrated(server);
  template ??= migrated(server);
  return await newDatabase(server, { template: new URL((await template).url).pathname.slice(1) });
}

async function migrated(server: PostgresServer): Promise<TestDatabase> {
  const database = await newDatabase(server);
  const store = openPostgresStore({ url: database.url });
  try {
    await store.migrate();
  } finally {
    await store.close();
  }
  return database;
}

/** A fresh store with its schema. Closing it removes its database. */
export async function openNewPostgresStore(
  server: PostgresServer,
  options: Omit<PostgresStoreOptions, 'url'> = {},
): Promise<StoreSubject & { url: string }> {
  const database = await newMigratedDatabase(server);
  let conflicts = 0;
  const failOnConflict = (point: string) => {
    if (point !== 'store:before-commit' || conflicts === 0) return;
    conflicts -= 1;
    throw new AppError('store_busy');
  };
  const store = openPostgresStore({ faults: { at: failOnConflict }, ...options, url: database.url });
  return {
    store,
    url: database.url,
    conflictOnce: () => {
      conflicts += 1;
    },
    close: async () => {
      await store.close();
      await database.remove();
    },
  };
}
