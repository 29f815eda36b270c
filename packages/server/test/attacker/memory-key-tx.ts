import type {
  JournalEntry,
  KeyReads,
  KeyTx,
  PagePlace,
  Reservation,
  SealRecord,
  StoredPage,
  TopRow,
} from '../../src/model/key-store.ts';
import type { Ledger } from './ledger.ts';
import type { DatabaseState } from './memory-state.ts';

/** Waits at a gate; one that answers is to be passed. */
export type Pause = (point: string) => Promise<void>;

/** Reads of a state that may be replaced between two calls, never within one. */
export class MemoryKeyReads implements KeyReads {
  readonly #read: () => DatabaseState;
  readonly #pause: Pause;

  constructor(state: () => DatabaseState, pause: Pause) {
    this.#read = state;
    this.#pause = pause;
  }

  async readTop(): Promise<TopRow | undefined> {
    const top = this.#read().top;
    await this.#pause('read:top');
    return top && { ...top };
  }

  async readPath(places: readonly PagePlace[]): Promise<{ top: TopRow; pages: StoredPage[] } | undefined> {
    const state = this.#read();
    await this.#pause('read:path');
    return state.top && { top: { ...state.top }, pages: pagesOf(state, places) };
  }

  async readPages(places: readonly PagePlace[]): Promise<StoredPage[]> {
    const pages = pagesOf(this.#read(), places);
    await this.#pause('read:pages');
    return pages;
  }
}

/** The key tree's part of a transaction. Every write is noted before it is made, so rolled-back ones are noted too. */
export class MemoryKeyTx extends MemoryKeyReads implements KeyTx {
  readonly #current: () => DatabaseState;
  readonly #ledger: Ledger;
  readonly #topLevel: number;
  readonly #step: Pause;

  constructor(on: { state: () => DatabaseState; ledger: Ledger; pause: Pause; topLevel: number }) {
    super(on.state, on.pause);
    this.#current = on.state;
    this.#ledger = on.ledger;
    this.#topLevel = on.topLevel;
    this.#step = on.pause;
  }

  /** Fails once the transaction is over. */
  get #state(): DatabaseState {
    return this.#current();
  }

  async lockTop(): Promise<TopRow | undefined> {
    return await this.readTop();
  }

  async createTop(row: TopRow): Promise<void> {
    await this.#step('tx:top');
    if (this.#state.top !== undefined) throw new Error('the topmost row is there already');
    this.#setTop(row);
  }

  async updateTop(change: Partial<Omit<TopRow, 'archiveId'>>): Promise<void> {
    await this.#step('tx:top');
    if (this.#state.top === undefined) throw new Error('the topmost row is missing');
    this.#setTop({ ...this.#state.top, ...change });
  }

  async writePages(pages: readonly StoredPage[]): Promise<void> {
    await this.#step('tx:pages');
    for (const { level, index, sealed } of pages) {
      this.#ledger.page({ level, index }, sealed);
      this.#state.pages.set(`${level}/${index}`, { level, index, sealed: Buffer.from(sealed) });
    }
  }

  async insertReservation(reservation: Reservation): Promise<void> {
    this.#ledger.text(reservation);
    if (this.#state.reservations.has(reservation.leaf)) throw new Error('the leaf is reserved already');
    this.#state.reservations.set(reservation.leaf, { ...reservation });
  }

  async renewReservation(reservation: Reservation): Promise<boolean> {
    await this.#step('tx:reservation');
    this.#ledger.text(reservation);
    if (this.#state.reservations.get(reservation.leaf)?.owner !== reservation.owner) return false;
    this.#state.reservations.set(reservation.leaf, { ...reservation });
    return true;
  }

  async holdReservation({ leaf, owner }: Pick<Reservation, 'leaf' | 'owner'>): Promise<boolean> {
    await this.#step('tx:reservations');
    return this.#state.reservations.get(leaf)?.owner === owner;
  }

  async findReservations(which: { endedBy: number } | { owner: string } | 'all'): Promise<Reservation[]> {
    await this.#step('tx:reservations');
    return [...this.#state.reservations.values()]
      .filter((one) => {
        if (which === 'all') return true;
        return 'owner' in which ? one.owner === which.owner : one.leaseUntil <= which.endedBy;
      })
      .sort((a, b) => a.leaf - b.leaf)
      .map((one) => ({ ...one }));
  }

  async deleteReservation(leaf: number): Promise<void> {
    this.#state.reservations.delete(leaf);
  }

  async endReservation({ leaf, owner, leaseUntil }: Reservation): Promise<boolean> {
    const one = this.#state.reservations.get(leaf);
    return one?.owner === owner && one.leaseUntil === leaseUntil && this.#state.reservations.delete(leaf);
  }

  async namedSlots(from: number, to: number): Promise<number[]> {
    await this.#step('tx:named');
    return [...this.#state.rows.values(), ...this.#state.epochs]
      .map((row) => row.slot)
      .filter((slot) => slot >= from && slot <= to)
      .sort((a, b) => a - b);
  }

  async appendJournal(entries: readonly JournalEntry[]): Promise<void> {
    await this.#step('tx:journal');
    for (const entry of entries) {
      this.#ledger.text(entry);
      if (this.#state.journal.has(entry.id)) throw new Error('the journal has this entry already');
      this.#state.journal.set(entry.id, { entry: structuredClone(entry), copiedBy: null });
    }
  }

  async pendingJournal(): Promise<JournalEntry[]> {
    await this.#step('tx:pending');
    return [...this.#state.journal.values()]
      .filter(({ copiedBy }) => copiedBy === null)
      .map(({ entry }) => structuredClone(entry));
  }

  async markCopied(ids: readonly string[], generation: number): Promise<void> {
    for (const id of ids) {
      const line = this.#state.journal.get(id);
      if (line) this.#state.journal.set(id, { ...line, copiedBy: generation });
    }
  }

  async knownJournalIds(ids: readonly string[]): Promise<Set<string>> {
    await this.#step('tx:known');
    return new Set(ids.filter((id) => this.#state.journal.has(id)));
  }

  async recordSeal(seal: SealRecord): Promise<void> {
    this.#ledger.text(seal);
    this.#state.seals.push({ ...seal });
  }

  async knownSeals(seals: readonly { generation: number; keyId: string }[]): Promise<Set<string>> {
    const isKnown = (seal: { generation: number; keyId: string }) =>
      this.#state.seals.some((one) => one.generation === seal.generation && one.keyId === seal.keyId);
    return new Set(seals.filter(isKnown).map((seal) => seal.keyId));
  }

  #setTop(row: TopRow): void {
    const { page, ...rest } = row;
    this.#ledger.text(rest);
    this.#ledger.page({ level: this.#topLevel, index: 0 }, page);
    this.#state.top = { ...row, page: Buffer.from(page) };
  }
}

function pagesOf(state: DatabaseState, places: readonly PagePlace[]): StoredPage[] {
  return places.flatMap(({ level, index }) => {
    const page = state.pages.get(`${level}/${index}`);
    return page === undefined ? [] : [{ ...page, sealed: Buffer.from(page.sealed) }];
  });
}
