import type { IdentifierKind } from './token-store.ts';

/**
 * What a lock of something that may not be there is about: an identifier that no call may carry yet, the task of a day,
 * a key of the archive or a plan that nobody has made yet, a tenant's settings, and for how long it keeps one kind of calls.
 * No row can be locked for these.
 */
export type LockSubject =
  | Exclude<IdentifierKind, 'phone' | 'email' | 'alias'>
  | 'archive-key'
  | 'day-task'
  | 'guarded-plan'
  | 'settings'
  | 'retention';

/**
 * Names one such thing. `digest` tells it from the others of its kind: our own ids, or a keyed value that is the same under
 * every token epoch. Never plaintext, and nothing at all of a phone or an e-mail: databases show what is locked, and log it.
 */
export type LockKey = { tenantId: string; what: LockSubject; digest: Uint8Array | string };

/**
 * Locks that belong to no row and end with the transaction. Where a write transaction has the whole database they are
 * nothing.
 *
 * A transaction takes them before it locks rows, and all at once: those of one call are taken in a fixed order, so that two
 * transactions never wait for each other. Of several calls they may; the database then ends one of the two, which runs again.
 */
export interface Locks {
  /** Waits until nobody else has the keys: `shared` lets in others who share, `alone` nobody. */
  take(keys: readonly LockKey[], mode: 'shared' | 'alone'): Promise<void>;
}
