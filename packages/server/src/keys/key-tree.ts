import type { Clock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import { AppError, Bug } from '../model/errors.ts';
import type { KeyStore, KeyTx, PagePlace, TopRow } from '../model/key-store.ts';
import type { Vault } from '../model/vault.ts';
import { openByCachedParents } from './cached-parents.ts';
import { openPath } from './open-path.ts';
import {
  associatedDataOf,
  entryOf,
  isDestroyed,
  type KeyCrypto,
  keyBytes,
  leafOf,
  nodeKeyCrypto,
  type OpenedPage,
  pageDamage,
  pathOf,
  placeName,
  slotsByLeaf,
  standardShape,
  type TreeShape,
  topPlace,
} from './page.ts';
import { PageCache } from './page-cache.ts';
import { type LeafEdit, rewrite } from './rewrite.ts';
import { RootKeyLookup } from './root-key-lookup.ts';
import { type Patience, standardPatience } from './until-shown.ts';

/** What a slot answers. `key` is a copy (32 bytes) that the caller wipes after use. */
export type SlotState = { kind: 'live'; key: Buffer } | { kind: 'destroyed' } | { kind: 'unborn' };

export type KeyTreeOptions = {
  store: KeyStore;
  vault: Vault;
  clock: Clock;
  shape?: TreeShape;
  crypto?: KeyCrypto;
  faults?: Faults;
  /** How long a root key that the row names is waited for. */
  patience?: Patience;
};

/** Leaves read and opened together when many slots are asked for at once. */
const leavesPerRead = 64;

/**
 * The key tree (DESIGN section 3): opens slots, bears leaves, destroys slots.
 *
 * After Reardon, Basin and Capkun: a page's key lives in its parent alone, and every write of a page takes a key never
 * used before, so that once the root key is gone, no older copy of any page opens what was destroyed since.
 */
export class KeyTree {
  readonly shape: TreeShape;
  readonly crypto: KeyCrypto;
  readonly #store: KeyStore;
  readonly #faults: Faults;
  readonly #cache: PageCache;
  readonly #rootKeys: RootKeyLookup;

  constructor(options: KeyTreeOptions) {
    this.shape = options.shape ?? standardShape;
    this.crypto = options.crypto ?? nodeKeyCrypto;
    this.#store = options.store;
    this.#faults = options.faults ?? noFaults;
    this.#cache = new PageCache(options.clock);
    const patience = options.patience ?? standardPatience;
    this.#rootKeys = new RootKeyLookup({ vault: options.vault, cache: this.#cache, patience });
  }

  /**
   * What one slot holds. Throws `damage` when a page on its path is missing or does not open, after having looked twice
   * (a seal may have moved the root between two reads of ours).
   */
  async open(slot: number): Promise<SlotState> {
    const { leaf, offset } = leafOf(slot, this.shape);
    const page = (await this.#openSome([leaf])).get(leaf);
    if (page === undefined) return { kind: 'unborn' };
    const state = stateOf(entryOf(page, offset));
    page.keys.fill(0);
    return state;
  }

  /** The key of a slot that must be live. Throws `key_destroyed` or `damage`. The caller wipes it. */
  async keyOf(slot: number): Promise<Buffer> {
    const state = await this.open(slot);
    if (state.kind === 'live') return state.key;
    if (state.kind === 'destroyed') throw new AppError('key_destroyed');
    throw new AppError('damage', { detail: `slot ${slot} was never born` });
  }

  /** Which of many slots are destroyed, live or unborn; for verification and fsck. No keys leave. */
  async statesOf(slots: readonly number[]): Promise<Map<number, SlotState['kind']>> {
    const states = new Map<number, SlotState['kind']>();
    await this.#visit(slots, (slot, entry) => {
      states.set(slot, entry === undefined ? 'unborn' : isDestroyed(entry) ? 'destroyed' : 'live');
    });
    return states;
  }

  /** The keys of those of many slots that are live; copies, which the caller wipes. */
  async keysOf(slots: readonly number[]): Promise<Map<number, Buffer>> {
    const keys = new Map<number, Buffer>();
    await this.#visit(slots, (slot, entry) => {
      if (entry !== undefined && !isDestroyed(entry)) keys.set(slot, Buffer.from(entry));
    });
    return keys;
  }

  /** Opens the leaves of many slots, some at a time, and shows each slot's entry (undefined: never born). */
  async #visit(slots: readonly number[], see: (slot: number, entry: Buffer | undefined) => void): Promise<void> {
    const byLeaf = slotsByLeaf(slots, this.shape);
    const leaves = [...byLeaf.keys()];
    for (let from = 0; from < leaves.length; from += leavesPerRead) {
      const some = leaves.slice(from, from + leavesPerRead);
      const pages = await this.#openSome(some);
      for (const leaf of some) {
        const page = pages.get(leaf);
        for (const slot of byLeaf.get(leaf) ?? []) see(slot, page && entryOf(page, slot % this.shape.fanOut));
        page?.keys.fill(0);
      }
    }
  }

  /** Bears the next leaf: 256 fresh keys, sealed once. Returns its index. Takes the tree's lock. */
  async bear(tx: KeyTx): Promise<number> {
    const top = await this.lock(tx);
    const leaf = top.nextLeaf;
    if (leaf >= this.shape.fanOut ** (this.shape.levels - 1)) throw new Bug('the key tree has no slot left');
    const fill: LeafEdit = { leaf, birth: true, apply: (keys) => void this.crypto.random(keys.length).copy(keys) };
    await this.#rewrite(tx, top, [fill]);
    await tx.updateTop({ nextLeaf: leaf + 1 });
    await this.#faults.at('birth:pages-written');
    return leaf;
  }

  /**
   * Destroys slots: overwrites them with FF and rewrites their paths, all in the caller's transaction.
   *
   * Returns the slots, ascending, that were live before; those already destroyed are left out, so that each destroyed
   * slot is journaled once. Takes the tree's lock: call it last. Throws `damage` for a slot that was never born.
   */
  async destroy(tx: KeyTx, slots: readonly number[]): Promise<number[]> {
    if (slots.length === 0) return [];
    const killed: number[] = [];
    const edits: LeafEdit[] = [];
    for (const [leaf, mine] of slotsByLeaf(slots, this.shape)) {
      edits.push({ leaf, birth: false, apply: (keys) => this.#overwrite(leaf, keys, mine, killed) });
    }
    const top = await this.lock(tx);
    await this.#rewrite(tx, top, edits);
    await this.#faults.at('destroy:pages-written');
    return killed;
  }

  /** Takes the tree's lock and reads the row; the archive must exist. */
  async lock(tx: KeyTx): Promise<TopRow> {
    const top = await tx.lockTop();
    if (top === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
    return top;
  }

  /** The root key that a row under our lock names; the caller wipes it. Throws `vault_unreachable` or `key_locked`. */
  async rootKey(top: Pick<TopRow, 'keyId' | 'generation'>): Promise<Buffer> {
    return await this.#rootKeys.ofRow(top);
  }

  /** Opens the topmost page under the root key that its row names. Throws `damage` where it does not open. */
  async openTop(top: Pick<TopRow, 'keyId' | 'generation' | 'page'>): Promise<Buffer> {
    return this.#openTopUnder(await this.rootKey(top), top);
  }

  /** Seals the topmost page under a root key. */
  sealTop(keys: Uint8Array, rootKey: Uint8Array): Buffer {
    return this.crypto.seal(rootKey, associatedDataOf(topPlace(this.shape)), keys);
  }

  /** An empty topmost page: no child was born yet. */
  emptyTop(): Buffer {
    return Buffer.alloc(this.shape.fanOut * keyBytes);
  }

  dropCaches(): void {
    this.#cache.drop();
  }

  /** Forgets opened keys older than a minute. */
  dropOldCaches(): void {
    this.#cache.dropOld();
  }

  /** Wipes the root key. */
  #openTopUnder(rootKey: Buffer, top: Pick<TopRow, 'page'>): Buffer {
    try {
      const keys = this.crypto.open(rootKey, associatedDataOf(topPlace(this.shape)), top.page);
      if (keys === undefined) throw pageDamage(topPlace(this.shape), 'does not open');
      return keys;
    } finally {
      rootKey.fill(0);
    }
  }

  async #rewrite(tx: KeyTx, top: TopRow, edits: readonly LeafEdit[]): Promise<void> {
    const rootKey = await this.rootKey(top);
    try {
      await rewrite({ tx, shape: this.shape, crypto: this.crypto }, top, rootKey, edits);
    } finally {
      rootKey.fill(0);
    }
  }

  /** Overwrites those of a leaf's slots (ascending) that are live, neighbours in one go, and adds them to `killed`. */
  #overwrite(leaf: number, keys: Buffer, slots: readonly number[], killed: number[]): void {
    const first = leaf * this.shape.fanOut;
    let from = 0;
    let to = 0;
    for (const slot of slots) {
      const at = (slot - first) * keyBytes;
      if (keys[at] === 0xff && isDestroyed(keys.subarray(at, at + keyBytes))) continue;
      if (at !== to) {
        keys.fill(0xff, from, to);
        from = at;
      }
      to = at + keyBytes;
      killed.push(slot);
    }
    keys.fill(0xff, from, to);
  }

  /**
   * Opens leaves: those whose parents are cached in one read of these pages alone, the others with their paths. Leaves never
   * born are left out. The caller wipes what was opened.
   */
  async #openSome(leaves: readonly number[]): Promise<Map<number, OpenedPage>> {
    const opened = await openByCachedParents(
      { reads: this.#store.reads, cache: this.#cache, crypto: this.crypto, shape: this.shape },
      leaves,
    );
    const others = leaves.filter((leaf) => !opened.has(leaf));
    if (others.length === 0) return opened;
    try {
      for (const [leaf, page] of await this.#twice(() => this.#openLeaves(others))) opened.set(leaf, page);
      return opened;
    } catch (error) {
      for (const page of opened.values()) page.keys.fill(0);
      throw error;
    }
  }

  /** Runs a read again once, with nothing cached, when it met damage: a seal or rewrite may have come between. */
  async #twice<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'damage') throw error;
      this.#cache.drop();
      return await read();
    }
  }

  /** Opens leaves from the top down, all their paths read in one statement. Leaves never born are left out. */
  async #openLeaves(leaves: readonly number[]): Promise<Map<number, OpenedPage>> {
    const named = new Map<string, PagePlace>();
    for (const leaf of leaves) for (const place of pathOf(leaf, this.shape)) named.set(placeName(place), place);
    const places = [...named.values()];
    const { top, pages, rootKey } = await this.#rootKeys.withPath(async () => {
      const path = await this.#store.reads.readPath(places);
      if (path === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
      return path;
    });
    const topmost = { place: topPlace(this.shape), keys: this.#openTopUnder(rootKey, top) };
    const opened = openPath(this, topmost, places, pages);
    this.#keepUpper(opened);
    return new Map(
      [...opened.values()].filter(({ place }) => place.level === 0).map((page) => [page.place.index, page]),
    );
  }

  /** Keeps the parents of leaves, the only pages that make the next read cheaper, and wipes the rest. */
  #keepUpper(opened: ReadonlyMap<string, OpenedPage>): void {
    for (const page of opened.values()) {
      if (page.place.level === 0) continue;
      if (page.place.level === 1 && this.shape.levels > 1) this.#cache.keepPage(page.place, page.keys);
      page.keys.fill(0);
    }
  }
}

function stateOf(entry: Buffer): SlotState {
  return isDestroyed(entry) ? { kind: 'destroyed' } : { kind: 'live', key: Buffer.from(entry) };
}
