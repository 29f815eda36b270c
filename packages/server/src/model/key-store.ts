/**
 * The port between the key tree and the place where its pages, reservations and journal are stored.
 *
 * One implementation lives in the store room, one in memory for the attacker test; both pass the same contract suite.
 */

/** Where a key page stands. Level 0 holds leaves; the topmost page is not a page of this kind but part of `TopRow`. */
export type PagePlace = { level: number; index: number };

/** A key page as stored: nonce (12 bytes), ciphertext, tag (16 bytes). */
export type StoredPage = PagePlace & { sealed: Uint8Array };

/** The topmost row. It alone decides which root key is current. */
export type TopRow = {
  archiveId: string;
  /** Name of the root key that seals `page`. */
  keyId: string;
  /** Generation of that root key. */
  generation: number;
  /** When the last seal was committed, in ms. Never goes back. */
  sealedAt: number;
  /** True from the first to the last step of a restore; nobody else may work meanwhile. */
  isRestoring: boolean;
  /** Index of the leaf that will be born next. */
  nextLeaf: number;
  /** The topmost page, sealed under the root key. */
  page: Uint8Array;
};

/** A leaf whose slots one process may hand out until its lease ends. */
export type Reservation = { leaf: number; owner: string; leaseUntil: number };

/** Slots `from` to `to`, both included. */
export type SlotRange = readonly [from: number, to: number];

export type JournalKind =
  | 'item_erased'
  | 'slots_unnamed'
  | 'slots_replaced'
  | 'upload_abandoned'
  | 'epoch_ended'
  | 'hold_placed'
  | 'hold_released'
  | 'user_disabled'
  | 'subject_erased'
  | 'audit_head';

/** One line of the journal: ids, slot ranges and closed words only, never anything a client supplied. */
export type JournalEntry = {
  id: string;
  kind: JournalKind;
  tenantId: string | null;
  /** The call, candidate, hold, user or epoch it speaks of. */
  ownerId: string | null;
  action: string | null;
  slots: readonly SlotRange[];
  at: number;
  /** What a replay needs besides (a tombstone's tokens and times, a hold's tokens and range). JSON value. */
  detail: unknown;
};

/** Names a committed seal. */
export type SealRecord = { generation: number; keyId: string; sealedAt: number };

/** Reads that see the last committed state. */
export interface KeyReads {
  /** Undefined before the archive was created. */
  readTop(): Promise<TopRow | undefined>;
  /** The topmost row and the pages of one path (those that exist), read in a single statement. */
  readPath(places: readonly PagePlace[]): Promise<{ top: TopRow; pages: StoredPage[] } | undefined>;
  /** Those of the pages that exist, in no particular order. */
  readPages(places: readonly PagePlace[]): Promise<StoredPage[]>;
}

/** What the key tree may do inside a write transaction. Reads see the transaction's own writes. */
export interface KeyTx extends KeyReads {
  /**
   * Takes the tree's lock (the topmost row) until the transaction ends, and reads the row afresh. Undefined before the
   * archive was created; then nobody else creates it meanwhile.
   */
  lockTop(): Promise<TopRow | undefined>;
  createTop(row: TopRow): Promise<void>;
  updateTop(change: Partial<Omit<TopRow, 'archiveId'>>): Promise<void>;
  /** Inserts or replaces. */
  writePages(pages: readonly StoredPage[]): Promise<void>;

  insertReservation(reservation: Reservation): Promise<void>;
  /** Extends the lease if `owner` still holds the leaf; false when somebody else has ended the reservation. */
  renewReservation(reservation: Reservation): Promise<boolean>;
  /**
   * Keeps the reservation from being ended while the transaction lasts, and leaves its lease as it is; false when somebody has
   * ended it. Any number of transactions may do so at a time.
   */
  holdReservation(reservation: Pick<Reservation, 'leaf' | 'owner'>): Promise<boolean>;
  /** Reservations whose lease ended at or before `now`, or all of `owner`'s. */
  findReservations(which: { endedBy: number } | { owner: string } | 'all'): Promise<Reservation[]>;
  deleteReservation(leaf: number): Promise<void>;
  /** Deletes a reservation that is as it was found; false when it has been renewed or ended meanwhile. */
  endReservation(found: Reservation): Promise<boolean>;
  /** Slots from `from` to `to` (both included) that a row names, ascending. */
  namedSlots(from: number, to: number): Promise<number[]>;

  /** Appends entries as not yet copied to the vault. */
  appendJournal(entries: readonly JournalEntry[]): Promise<void>;
  /** Entries not yet copied, oldest first. */
  pendingJournal(): Promise<JournalEntry[]>;
  /** Flags these entries as copied by the seal of this generation. */
  markCopied(ids: readonly string[], generation: number): Promise<void>;
  /** Those of the ids that the journal holds. */
  knownJournalIds(ids: readonly string[]): Promise<Set<string>>;
  recordSeal(seal: SealRecord): Promise<void>;
  /** Key ids of those of the seals that were committed here. */
  knownSeals(seals: readonly { generation: number; keyId: string }[]): Promise<Set<string>>;
}

/** Transactions for the key tree. A write transaction that throws leaves nothing behind. */
export interface KeyStore {
  reads: KeyReads;
  /** One write transaction at a time on the topmost row; `work` may run again after a conflict and must draw anew. */
  write<T>(work: (tx: KeyTx) => Promise<T>): Promise<T>;
  /** The same on a connection opened for this call: it sees the database that is there now, not one that was. */
  writeFresh<T>(work: (tx: KeyTx) => Promise<T>): Promise<T>;
}
