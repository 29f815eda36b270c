import type { Clock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import { AppError } from '../model/errors.ts';
import type { KeyStore, KeyTx, TopRow } from '../model/key-store.ts';
import type { Head, RootKeyName, Vault, VaultState } from '../model/vault.ts';
import type { KeyTree } from './key-tree.ts';
import { keyBytes } from './page.ts';
import { refuseForeign, refuseRestored } from './restored.ts';

/** Segments outlive the last key older than them by this long. */
const segmentGraceMs = 24 * 3_600_000;

export type RootKeysOptions = {
  store: KeyStore;
  vault: Vault;
  tree: KeyTree;
  clock: Clock;
  /** How long a retired root key lives. */
  horizonMs: number;
  faults?: Faults;
};

/** Times in ms since the Unix epoch. */
export type RootStatus = {
  archiveId: string;
  generation: number;
  sealedAt: number;
  horizonMs: number;
  rootKeys: { generation: number; isNamed: boolean; diesAt: number | null }[];
};

/** Who asks: only a restore may work on a database that is being restored. */
export type Asking = { restoring: boolean };

/**
 * The root of the tree: creating the archive, seals, and the expiry of root keys.
 *
 * Everything happens under the lock of the topmost row, and the row alone decides which key is current. Any number of
 * processes may do this side by side.
 */
export class RootKeys {
  readonly #store: KeyStore;
  readonly #vault: Vault;
  readonly #tree: KeyTree;
  readonly #clock: Clock;
  readonly #horizonMs: number;
  readonly #faults: Faults;

  constructor(options: RootKeysOptions) {
    this.#store = options.store;
    this.#vault = options.vault;
    this.#tree = options.tree;
    this.#clock = options.clock;
    this.#horizonMs = options.horizonMs;
    this.#faults = options.faults ?? noFaults;
  }

  /**
   * Creates the archive where there is none, and refuses one that may not be used: another archive's vault
   * (`archive_mismatch`), a restored database (`archive_restored`). Run once by every process before anything else.
   *
   * @param newArchiveId used when both database and vault are empty.
   */
  async ready(newArchiveId: string): Promise<void> {
    await this.#store.write(async (tx) => {
      const top = await tx.lockTop();
      // Whoever writes to the vault holds this lock, so what is half-written now was left by the dead.
      await this.#vault.recover();
      const state = await this.#vault.current();
      if (top !== undefined) return;
      if (state.heads.length > 0) {
        throw new AppError('archive_restored', { detail: 'the vault has seals of a database that is not here' });
      }
      await this.#create(tx, state, newArchiveId);
    });
    await this.#store.write(async (tx) => await this.#finishSeal(tx, await this.#tree.lock(tx), undefined));
  }

  /**
   * A seal: the journal entries not yet copied and a new root key are made durable in the vault, the topmost page is
   * sealed under that key and committed, and then the vault's head is moved.
   *
   * Returns the name of the seal. Throws `archive_restored` when the database turns out to be a restored one. A process
   * that dies at any step leaves a seal that the next one finishes, or a stray key that expires.
   */
  async seal(asking: Asking = { restoring: false }): Promise<Head> {
    const head = await this.#store.write(async (tx) => {
      const top = await this.#tree.lock(tx);
      const state = await this.#finishSeal(tx, top, undefined, asking);
      await this.#faults.at('seal:begun');
      return await this.#commitSeal(tx, top, state);
    });
    await this.#faults.at('seal:committed');
    await this.#store.write(async (tx) => await this.#finishSeal(tx, await this.#tree.lock(tx), undefined, asking));
    await this.#faults.at('seal:head-moved');
    return head;
  }

  /** Opens the topmost page under the key that the row names; throws `damage` when it does not open. */
  async prove(tx: KeyTx): Promise<void> {
    const top = await this.#tree.lock(tx);
    (await this.#tree.openTop(top)).fill(0);
  }

  /**
   * Destroys root keys whose horizon has passed, and the segments and clocks that nobody needs any more. Returns how
   * many keys were destroyed.
   *
   * Works on a fresh connection, under the row's lock, and only after the live tree has opened under the named key: a
   * process that still looks at a database replaced underneath must not destroy the key that the new one names.
   */
  async expire(asking: Asking = { restoring: false }): Promise<number> {
    return await this.#store.writeFresh(async (tx) => {
      this.#tree.dropCaches();
      await this.prove(tx);
      const top = await this.#tree.lock(tx);
      const state = await this.#finishSeal(tx, top, undefined, asking);
      // A key whose destruction died half-way is listed no more: nothing may seem due while it is still there.
      await this.#vault.recover();
      const gone = expired(state, { now: this.#clock.now(), horizonMs: this.#horizonMs, named: top.keyId });
      if (gone.keys.length + gone.segments.length + gone.heads.length === 0) return 0;
      await this.#faults.at('expire:chosen');
      await this.#vault.expire(gone);
      await this.#faults.at('expire:destroyed');
      return gone.keys.length;
    });
  }

  /** When the next root key is due to expire, in ms; undefined when none is waiting. */
  async nextExpiry(): Promise<number | undefined> {
    const state = await this.#vault.current();
    const top = await this.#store.reads.readTop();
    const clocks = state.keys
      .filter((key) => key.id !== top?.keyId)
      .map((key) => clockOf(key, state.heads))
      .filter((clock) => clock !== undefined);
    return clocks.length === 0 ? undefined : Math.min(...clocks) + this.#horizonMs;
  }

  /** What operators ask for: the current seal and every root key with the time of its end (null: not due yet). */
  async status(): Promise<RootStatus> {
    const state = await this.#vault.current();
    const top = await this.#store.reads.readTop();
    if (top === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
    const rootKeys = state.keys.map(({ id, generation }) => {
      const clock = clockOf({ id, generation }, state.heads);
      const isNamed = id === top.keyId;
      return { generation, isNamed, diesAt: isNamed || clock === undefined ? null : clock + this.#horizonMs };
    });
    const { archiveId, generation, sealedAt } = top;
    return { archiveId, generation, sealedAt, horizonMs: this.#horizonMs, rootKeys };
  }

  async #create(tx: KeyTx, state: VaultState, newArchiveId: string): Promise<void> {
    const archiveId = state.archiveId ?? newArchiveId;
    await this.#vault.create(archiveId);
    const name = this.#newName(state, 0);
    const key = this.#tree.crypto.random(keyBytes);
    await this.#vault.write({ name, key, entries: [] });
    const sealedAt = this.#clock.now();
    const page = this.#tree.sealTop(this.#tree.emptyTop(), key);
    await tx.createTop({
      archiveId,
      keyId: name.id,
      generation: name.generation,
      sealedAt,
      isRestoring: false,
      nextLeaf: 0,
      page,
    });
    await tx.recordSeal({ generation: name.generation, keyId: name.id, sealedAt });
  }

  async #commitSeal(tx: KeyTx, top: TopRow, state: VaultState): Promise<Head> {
    const name = this.#newName(state, top.generation);
    const key = this.#tree.crypto.random(keyBytes);
    const entries = await tx.pendingJournal();
    await this.#vault.write({ name, key, entries });
    await this.#faults.at('seal:vault-written');
    const keys = await this.#tree.openTop(top);
    // A clock set back must not make this seal look older than the one before: retired keys count from it.
    const sealedAt = Math.max(this.#clock.now(), top.sealedAt);
    await tx.updateTop({
      keyId: name.id,
      generation: name.generation,
      sealedAt,
      page: this.#tree.sealTop(keys, key),
    });
    keys.fill(0);
    key.fill(0);
    await tx.recordSeal({ generation: name.generation, keyId: name.id, sealedAt });
    await tx.markCopied(
      entries.map((entry) => entry.id),
      name.generation,
    );
    await this.#faults.at('seal:row-written');
    return { generation: name.generation, keyId: name.id, sealedAt };
  }

  /** One more than the highest generation in row or vault, a stray key's included. */
  #newName(state: VaultState, generation: number): RootKeyName {
    const highest = Math.max(
      generation,
      ...[...state.keys, ...state.segments, ...state.heads].map((x) => x.generation),
    );
    return { id: this.#tree.crypto.random(16).toString('hex'), generation: highest + 1 };
  }

  /** Refuses what may not be worked on; then moves the vault's head up to the row if a seal died before it did. */
  async #finishSeal(tx: KeyTx, top: TopRow, known?: VaultState, asking: Asking = { restoring: false }) {
    const state = known ?? (await this.#vault.current());
    if (asking.restoring) refuseForeign(state, top);
    else await refuseRestored(this.#vault, state, tx, top);
    if ((state.heads.at(-1)?.generation ?? 0) >= top.generation) return state;
    await this.#vault.retire({ generation: top.generation, keyId: top.keyId, sealedAt: top.sealedAt });
    return await this.#vault.current();
  }
}

/** When a key's clock started: at the first committed seal later than its creation. Undefined while there is none. */
export function clockOf(key: RootKeyName, heads: readonly Head[]): number | undefined {
  return heads.find((head) => head.generation > key.generation)?.sealedAt;
}

/**
 * What may go: keys not named whose clock started a horizon ago; segments a day after the last key older than them;
 * heads, but the last, that are no longer any key's or segment's clock.
 */
export function expired(
  state: VaultState,
  at: { now: number; horizonMs: number; named: string },
): { keys: RootKeyName[]; segments: RootKeyName[]; heads: Head[] } {
  const keys = state.keys.filter((key) => {
    const clock = clockOf(key, state.heads);
    return key.id !== at.named && clock !== undefined && clock + at.horizonMs <= at.now;
  });
  const livingKeys = state.keys.filter((key) => !keys.includes(key));
  const segments = state.segments.filter((segment) => {
    const clock = state.heads.find((head) => head.generation >= segment.generation)?.sealedAt;
    const hasOlderKey = livingKeys.some((key) => key.generation < segment.generation);
    return !hasOlderKey && clock !== undefined && clock + at.horizonMs + segmentGraceMs <= at.now;
  });
  const livingSegments = state.segments.filter((segment) => !segments.includes(segment));
  const heads = state.heads.slice(0, -1).filter((head) => {
    const isKeyClock = livingKeys.some((key) => key.generation < head.generation);
    return !isKeyClock && !livingSegments.some((segment) => segment.generation <= head.generation);
  });
  return { keys, segments, heads };
}
