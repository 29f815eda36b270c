import type { KeyTx, PagePlace, StoredPage, TopRow } from '../model/key-store.ts';
import {
  associatedDataOf,
  entryOf,
  isAbsent,
  type KeyCrypto,
  keyBytes,
  type OpenedPage,
  pageDamage,
  parentOf,
  pathOf,
  placeName,
  type TreeShape,
  topPlace,
} from './page.ts';

/** A change of one leaf. A birth makes the leaf; any other edit needs it to be there. */
export type LeafEdit = { leaf: number; birth: boolean; apply: (keys: Buffer) => void };

export type Rewriting = { tx: KeyTx; shape: TreeShape; crypto: KeyCrypto };

/** Leaves opened, changed and written together: bounds memory to a few MiB however many are touched. */
const leavesPerStep = 128;

/**
 * Rewrites the paths of leaves, from the leaves to the top. The only writer of key pages.
 *
 * Every page written takes a page key never used before, drawn here, inside the transaction: a retried transaction
 * draws again. The topmost page alone keeps its key, the root key, until the next seal. Everything is read from the
 * transaction, nothing from a cache: a stale copy written back would bring a destroyed key to life.
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
  const upper = await openUpper(on, { place, keys }, edits);
  for (let from = 0; from < edits.length; from += leavesPerStep) {
    await rewriteLeaves(on, upper, edits.slice(from, from + leavesPerStep));
  }
  const inner = [...upper.values()].filter((page) => page.place.level < place.level);
  inner.sort((a, b) => a.place.level - b.place.level);
  await on.tx.writePages(inner.map((page) => renew(on, upper, page)));
  await on.tx.updateTop({ page: on.crypto.seal(rootKey, associatedDataOf(place), keys) });
  for (const page of upper.values()) page.keys.fill(0);
}

/** Opens every inner page on the paths of the edits, from the top down. */
async function openUpper(on: Rewriting, top: OpenedPage, edits: readonly LeafEdit[]): Promise<Map<string, OpenedPage>> {
  const opened = new Map([[placeName(top.place), top]]);
  const wanted = new Map<string, PagePlace>();
  for (const edit of edits) {
    for (const place of pathOf(edit.leaf, on.shape)) if (place.level > 0) wanted.set(placeName(place), place);
  }
  for (let level = top.place.level - 1; level > 0; level -= 1) {
    const places = [...wanted.values()].filter((place) => place.level === level);
    for (const page of await openPages(on, opened, places)) opened.set(placeName(page.place), page);
  }
  return opened;
}

async function rewriteLeaves(
  on: Rewriting,
  upper: ReadonlyMap<string, OpenedPage>,
  edits: readonly LeafEdit[],
): Promise<void> {
  const pages = await openPages(
    on,
    upper,
    edits.map((edit) => ({ level: 0, index: edit.leaf })),
  );
  const written: StoredPage[] = [];
  for (const [i, edit] of edits.entries()) {
    const page = pages[i];
    if (page === undefined) throw pageDamage({ level: 0, index: edit.leaf }, 'is missing');
    const isNew = isAbsent(keyInParent(on, upper, page.place));
    if (isNew !== edit.birth) throw pageDamage(page.place, isNew ? 'was never born' : 'is born already');
    edit.apply(page.keys);
    written.push(renew(on, upper, page));
    page.keys.fill(0);
  }
  await on.tx.writePages(written);
}

/** Opens pages under the keys in their parents, in the order asked for; one never born comes back all zero. */
async function openPages(
  on: Rewriting,
  upper: ReadonlyMap<string, OpenedPage>,
  places: readonly PagePlace[],
): Promise<OpenedPage[]> {
  const stored = new Map((await on.tx.readPages(places)).map((page) => [placeName(page), page]));
  return places.map((place) => {
    const key = keyInParent(on, upper, place);
    if (isAbsent(key)) return { place, keys: Buffer.alloc(on.shape.fanOut * keyBytes) };
    const sealed = stored.get(placeName(place));
    if (sealed === undefined) throw pageDamage(place, 'is missing');
    const keys = on.crypto.open(key, associatedDataOf(place), sealed.sealed);
    if (keys === undefined) throw pageDamage(place, 'does not open');
    return { place, keys };
  });
}

function keyInParent(on: Rewriting, upper: ReadonlyMap<string, OpenedPage>, place: PagePlace): Buffer {
  const up = parentOf(place, on.shape);
  const parent = upper.get(placeName(up.place));
  if (parent === undefined) throw pageDamage(place, 'has no opened parent');
  return entryOf(parent, up.offset);
}

/** Seals a page under a fresh key and puts that key into its opened parent. */
function renew(on: Rewriting, upper: ReadonlyMap<string, OpenedPage>, page: OpenedPage): StoredPage {
  const pageKey = on.crypto.random(keyBytes);
  const sealed = on.crypto.seal(pageKey, associatedDataOf(page.place), page.keys);
  pageKey.copy(keyInParent(on, upper, page.place));
  pageKey.fill(0);
  return { ...page.place, sealed };
}
