import { type Clock, systemClock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import { AppError } from '../model/errors.ts';
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
  const { url, clock = systemClock, faults = noFaults, connections = 8, busyTimeoutMs = 10_000, watch } = options;
  const db = new PostgresDb({ url, faults, connections, busyTimeoutMs, ...(watch && { watch }) });
  return new SqlStore(db, clock, async () => {
    throw new AppError('input_invalid', {
      message: 'The database is PostgreSQL: back it up by pg_dump or pg_basebackup (docs/backup.md)',
    });
  });
}
