import type { PagePlace, StoredPage } from '../model/key-store.ts';
import {
  associatedDataOf,
  entryOf,
  isAbsent,
  type KeyCrypto,
  type OpenedPage,
  pageDamage,
  parentOf,
  placeName,
  type TreeShape,
} from './page.ts';

type Opening = { shape: TreeShape; crypto: KeyCrypto };

/**
 * Opens stored pages from the opened topmost page down, by place name; the topmost page is among them. Pages that were
 * never born are left out. The caller wipes what it gets. Throws `damage` for one that its parent names and that is
 * missing or does not open; then everything is wiped already, the topmost page too.
 */
export function openPath(
  on: Opening,
  top: OpenedPage,
  places: readonly PagePlace[],
  pages: readonly StoredPage[],
): Map<string, OpenedPage> {
  const stored = new Map(pages.map((page) => [placeName(page), page]));
  const opened = new Map([[placeName(top.place), top]]);
  try {
    for (const place of [...places].sort((a, b) => b.level - a.level)) {
      const page = openChild(on, place, opened, stored);
      if (page !== undefined) opened.set(placeName(place), page);
    }
    return opened;
  } catch (error) {
    for (const page of opened.values()) page.keys.fill(0);
    throw error;
  }
}

function openChild(
  on: Opening,
  place: PagePlace,
  opened: ReadonlyMap<string, OpenedPage>,
  stored: ReadonlyMap<string, StoredPage>,
): OpenedPage | undefined {
  const up = parentOf(place, on.shape);
  const parent = opened.get(placeName(up.place));
  if (parent === undefined) return undefined;
  const key = entryOf(parent, up.offset);
  if (isAbsent(key)) return undefined;
  const sealed = stored.get(placeName(place));
  if (sealed === undefined) throw pageDamage(place, 'is missing');
  const keys = on.crypto.open(key, associatedDataOf(place), sealed.sealed);
  if (keys === undefined) throw pageDamage(place, 'does not open');
  return { place, keys };
}
