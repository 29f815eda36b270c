/** Stores in PostgreSQL databases of their own, which are gone after the test. */
import { AppError } from '../../src/model/errors.ts';
import { openPostgresStore, type PostgresStoreOptions } from '../../src/store/open-postgres.ts';
import { newDatabase, type PostgresServer } from './postgres.ts';
import type { StoreSubject } from './store-subject.ts';

/** A fresh store with its schema. Closing it removes its database. */
export async function openNewPostgresStore(
  server: PostgresServer,
  options: Omit<PostgresStoreOptions, 'url'> = {},
): Promise<StoreSubject & { url: string }> {
  const database = await newDatabase(server);
  let conflicts = 0;
  const failOnConflict = (point: string) => {
    if (point !== 'store:before-commit' || conflicts === 0) return;
    conflicts -= 1;
    throw new AppError('store_busy');
  };
  const store = openPostgresStore({ faults: { at: failOnConflict }, ...options, url: database.url });
  await store.migrate();
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
