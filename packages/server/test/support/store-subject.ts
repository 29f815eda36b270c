import type { Store } from '../../src/model/store.ts';

/** A store, fresh and migrated. */
export type StoreSubject = {
  store: Store;
  close(): Promise<void>;
  /** Makes the next commit fail as the database fails on a conflict. */
  conflictOnce(): void;
};

/** Guarantees of the contract, and what shows that a store keeps them. */
export type StoreCases = Record<string, (subject: StoreSubject) => Promise<void>>;
