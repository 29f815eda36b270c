import type { Clock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { KeyStore, KeyTx, SealRecord, TopRow } from '../model/key-store.ts';
import type { Head, Vault, VaultState } from '../model/vault.ts';
import { createArchive, newRootKeyName } from './create-archive.ts';
import type { KeyTree } from './key-tree.ts';
import { keyBytes } from './page.ts';
import { isNamedShown, lostDatabase, notShownIn, refuseForeign, refuseRestored } from './restored.ts';
import { clockOf, expired } from './root-key-clocks.ts';
import { type RootStatus, rootStatusOf } from './root-status.ts';
import { type Patience, standardPatience, untilShown } from './until-shown.ts';

/** Keys locked away under one lock: where a recovery key is set for the first time there may be thousands. */
const keysPerLockAway = 64;

export type RootKeysOptions = {
  store: KeyStore;
  vault: Vault;
  tree: KeyTree;
  clock: Clock;
  /** How long a retired root key lives. */
  horizonMs: number;
  faults?: Faults;
  /** How long a root key that the row names is waited for. */
  patience?: Patience;
};

/**
 * Who asks: only a restore may work on a database that is being restored. With `leaveUnlocked` no key is locked away: a
 * restore may still need the one that its copy names, and whoever must not fail for a key that cannot be locked away calls
 * `lockAway` afterwards.
 */
export type Asking = { restoring: boolean; leaveUnlocked?: boolean };

/** Row and vault as they are under the lock, which `tx` holds. */
type Held = { tx: KeyTx; top: TopRow; state: VaultState };

/** The connection that a piece of work runs on: the usual one, or one opened for it. */
type Connection = 'usual' | 'fresh';

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
  readonly #patience: Patience;

  constructor(options: RootKeysOptions) {
    this.#store = options.store;
    this.#vault = options.vault;
    this.#tree = options.tree;
    this.#clock = options.clock;
    this.#horizonMs = options.horizonMs;
    this.#faults = options.faults ?? noFaults;
    this.#patience = options.patience ?? standardPatience;
  }

  /**
   * Creates the archive where there is none, and refuses one that may not be used: another archive's vault or an older
   * one (`archive_mismatch`), a restored database (`archive_restored`), a vault of which a part is missing
   * (`vault_unreachable`), that is open to others or to another master key (`config_invalid`). Run once by every process
   * before anything else.
   *
   * @param newArchiveId used when both database and vault are empty.
   */
  async ready(newArchiveId: string, asking: Asking = { restoring: false }): Promise<void> {
    await this.#store.write(async (tx) => {
      const top = await tx.lockTop();
      const found = await this.#vault.current();
      if (top !== undefined) refuseForeign(found, top);
      else if (found.heads.length > 0) throw lostDatabase();
      // Whoever writes to this vault holds this lock, so what is half-written now was left by the dead.
      await this.#vault.recover();
      if (top === undefined)
        await createArchive({ vault: this.#vault, tree: this.#tree, clock: this.#clock }, tx, newArchiveId);
    });
    await this.#underLock(asking, 'usual', async ({ top }) => await this.#refuseUnreadable(top));
    await this.#lockAway(asking);
  }

  /** Throws what `ready` would, unless the database is the one of this archive; creates nothing. */
  async proveSame(archiveId: string): Promise<void> {
    const top = await this.#store.write(async (tx) => await tx.lockTop());
    if (top === undefined) throw lostDatabase();
    if (top.archiveId !== archiveId) throw new AppError('archive_mismatch', { detail: 'this is another archive' });
    await this.#underLock({ restoring: false }, 'usual', async () => undefined);
  }

  /**
   * A seal: the journal entries not yet copied and a new root key are made durable in the vault, the topmost page is
   * sealed under that key and committed, and then the vault's head is moved. With a recovery key, every other root key is
   * then locked away; where one cannot be, the seal stands all the same, and this throws unless keys were to be left.
   *
   * Returns the name of the seal. Throws `archive_restored` when the database turns out to be a restored one. A process
   * that dies at any step leaves a seal that the next one finishes, or a stray key that is locked away and expires.
   */
  async seal(asking: Asking = { restoring: false }): Promise<Head> {
    const head = await this.#underLock(asking, 'usual', async (held) => {
      await this.#faults.at('seal:begun');
      return await this.#commitSeal(held);
    });
    await this.#faults.at('seal:committed');
    await this.#moveHead(asking);
    await this.#faults.at('seal:head-moved');
    await this.#lockAway(asking);
    return head;
  }

  /**
   * With a recovery key, locks away every root key that the row does not name and returns how many. Goes on past one that
   * cannot be and throws the first failure in the end: a seal stands without it, and must not be made again for it.
   */
  async lockAway(asking: Asking = { restoring: false }): Promise<number> {
    return await this.#lockAway(asking);
  }

  /** True where a key should have been locked away and is there as it was; a key just being drawn counts too. */
  async hasUnlocked(): Promise<boolean> {
    if (!this.#vault.hasRecoveryKey) return false;
    const { keys } = await this.#vault.current();
    const top = await this.#store.reads.readTop();
    return keys.some((key) => key.id !== top?.keyId && !key.isLocked);
  }

  /**
   * Opens the topmost page under the key that the row names, as the vault has it now; throws `damage` when it does not
   * open.
   */
  async prove(tx: KeyTx): Promise<void> {
    this.#tree.dropCaches();
    const top = await this.#tree.lock(tx);
    (await this.#tree.openTop(top)).fill(0);
  }

  /**
   * Destroys root keys whose horizon has passed, and the segments and clocks that nobody needs any more; then locks away
   * what a process that died has left. Returns how many keys were destroyed.
   *
   * Works on a fresh connection, under the row's lock, and only after the live tree has opened under the named key: a
   * process that still looks at a database replaced underneath must not destroy the key that the new one names.
   */
  async expire(asking: Asking = { restoring: false }): Promise<number> {
    const count = await this.#underLock(asking, 'fresh', async ({ tx, top, state }) => {
      await this.prove(tx);
      // A key whose destruction died half-way is listed no more: nothing may seem due while it is still there.
      await this.#vault.recover();
      const gone = expired(state, { now: this.#clock.now(), horizonMs: this.#horizonMs, named: top.keyId });
      if (gone.keys.length + gone.segments.length + gone.heads.length === 0) return 0;
      await this.#faults.at('expire:chosen');
      await this.#tree.lock(tx); // What follows cannot be undone, and a process that stood still may have lost it since.
      await this.#vault.expire(gone);
      await this.#faults.at('expire:destroyed');
      return gone.keys.length;
    });
    await this.#lockAway(asking);
    return count;
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

  /**
   * What operators ask for: the current seal, every root key with the time of its end, and how long backups open.
   *
   * @param seals committed seals as far back as the oldest root key, to know when each key was named; without them only
   *   those are known of which the vault keeps a head.
   */
  async status(seals: readonly SealRecord[] = []): Promise<RootStatus> {
    const state = await this.#vault.current();
    const top = await this.#store.reads.readTop();
    if (top === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
    const on = { horizonMs: this.#horizonMs, hasRecoveryKey: this.#vault.hasRecoveryKey };
    return rootStatusOf(top, state, seals, on);
  }

  /**
   * Runs work under the row's lock, once what may not be worked on has been refused and the seal before it is finished.
   * Where the vault does not show the named key, the lock is let go while it is waited for.
   */
  async #underLock<T>(asking: Asking, on: Connection, work: (held: Held) => Promise<T>): Promise<T> {
    let missed: Omit<Held, 'tx'> | undefined;
    const within = async (tx: KeyTx) => {
      const top = await this.#tree.lock(tx);
      const state = await this.#finishSeal(tx, top, asking);
      if (isNamedShown(state, top)) return { done: await work({ tx, top, state }) };
      missed = { top, state };
      return undefined;
    };
    const { done } = await untilShown(
      this.#patience,
      async () => await (on === 'fresh' ? this.#store.writeFresh(within) : this.#store.write(within)),
      () => (missed ? notShownIn(missed.state, missed.top) : new AppError('vault_unreachable')),
    );
    return done;
  }

  /** Throws `config_invalid` for a missing or wrong master key. Damage is left to whoever meets it, fsck among them. */
  async #refuseUnreadable(top: TopRow): Promise<void> {
    try {
      (await this.#tree.rootKey(top)).fill(0);
    } catch (error) {
      if (!hasCode(error, 'damage')) throw error;
    }
  }

  /** Moves the vault's head up to the row where it is behind. */
  async #moveHead(asking: Asking): Promise<void> {
    await this.#underLock(asking, 'usual', async () => undefined);
  }

  /** Locks away every root key that the row does not name, some at a time; as carefully as an expiry destroys them. */
  async #lockAway(asking: Asking): Promise<number> {
    if (!this.#vault.hasRecoveryKey || asking.leaveUnlocked) return 0;
    const tried = new Set<string>();
    let failure: AppError | undefined;
    let isMore: boolean;
    do {
      isMore = await this.#underLock(asking, 'fresh', async ({ tx, top, state }) => {
        // A key whose destruction was cut short is listed no more, and may still be there.
        await this.#vault.recover();
        const unlocked = state.keys.filter((key) => key.id !== top.keyId && !key.isLocked && !tried.has(key.id));
        if (unlocked.length === 0) return false;
        await this.prove(tx);
        const some = unlocked.slice(0, keysPerLockAway);
        for (const key of some) tried.add(key.id);
        failure ??= await failureOf(this.#vault.lockAway(some));
        return unlocked.length > some.length;
      });
    } while (isMore);
    if (failure !== undefined) throw failure;
    return tried.size;
  }

  async #commitSeal({ tx, top, state }: Held): Promise<Head> {
    const name = newRootKeyName(this.#tree.crypto, state, top.generation);
    const key = this.#tree.crypto.random(keyBytes);
    let keys: Buffer | undefined;
    try {
      // Before anything is written: where this fails it is tried again, and each time would leave a key behind.
      keys = await this.#tree.openTop(top);
      const entries = await tx.pendingJournal();
      await this.#vault.write({ name, key, entries });
      await this.#faults.at('seal:vault-written');
      // A clock set back must not make this seal look older than the one before: retired keys count from it.
      const sealedAt = Math.max(this.#clock.now(), top.sealedAt);
      const seal = { generation: name.generation, keyId: name.id, sealedAt };
      await tx.updateTop({ ...seal, page: this.#tree.sealTop(keys, key) });
      await tx.recordSeal(seal);
      const copied = entries.map((entry) => entry.id);
      await tx.markCopied(copied, name.generation);
      await this.#faults.at('seal:row-written');
      return seal;
    } finally {
      keys?.fill(0);
      key.fill(0);
    }
  }

  /**
   * Refuses what may not be worked on; then moves the vault's head up to the row if a seal died before it did, unless the
   * vault does not show the key of that seal: an older vault must never be told that it has seen it.
   */
  async #finishSeal(tx: KeyTx, top: TopRow, asking: Asking): Promise<VaultState> {
    const state = await this.#vault.current({ whole: true });
    if (asking.restoring) refuseForeign(state, top);
    else await refuseRestored(this.#vault, state, tx, top);
    const isBehind = (state.heads.at(-1)?.generation ?? 0) < top.generation;
    if (!isBehind || !isNamedShown(state, top)) return state;
    await this.#vault.retire({ generation: top.generation, keyId: top.keyId, sealedAt: top.sealedAt });
    return await this.#vault.current({ whole: true });
  }
}

/** The error of the product that a piece of work ends with, if it does. */
async function failureOf(work: Promise<void>): Promise<AppError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}
