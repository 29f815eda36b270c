import { Bug } from '../model/errors.ts';
import type { KeyTx, PagePlace, StoredPage, TopRow } from '../model/key-store.ts';
import { FreshSupplies } from './fresh-supplies.ts';
import {
  associatedDataOf,
  entryOf,
  isAbsent,
  type KeyCrypto,
  keyBytes,
  type OpenedPage,
  pageDamage,
  type TreeShape,
  topPlace,
} from './page.ts';

/** A change of one leaf. A birth makes the leaf; any other edit needs it to be there. */
export type LeafEdit = { leaf: number; birth: boolean; apply: (keys: Buffer) => void };

export type Rewriting = { tx: KeyTx; shape: TreeShape; crypto: KeyCrypto };

/** Opened pages of one level, by index. */
type Level = ReadonlyMap<number, OpenedPage>;

/** A page below the topmost one; `key` is its entry in its opened parent (a view), all zero before it is born. */
type Child = OpenedPage & { key: Buffer };

/** Leaves opened, changed and written together: bounds memory to a few MiB however many are touched. */
const leavesPerStep = 64;

/**
 * Rewrites the paths of leaves, each named once, from the leaves to the top. The only writer of key pages.
 *
 * Every page written takes a page key never used before, drawn here, inside the transaction: a retried transaction
 * draws again. The topmost page alone keeps its key, the root key, until the next seal. Everything is read from the
 * transaction, nothing from a cache: a stale copy written back would bring a destroyed key to life. Whatever is opened is
 * filled with zeros again, also when something throws.
 */
export async function rewrite(
  on: Rewriting,
  top: TopRow,
  rootKey: Uint8Array,
  edits: readonly LeafEdit[],
): Promise<void> {
  const place = topPlace(on.shape);
  const keys = on.crypto.open(rootKey, associatedDataOf(place), top.page);
  if (keys === undefined) throw pageDamage(place, 'does not open');
  const innerPlaces = innerPlacesOf(edits, on.shape);
  let inner: Inner | undefined;
  try {
    for (let from = 0; from < edits.length; from += leavesPerStep) {
      const step = edits.slice(from, from + leavesPerStep);
      const leaves = step.map((edit) => ({ level: 0, index: edit.leaf }));
      // The inner pages come with the first leaves and go with the last ones: one slot is one read and one write.
      const stored = await on.tx.readPages(inner === undefined ? [...innerPlaces.flat(), ...leaves] : leaves);
      inner ??= openInner(on, { place, keys }, innerPlaces, stored);
      const pages = openPages(on, inner.parents, leaves, stored);
      const isLast = from + leavesPerStep >= edits.length;
      await on.tx.writePages(editAndRenew(on, pages, step, isLast ? inner.pages : []));
    }
    await on.tx.updateTop({ page: on.crypto.seal(rootKey, associatedDataOf(place), keys) });
  } finally {
    wipe(inner?.pages ?? []);
    keys.fill(0);
  }
}

/** The pages between the topmost one and the leaves on the paths of the edits, by level, lowest level first. */
function innerPlacesOf(edits: readonly LeafEdit[], shape: TreeShape): PagePlace[][] {
  const levels: PagePlace[][] = [];
  let below: Iterable<number> = edits.map((edit) => edit.leaf);
  for (let level = 1; level < shape.levels - 1; level += 1) {
    const indexes = new Set<number>();
    for (const index of below) indexes.add(Math.floor(index / shape.fanOut));
    levels.push(Array.from(indexes, (index) => ({ level, index })));
    below = indexes;
  }
  return levels;
}

/** All opened pages between the topmost one and the leaves, lowest level first, and those that leaves hang on. */
type Inner = { pages: Child[]; parents: Level };

function openInner(
  on: Rewriting,
  top: OpenedPage,
  levels: readonly PagePlace[][],
  stored: readonly StoredPage[],
): Inner {
  let pages: Child[] = [];
  let parents: Level = new Map([[top.place.index, top]]);
  try {
    for (const places of levels.toReversed()) {
      const opened = openPages(on, parents, places, stored);
      pages = [...opened, ...pages];
      parents = new Map(opened.map((page) => [page.place.index, page]));
    }
    return { pages, parents };
  } catch (error) {
    wipe(pages);
    throw error;
  }
}

/** Opens pages of one level under the keys in their parents, in the order asked for; one never born is all zero. */
function openPages(
  on: Rewriting,
  parents: Level,
  places: readonly PagePlace[],
  stored: readonly StoredPage[],
): Child[] {
  const level = places[0]?.level;
  const sealedAt = new Map<number, Uint8Array>();
  for (const page of stored) if (page.level === level) sealedAt.set(page.index, page.sealed);
  const pages: Child[] = [];
  try {
    for (const place of places) {
      const key = keyInParent(on, parents, place);
      pages.push({ place, key, keys: openOne(on, place, key, sealedAt.get(place.index)) });
    }
    return pages;
  } catch (error) {
    wipe(pages);
    throw error;
  }
}

function openOne(on: Rewriting, place: PagePlace, key: Buffer, sealed: Uint8Array | undefined): Buffer {
  if (isAbsent(key)) return Buffer.alloc(on.shape.fanOut * keyBytes);
  if (sealed === undefined) throw pageDamage(place, 'is missing');
  const keys = on.crypto.open(key, associatedDataOf(place), sealed);
  if (keys === undefined) throw pageDamage(place, 'does not open');
  return keys;
}

function keyInParent(on: Rewriting, parents: Level, place: PagePlace): Buffer {
  const parent = parents.get(Math.floor(place.index / on.shape.fanOut));
  if (parent === undefined) throw pageDamage(place, 'has no opened parent');
  return entryOf(parent, place.index % on.shape.fanOut);
}

function applyEdits(leaves: readonly Child[], edits: readonly LeafEdit[]): void {
  for (const [i, { birth, apply }] of edits.entries()) {
    const page = leaves[i];
    if (page === undefined) throw new Bug('a leaf to be edited was not opened');
    const isNew = isAbsent(page.key);
    if (isNew !== birth) throw pageDamage(page.place, isNew ? 'was never born' : 'is born already');
    apply(page.keys);
  }
}

/** Edits leaves and renews them, then whatever hangs above them, and wipes what was opened of all these pages. */
function editAndRenew(
  on: Rewriting,
  leaves: readonly Child[],
  edits: readonly LeafEdit[],
  above: readonly Child[],
): StoredPage[] {
  const pages = [...leaves, ...above];
  try {
    applyEdits(leaves, edits);
    return renewAll(on, pages);
  } finally {
    wipe(pages);
  }
}

/** Renews pages, children before their parents. */
function renewAll(on: Rewriting, pages: readonly Child[]): StoredPage[] {
  const fresh = new FreshSupplies(on.crypto, pages.length, on.shape.fanOut * keyBytes);
  try {
    return pages.map((page) => renew(on, fresh, page));
  } finally {
    fresh.wipe();
  }
}

function wipe(pages: readonly OpenedPage[]): void {
  for (const page of pages) page.keys.fill(0);
}

/** Seals a page under a fresh key and puts that key into its opened parent. */
function renew(on: Rewriting, fresh: FreshSupplies, page: Child): StoredPage {
  const pageKey = fresh.key();
  const sealed = on.crypto.seal(pageKey, associatedDataOf(page.place), page.keys, fresh.forSealing());
  pageKey.copy(page.key);
  return { level: page.place.level, index: page.place.index, sealed };
}
