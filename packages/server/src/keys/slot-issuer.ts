import type { Clock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import { AppError, Bug, hasCode } from '../model/errors.ts';
import type { KeyStore, KeyTx, Reservation } from '../model/key-store.ts';
import { type Meter, silentMeter } from '../model/meter.ts';
import { journalEntry } from './journal-entries.ts';
import type { KeyTree } from './key-tree.ts';
import { leafOf } from './page.ts';

export type SlotIssuerOptions = {
  store: KeyStore;
  tree: KeyTree;
  clock: Clock;
  /** Names this process among all that ever work on the archive. */
  owner: string;
  leaseMs: number;
  faults?: Faults;
  meter?: Meter;
};

/** Reservations lost twice in a row mean a stalled machine. */
const attemptsMax = 3;

type Leaf = { index: number; next: number; leaseUntil: number };

/**
 * Hands out slots of a leaf that this process has reserved.
 *
 * Order of use: `take` before the transaction, `confirm` inside it beside the rows that name the slots, and only after
 * its commit anything is sealed under them. A number that was taken and never named is destroyed with its leaf's
 * reservation, so a failed transaction leaves neither a ciphertext nor a living key behind.
 */
export class SlotIssuer {
  readonly #store: KeyStore;
  readonly #tree: KeyTree;
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #leaseMs: number;
  readonly #faults: Faults;
  readonly #meter: Meter;
  #leaf: Leaf | undefined;
  #bearing: Promise<Leaf> | undefined;

  constructor(options: SlotIssuerOptions) {
    this.#store = options.store;
    this.#tree = options.tree;
    this.#clock = options.clock;
    this.#owner = options.owner;
    this.#leaseMs = options.leaseMs;
    this.#faults = options.faults ?? noFaults;
    this.#meter = options.meter ?? silentMeter;
  }

  /** The next `count` numbers, side by side. Bears and reserves a leaf where the present one does not have them. */
  async take(count: number): Promise<number[]> {
    const { fanOut } = this.#tree.shape;
    if (count < 1 || count > fanOut) throw new Bug(`cannot take ${count} slots side by side`);
    for (;;) {
      const leaf = this.#leaf;
      if (leaf && leaf.next + count <= fanOut && this.#isHeld(leaf)) {
        const first = leaf.index * fanOut + leaf.next;
        leaf.next += count;
        this.#meter.count('tacet_slots_issued_total', {}, count);
        return Array.from({ length: count }, (_, i) => first + i);
      }
      this.#bearing ??= this.#bear().finally(() => {
        this.#bearing = undefined;
      });
      this.#leaf = await this.#bearing;
    }
  }

  /**
   * Takes slots and runs `work`, which names and confirms them; again with new ones where their reservation was lost
   * meanwhile, which takes a process that stood still for as long as its lease.
   */
  async withSlots<T>(count: number, work: (slots: readonly number[]) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const slots = await this.take(count);
      try {
        return await work(slots);
      } catch (error) {
        if (!hasCode(error, 'lease_lost') || attempt === attemptsMax) throw error;
      }
    }
  }

  /**
   * Inside the transaction that names the slots: proves that their reservation still stands until its commit, and renews its
   * lease where half of it is over. Throws `lease_lost` when it was ended meanwhile; the caller takes new slots and tries again.
   */
  async confirm(tx: KeyTx, slots: readonly number[]): Promise<void> {
    for (const index of new Set(slots.map((slot) => leafOf(slot, this.#tree.shape).leaf))) {
      if (await this.#confirmLeaf(tx, index)) continue;
      // What is left of the leaf is destroyed: the next slots come from another.
      if (this.#leaf?.index === index) this.#leaf = undefined;
      throw new AppError('lease_lost', { detail: `reservation of leaf ${index}` });
    }
  }

  /** Ends this process's reservations; returns how many slots that no row names were destroyed. Nothing may be in flight. */
  async close(): Promise<number> {
    this.#leaf = undefined;
    return await endReservations(this.#store, this.#tree, this.#clock, { owner: this.#owner });
  }

  /** Transactions that renew a lease come one after the other, each with its wait for the disk. So few of them do. */
  async #confirmLeaf(tx: KeyTx, index: number): Promise<boolean> {
    const reservation = { leaf: index, owner: this.#owner };
    const leaf = this.#leaf?.index === index ? this.#leaf : undefined;
    if (leaf && this.#isHeld(leaf, this.#leaseMs / 2)) return await tx.holdReservation(reservation);
    const leaseUntil = this.#clock.now() + this.#leaseMs;
    const stands = await tx.renewReservation({ ...reservation, leaseUntil });
    // Believed before the commit. Where that fails, the row's lease is shorter than this: then it may be ended early, which
    // the row tells whoever confirms next, and new slots are taken.
    if (stands && leaf) leaf.leaseUntil = leaseUntil;
    return stands;
  }

  /**
   * True while more than `leastMs` of the lease is left. One further away than it is long was taken before the clock was set
   * back, and says nothing.
   */
  #isHeld({ leaseUntil }: Leaf, leastMs = 0): boolean {
    const left = leaseUntil - this.#clock.now();
    return left > leastMs && left <= this.#leaseMs;
  }

  async #bear(): Promise<Leaf> {
    const leaseUntil = this.#clock.now() + this.#leaseMs;
    const index = await this.#store.write(async (tx) => {
      const leaf = await this.#tree.bear(tx);
      await tx.insertReservation({ leaf, owner: this.#owner, leaseUntil });
      return leaf;
    });
    await this.#faults.at('birth:committed');
    return { index, next: 0, leaseUntil };
  }
}

/**
 * Ends reservations and destroys the slots of their leaves that no row names. Run at start and from time to time with
 * `endedBy` now, so that a process that died leaves no living key without a row. Returns how many slots were destroyed.
 */
export async function endReservations(
  store: KeyStore,
  tree: KeyTree,
  clock: Clock,
  which: { endedBy: number } | { owner: string } | 'all',
): Promise<number> {
  return await store.write(async (tx) => {
    const ended = await tx.findReservations(which);
    if (ended.length === 0) return 0;
    const unnamed: number[] = [];
    for (const reservation of ended) {
      // Ended first: a transaction that is just naming slots of this leaf has renewed the reservation, and is waited for
      // here. Once it has committed, its holder lives.
      if (await tx.endReservation(reservation)) unnamed.push(...(await unnamedSlots(tx, tree, reservation)));
    }
    const killed = await tree.destroy(tx, unnamed);
    if (killed.length > 0) await tx.appendJournal([journalEntry('slots_unnamed', clock.now(), { slots: killed })]);
    return killed.length;
  });
}

/** Slots of one leaf that no row names. */
export async function unnamedSlots(tx: KeyTx, tree: KeyTree, of: Pick<Reservation, 'leaf'>): Promise<number[]> {
  const { fanOut } = tree.shape;
  const first = of.leaf * fanOut;
  const named = new Set(await tx.namedSlots(first, first + fanOut - 1));
  return Array.from({ length: fanOut }, (_, i) => first + i).filter((slot) => !named.has(slot));
}
