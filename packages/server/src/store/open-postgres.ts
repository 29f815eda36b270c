import { type Clock, systemClock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import { AppError } from '../model/errors.ts';
import { lookAt } from './found-database.ts';
import { refuseNewer } from './migrate.ts';
import { migrations } from './migrations/index.ts';
import { refuseMoved } from './move-marks.ts';
import { PostgresDb } from './postgres-db.ts';
import { SqlStore } from './store.ts';
import type { WatchedServer } from './watched-server.ts';

export type PostgresStoreOptions = {
  /** `postgres://...` of the primary. */
  url: string;
  clock?: Clock;
  faults?: Faults;
  /** Connections for writers, and as many again for readers. Default 8. */
  connections?: number;
  /** How long a transaction is tried again, after conflicts or while the server is away, before `store_busy`. Default 10 s. */
  busyTimeoutMs?: number;
  /** Holds the archive for this process; nothing is done while it does not. Default: nobody asks. */
  watch?: WatchedServer;
};

/** Opens the store in a PostgreSQL database. Connects when it is first used; it has no schema until `migrate` has run. */
export function openPostgresStore(options: PostgresStoreOptions): SqlStore {
  return storeOn(databaseOf(options), options);
}

/**
 * Opens the store in the database that has the place of one which was lost. It may be anybody's, so that it is looked at and
 * not changed. Throws what a start would: `archive_restored` where there is no archive in it, `archive_mismatch` for another
 * one than `archiveId`, `archive_moved`, and `store_newer`. An older schema, which a start would migrate, is
 * `archive_restored` here: this process has seen it as new as itself.
 */
export async function reopenPostgresStore(options: PostgresStoreOptions & { archiveId: string }): Promise<SqlStore> {
  const db = databaseOf(options);
  try {
    const { ledger, mark, archive } = await lookAt(db.reads);
    refuseNewer(ledger, migrations);
    refuseMoved(mark, { arriving: false });
    if (archive === undefined) throw new AppError('archive_restored', { detail: 'the database has no archive' });
    if (archive.archiveId !== options.archiveId) {
      throw new AppError('archive_mismatch', { detail: 'this is another archive' });
    }
    if (ledger.size < migrations.length) {
      throw new AppError('archive_restored', { detail: 'the schema is older than that of the database that was lost' });
    }
    return storeOn(db, options);
  } catch (error) {
    await db.close();
    throw error;
  }
}

function databaseOf(options: PostgresStoreOptions): PostgresDb {
  const { url, faults = noFaults, connections = 8, busyTimeoutMs = 10_000, watch } = options;
  return new PostgresDb({ url, faults, connections, busyTimeoutMs, ...(watch && { watch }) });
}

function storeOn(db: PostgresDb, { clock = systemClock }: PostgresStoreOptions): SqlStore {
  return new SqlStore(db, clock, async () => {
    throw new AppError('input_invalid', {
      message: 'The database is PostgreSQL: back it up by pg_dump or pg_basebackup (docs/backup.md)',
    });
  });
}
