import type { DatabaseState } from './memory-state.ts';

/** An erasure as it was committed; `since` is when it counts from, undefined while it does not count (yet). */
type Erasure = {
  since: number | undefined;
  entryIds: readonly string[];
  /** Counts once reservations that ended by this time have been ended: the call was lost by a copy put back unnoticed. */
  awaitsLease: number | undefined;
};

/** A leaf's birth. Two databases that grew apart bear different leaves under one number. */
export type Birth = { seals: readonly string[] };

/** One use of one slot: an artifact's, or a token epoch's. */
export type Instance = {
  name: string;
  kind: 'artifact' | 'epoch';
  slot: number;
  birth: Birth | undefined;
  erasures: Erasure[];
};

type Seal = { keyId: string; generation: number; at: number; begun: number; committed: number; isUndone: boolean };
type Expiry = { begun: number; time: number; finished: number };
/** Keys retired by seals committed up to `covers` were locked away. */
type LockAway = { covers: number; finished: number };

/**
 * What happened, as the promises of DESIGN section 3 see it: kept from what was committed and from what was put back,
 * knowing nothing of pages and keys. Moments are counted, times are the virtual clock's.
 */
export class Truth {
  readonly instances = new Map<string, Instance>();
  readonly #fanOut: number;
  readonly #horizonMs: number;
  readonly #births = new WeakMap<DatabaseState, ReadonlyMap<number, Birth>>();
  readonly #seals = new Map<string, Seal>();
  readonly #expiries: Expiry[] = [];
  readonly #locks: LockAway[] = [];
  #moment = 0;

  constructor(on: { fanOut: number; horizonMs: number }) {
    this.#fanOut = on.fanOut;
    this.#horizonMs = on.horizonMs;
  }

  /** The next moment: every call gives a later one. */
  next(): number {
    this.#moment += 1;
    return this.#moment;
  }

  /** A transaction that took the lock at the moment `begun` was committed. */
  committed(before: DatabaseState, after: DatabaseState, begun: number): void {
    const moment = this.next();
    for (const seal of after.seals.slice(before.seals.length)) {
      const { keyId, generation, sealedAt } = seal;
      this.#seals.set(keyId, { keyId, generation, at: sealedAt, begun, committed: moment, isUndone: false });
    }
    this.#noteBirths(before, after);
    const entryIds = [...after.journal.keys()].filter((id) => !before.journal.has(id));
    const [old, now] = [namesIn(before), namesIn(after)];
    for (const [name, use] of now) if (!old.has(name)) this.#born({ name, ...use }, after);
    for (const name of old.keys()) if (!now.has(name)) this.#erased(name, { moment, entryIds });
  }

  /** An expiry ran to its end. `time` is the clock when it began. */
  expired(expiry: { begun: number; time: number }): void {
    this.#expiries.push({ ...expiry, finished: this.next() });
  }

  /** Every key that a seal committed by the moment `covers` has retired exists only sealed to the recovery key now. */
  lockedAway(covers: number): void {
    this.#locks.push({ covers, finished: this.next() });
  }

  /** When the seal that named this key was committed; undefined where that was in a database that is gone. */
  committedAt(keyId: string): number | undefined {
    return this.#seals.get(keyId)?.committed;
  }

  /** Reservations whose lease had ended by `time` were ended. */
  leasesEnded(time: number): void {
    const moment = this.next();
    for (const erasure of this.#allErasures()) {
      if (erasure.awaitsLease === undefined || erasure.awaitsLease > time) continue;
      erasure.awaitsLease = undefined;
      erasure.since = moment;
    }
  }

  /** Something was sealed under a slot that no committed row ever named: it counts as erased from then on. */
  sealedUnnamed(name: string, slot: number): void {
    if (this.instances.has(name)) return;
    const erasure: Erasure = { since: this.next(), entryIds: [], awaitsLease: undefined };
    this.instances.set(name, { name, kind: 'artifact', slot, birth: undefined, erasures: [erasure] });
  }

  /**
   * A copy was put back in place of the database.
   *
   * @param vault the newest head's generation and the journal entries that lie in segments, at this moment, and the
   *   seals whose caller was told that they are finished, by key.
   * @param isNoticed whether the product must notice it.
   */
  putBack(
    copy: DatabaseState,
    vault: { head: number; entryIds: ReadonlySet<string>; returnedSeals: ReadonlySet<string> },
    isNoticed: boolean,
  ): void {
    const moment = this.next();
    const known = new Set(copy.seals.map((seal) => seal.keyId));
    for (const seal of this.#seals.values()) {
      const isFinished = known.has(seal.keyId) || seal.generation <= vault.head || vault.returnedSeals.has(seal.keyId);
      if (!isFinished) seal.isUndone = true;
    }
    const living = namesIn(copy);
    for (const instance of this.instances.values()) {
      if (living.has(instance.name)) this.#revive(instance, vault.entryIds);
      else this.#lose(instance, { copy, moment, isNoticed });
    }
  }

