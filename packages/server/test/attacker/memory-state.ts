import type { JournalEntry, Reservation, SealRecord, StoredPage, TopRow } from '../../src/model/key-store.ts';
import type { Epoch, StoredToken } from '../../src/model/token-store.ts';

/** A row that names a slot: an artifact of some owner. `instance` tells this use of the slot from every other. */
export type Row = { instance: string; slot: number; ownerId: string; kind: string; sealed: Uint8Array | null };

/** A whole database as a value. Never changed once committed: a copy of the database is this very value. */
export type DatabaseState = {
  top: TopRow | undefined;
  pages: Map<string, StoredPage>;
  reservations: Map<number, Reservation>;
  journal: Map<string, { entry: JournalEntry; copiedBy: number | null }>;
  seals: SealRecord[];
  rows: Map<string, Row>;
  epochs: Epoch[];
  tokens: StoredToken[];
};

export function emptyState(): DatabaseState {
  return {
    top: undefined,
    pages: new Map(),
    reservations: new Map(),
    journal: new Map(),
    seals: [],
    rows: new Map(),
    epochs: [],
    tokens: [],
  };
}

/** A state that a transaction may change. Values inside are replaced, never changed, so one level is enough. */
export function overlayOf(state: DatabaseState): DatabaseState {
  return {
    top: state.top,
    pages: new Map(state.pages),
    reservations: new Map(state.reservations),
    journal: new Map(state.journal),
    seals: [...state.seals],
    rows: new Map(state.rows),
    epochs: [...state.epochs],
    tokens: [...state.tokens],
  };
}
