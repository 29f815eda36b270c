import type { KeyTree } from '../../keys/key-tree.ts';
import {
  associatedDataOf,
  entryOf,
  isAbsent,
  keyBytes,
  type OpenedPage,
  placeName,
  topPlace,
} from '../../keys/page.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { PagePlace, StoredPage, TopRow } from '../../model/key-store.ts';
import { type Look, paged, pageSize } from './look.ts';

/** Leaves met on the walk, ascending. Those without keys hang on a page that could not be opened. */
export type SeenLeaves = { from: number; to: number; keys: Buffer | undefined };

/** Opens the topmost page under the root key; undefined where it does not open. The caller wipes it. */
export function openTopmost({ shape, crypto }: KeyTree, top: TopRow, rootKey: Uint8Array): OpenedPage | undefined {
  const place = topPlace(shape);
  const keys = crypto.open(rootKey, associatedDataOf(place), top.page);
  return keys?.length === shape.fanOut * keyBytes ? { place, keys } : undefined;
}

/**
 * Walks the tree below an opened page, each page opened under the key in its parent, no cache asked. At most one page per
 * level and the children of one page are in memory. A leaf's keys are wiped when the walk goes on.
 *
 * Finds pages that are named and missing or damaged, and pages that are stored under a parent that does not name them.
 */
export async function* leavesBelow(look: Look, parent: OpenedPage): AsyncGenerator<SeenLeaves> {
  const { shape, crypto } = look.engine.tree;
  const level = parent.place.level - 1;
  const first = parent.place.index * shape.fanOut;
  const places = Array.from({ length: shape.fanOut }, (_, i): PagePlace => ({ level, index: first + i }));
  const stored = new Map((await look.reads.keys.readPages(places)).map((page) => [page.index, page]));
  await nextTurn();
  for (const [offset, place] of places.entries()) {
    const key = entryOf(parent, offset);
    const page = stored.get(place.index);
    if (isAbsent(key)) {
      if (page !== undefined) look.findings.problem('page_orphaned', `page ${placeName(place)}`);
      continue;
    }
    look.findings.count('pages', 1);
    const keys = openChild(look, place, page, (sealed) => crypto.open(key, associatedDataOf(place), sealed));
    try {
      if (keys === undefined) yield { ...leavesUnder(place, shape.fanOut), keys: undefined };
      else if (level === 0) yield { from: place.index, to: place.index, keys };
      else yield* leavesBelow(look, { place, keys });
    } finally {
      keys?.fill(0);
    }
  }
}

function openChild(
  look: Look,
  place: PagePlace,
  page: StoredPage | undefined,
  open: (sealed: Uint8Array) => Buffer | undefined,
): Buffer | undefined {
  if (page === undefined) {
    look.findings.problem('page_missing', `page ${placeName(place)}`);
    return undefined;
  }
  const keys = open(page.sealed);
  if (keys?.length === look.engine.tree.shape.fanOut * keyBytes) return keys;
  look.findings.problem('page_damaged', `page ${placeName(place)}`);
  return undefined;
}

/** The leaves that hang, by number, on a page. */
function leavesUnder(place: PagePlace, fanOut: number): { from: number; to: number } {
  const leaves = fanOut ** place.level;
  return { from: place.index * leaves, to: (place.index + 1) * leaves - 1 };
}

/**
 * Looks from the other side: every stored page has a place in the tree and a parent that is stored. That the parent
 * names it is seen on the walk.
 */
export async function checkStoredPlaces(look: Look): Promise<void> {
  const { fanOut, levels } = look.engine.tree.shape;
  const read = async (after: PagePlace | undefined) => await look.reads.keys.places(after, pageSize);
  for await (const page of paged(undefined, read, (last: PagePlace | undefined) => last)) {
    const parents = new Map<string, PagePlace>();
    for (const place of page) {
      const parent = { level: place.level + 1, index: Math.floor(place.index / fanOut) };
      if (parent.level < levels - 1) parents.set(placeName(parent), parent);
    }
    const stored = new Set((await look.reads.keys.readPages([...parents.values()])).map(placeName));
    for (const place of page) {
      const parent = { level: place.level + 1, index: Math.floor(place.index / fanOut) };
      const isUnderTop = parent.level === levels - 1 && parent.index === 0;
      if (isUnderTop || stored.has(placeName(parent))) continue;
      look.findings.problem('page_orphaned', `page ${placeName(place)}`);
    }
  }
}
