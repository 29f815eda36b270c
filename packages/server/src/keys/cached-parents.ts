import type { KeyReads, PagePlace } from '../model/key-store.ts';
import { associatedDataOf, entryOf, type KeyCrypto, type OpenedPage, parentOf, type TreeShape } from './page.ts';
import type { PageCache } from './page-cache.ts';

/** What leaves are looked for with. */
export type LeafReading = { reads: Pick<KeyReads, 'readPages'>; cache: PageCache; crypto: KeyCrypto; shape: TreeShape };

/**
 * Opens leaves whose parents are cached, all in one read of their pages alone. Left out are those with which the cache does
 * not help: never born, damaged, their parent not there, or of another time than the leaf, since a leaf that was rewritten
 * has a key which no older parent knows. The caller wipes what was opened.
 */
export async function openByCachedParents(
  { reads, cache, crypto, shape }: LeafReading,
  leaves: readonly number[],
): Promise<Map<number, OpenedPage>> {
  const opened = new Map<number, OpenedPage>();
  const keys = new Map<number, Buffer>();
  for (const leaf of leaves) {
    const { place, offset } = parentOf({ level: 0, index: leaf }, shape);
    const cached = cache.page(place);
    // A copy: what is cached may be wiped while the leaves are being read.
    if (cached) keys.set(leaf, Buffer.from(entryOf({ place, keys: cached }, offset)));
  }
  if (keys.size === 0) return opened;
  try {
    const places = Array.from(keys.keys(), (index): PagePlace => ({ level: 0, index }));
    for (const { index, sealed } of await reads.readPages(places)) {
      const place = { level: 0, index };
      const key = keys.get(index);
      const plain = key && crypto.open(key, associatedDataOf(place), sealed);
      if (plain) opened.set(index, { place, keys: plain });
    }
    return opened;
  } finally {
    for (const key of keys.values()) key.fill(0);
  }
}
