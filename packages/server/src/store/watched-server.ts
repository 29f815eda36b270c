import type pg from 'pg';
import type { DatabaseStanding } from '../model/database-standing.ts';

/** What a database of this process asks its watch (`PostgresDbOptions.watch`). */
export interface WatchedServer extends DatabaseStanding {
  /** True where others use the archive too: each transaction then proves that nobody has it alone. */
  readonly isShared: boolean;
  /** Throws `store_busy` unless `client` is connected to the very server on which this process holds the archive. */
  refuseOther(client: pg.ClientBase): Promise<void>;
  /** Has `drop` called whenever connections made so far may lead elsewhere. */
  onFound(drop: () => void): void;
  /** Has `cut` called whenever the server is gone, or does not answer. Returns what ends that. */
  onLost(cut: () => void): () => void;
}
