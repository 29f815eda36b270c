/** Stores on disk for tests, each in a folder of its own that is gone after the test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../src/model/errors.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/store/store.ts';
import type { StoreSubject } from './store-subject.ts';

/** A path for a database that is not there yet. */
export async function newHome(): Promise<{ file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'tacet-store-'));
  return { file: join(folder, 'db', 'tacet.db'), remove: () => rm(folder, { recursive: true }) };
}

/** A fresh store with its schema. Closing it removes it. */
export async function openNewStore(options: Omit<SqliteStoreOptions, 'file'> = {}): Promise<StoreSubject> {
  const home = await newHome();
  let conflicts = 0;
  const failOnConflict = (point: string) => {
    if (point !== 'store:before-commit' || conflicts === 0) return;
    conflicts -= 1;
    throw new AppError('store_busy');
  };
  const store = await openSqliteStore({ faults: { at: failOnConflict }, ...options, file: home.file });
  await store.migrate();
  return {
    store,
    conflictOnce: () => {
      conflicts += 1;
    },
    close: async () => {
      await store.close();
      await home.remove();
    },
  };
}
