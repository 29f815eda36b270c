import type { Session } from './session.ts';

/** A database as the store uses it: the only thing that opens transactions, and tries again those that met a conflict. */
export interface Database {
  /** Reads of the last committed state. */
  readonly reads: Session;
  /** See `Store.writeAimMs`. */
  readonly writeAimMs: number;
  /**
   * Runs `work` in a write transaction, again from the start where it met a conflict, and commits. Whatever it throws undoes
   * all of it, and only it. Resolves when the commit is durable. Never to be called from inside another write.
   */
  write<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** The same in a transaction that nobody shares: for work whose effects outside the database belong to its commit. */
  writeAlone<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** The same, alone too, on a connection opened for this transaction, to the database that has the name now. */
  writeFresh<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Reads that all see the instant of the call. */
  snapshot<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** See `Store.checkpoint`. */
  checkpoint(): Promise<boolean>;
  /** Waits for the writers, lets in no more, and closes. */
  close(): Promise<void>;
}