  /** True when the erasure of this instance stands, so that a row that names it says nothing. */
  isErased(instance: Instance): boolean {
    return instance.erasures.some((erasure) => erasure.since !== undefined);
  }

  /**
   * True when the product promises that this instance stays dead for whoever seized the vault at these moments and
   * takes everything at the end: each seizure came before a seal before the leaf's birth, or a horizon after the
   * erasure was sealed, expiry having run; with a recovery key, as soon as that seal had ended.
   */
  isDead(instance: Instance, seizures: readonly number[]): boolean {
    if (!this.#isDeadBy(instance, Number.POSITIVE_INFINITY)) return false;
    return seizures.every((moment) => this.#isBornLater(instance, moment) || this.#isDeadBy(instance, moment));
  }

  #isDeadBy(instance: Instance, moment: number): boolean {
    return instance.erasures.some(({ since }) => {
      if (since === undefined) return false;
      const seal = this.#firstSealAfter(since);
      if (seal === undefined) return false;
      if (this.#locks.some(({ covers, finished }) => covers >= seal.committed && finished < moment)) return true;
      return this.#expiries.some(
        ({ begun, time, finished }) => begun > seal.committed && time >= seal.at + this.#horizonMs && finished < moment,
      );
    });
  }

  /** The first seal begun after a moment that was committed and that no restore undid before its head moved. */
  #firstSealAfter(moment: number): Seal | undefined {
    return [...this.#seals.values()]
      .filter((seal) => !seal.isUndone && seal.begun > moment)
      .reduce<Seal | undefined>((first, seal) => (first && first.committed < seal.committed ? first : seal), undefined);
  }

  #isBornLater(instance: Instance, moment: number): boolean {
    return (instance.birth?.seals ?? []).some((keyId) => (this.#seals.get(keyId)?.begun ?? 0) > moment);
  }

  #noteBirths(before: DatabaseState, after: DatabaseState): void {
    const births = new Map(this.#births.get(before));
    for (let leaf = before.top?.nextLeaf ?? 0; leaf < (after.top?.nextLeaf ?? 0); leaf += 1) {
      births.set(leaf, { seals: after.seals.map((seal) => seal.keyId) });
    }
    this.#births.set(after, births);
  }

  #birthIn(state: DatabaseState, slot: number): Birth | undefined {
    return this.#births.get(state)?.get(Math.floor(slot / this.#fanOut));
  }

  #born(use: { name: string; kind: Instance['kind']; slot: number }, after: DatabaseState): void {
    this.instances.set(use.name, { ...use, birth: this.#birthIn(after, use.slot), erasures: [] });
  }

  #erased(name: string, by: { moment: number; entryIds: readonly string[] }): void {
    const instance = this.instances.get(name);
    if (instance === undefined || this.isErased(instance)) return;
    instance.erasures.push({ since: by.moment, entryIds: by.entryIds, awaitsLease: undefined });
  }

  /** The copy names it again: an erasure stands only if a finished seal or a segment in the vault holds it. */
  #revive(instance: Instance, entryIds: ReadonlySet<string>): void {
    instance.erasures = instance.erasures.filter((erasure) => {
      if (erasure.since === undefined || instance.kind === 'epoch') return false;
      const isSealed = this.#firstSealAfter(erasure.since) !== undefined;
      return erasure.entryIds.length > 0 && (isSealed || erasure.entryIds.some((id) => entryIds.has(id)));
    });
  }

  /** The copy does not name it: it is erased, by the copy if nothing sealed has erased it before. */
  #lose(instance: Instance, by: { copy: DatabaseState; moment: number; isNoticed: boolean }): void {
    instance.erasures = instance.erasures.filter(({ since, entryIds }) => {
      if (since === undefined) return false;
      return this.#firstSealAfter(since) !== undefined || entryIds.some((id) => by.copy.journal.has(id));
    });
    if (instance.erasures.length > 0) return;
    const isSameLeaf = this.#birthIn(by.copy, instance.slot) === instance.birth;
    const lease = by.copy.reservations.get(Math.floor(instance.slot / this.#fanOut))?.leaseUntil;
    const awaits = !by.isNoticed && isSameLeaf && lease !== undefined ? lease : undefined;
    const since = awaits === undefined ? by.moment : undefined;
    instance.erasures.push({ since, entryIds: [], awaitsLease: awaits });
  }

  *#allErasures(): Iterable<Erasure> {
    for (const instance of this.instances.values()) yield* instance.erasures;
  }
}

type Use = { kind: Instance['kind']; slot: number };

function namesIn(state: DatabaseState): Map<string, Use> {
  const names = new Map<string, Use>();
  for (const row of state.rows.values()) names.set(row.instance, { kind: 'artifact', slot: row.slot });
  for (const epoch of state.epochs) names.set(epoch.id, { kind: 'epoch', slot: epoch.slot });
  return names;
}
