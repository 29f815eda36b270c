/** The attack on a machine that was taken: by force, with no regard for which key belongs where. */
import { distinctPieces } from './database-states.ts';
import type { Loot, Sealing, TakenFile } from './loot.ts';
import { keyBytes, keysIn, openPage, openSealing, PageProbe, type SealedPage, topLevel } from './openers.ts';

/** What came of it. */
export type Opened = {
  /** Topmost pages that opened, of all that there are. */
  tops: { opened: number; all: number };
  /** Artifacts that opened, and what they say. */
  sealings: (Sealing & { plain: Buffer })[];
  /** Keys that stood in a slot of a leaf, in whichever version of it. */
  slotKeys: { slot: number; key: Buffer }[];
};

/** `every`: each window of 32 bytes of each plaintext is tried on pages; `entries`: only where entries stand. */
export type Force = 'every' | 'entries';

/**
 * Everything that follows from some keys: what opens gives new keys, and each is tried on each page of any level, and
 * on each artifact, that has not opened yet.
 */
export function attack(loot: Loot, keys: readonly Buffer[], force: Force): Opened {
  const closed = new Set(loot.pages);
  const leaves = new Set(loot.pages.filter((page) => page.level === 0));
  const probe = new PageProbe(loot.pages.filter((page) => page.level > 0));
  const entries = new Map<string, Buffer>(keys.map((key) => [nameOf(key), key]));
  const slotKeys = new Map<string, { slot: number; key: Buffer }>();
  const plains: { page: SealedPage; plain: Buffer }[] = [];
  const learn = (page: SealedPage, plain: Buffer): void => {
    if (!closed.delete(page)) return;
    leaves.delete(page);
    plains.push({ page, plain });
    for (const { offset, key } of keysIn(plain)) {
      entries.set(nameOf(key), key);
      const slot = page.index * 256 + offset;
      if (page.level === 0) slotKeys.set(`${slot} ${nameOf(key)}`, { slot, key });
    }
  };
  const tried = new Set<string>();
  const tryOn = (key: Buffer, options: { leaves: boolean }): void => {
    const name = `${options.leaves ? 'leaves ' : ''}${nameOf(key)}`;
    if (tried.has(name)) return;
    tried.add(name);
    for (const { page, plain } of probe.opened(key)) learn(page, plain);
    if (!options.leaves) return;
    for (const page of leaves) {
      const plain = openPage(key, page);
      if (plain !== undefined) learn(page, plain);
    }
  };
  // A key found while this runs is visited by it too.
  for (const key of entries.values()) tryOn(key, { leaves: true });
  for (let next = plains.pop(); next !== undefined; next = plains.pop()) {
    const { page, plain } = next;
    // What a leaf holds is no page's key: of its windows those between the entries are spared the leaves.
    if (force === 'every') eachWindow(plain, (window) => tryOn(window, { leaves: page.level > 0 }));
    for (const key of entries.values()) tryOn(key, { leaves: true });
  }
  const tops = loot.pages.filter((page) => page.level === topLevel);
  return {
    tops: { opened: tops.filter((page) => !closed.has(page)).length, all: tops.length },
    sealings: openAll(loot.sealings, [...entries.values()]),
    slotKeys: [...slotKeys.values()],
  };
}

/** Every 32-byte window of every file that opens a topmost page of any copy. */
export function keysByForce(files: readonly TakenFile[], loot: Loot): Buffer[] {
  const probe = new PageProbe(loot.pages.filter((page) => page.level === topLevel));
  const found = new Map<string, Buffer>();
  for (const piece of distinctPieces(files, keyBytes)) {
    eachWindow(piece, (window) => {
      if (probe.opened(window).length > 0) found.set(nameOf(window), Buffer.from(window));
    });
  }
  return [...found.values()];
}

/**
 * Each 32-byte window, but for those that no random key looks like: eight equal bytes in a row (as in empty and in
 * destroyed entries; a key has them with a chance of 2^-51), or nothing but printable text (2^-45).
 */
function eachWindow(bytes: Buffer, look: (window: Buffer) => void): void {
  let equal = 0;
  let text = 0;
  /** Up to where windows may not begin, because eight equal bytes begin there or behind. */
  let barred = -1;
  for (let end = 0; end < bytes.length; end += 1) {
    const byte = bytes[end] ?? 0;
    equal = byte === bytes[end - 1] ? equal + 1 : 1;
    text = byte >= 0x20 && byte < 0x7f ? text + 1 : 0;
    if (equal >= 8) barred = end - 7;
    const from = end - keyBytes + 1;
    if (from > barred && from >= 0 && text < keyBytes) look(bytes.subarray(from, end + 1));
  }
}

function openAll(sealings: readonly Sealing[], keys: readonly Buffer[]): Opened['sealings'] {
  return sealings.flatMap((sealing) => {
    for (const key of keys) {
      const plain = openSealing(key, sealing.context, sealing.sealed);
      if (plain !== undefined) return [{ ...sealing, plain }];
    }
    return [];
  });
}

function nameOf(key: Buffer): string {
  return key.toString('latin1');
}
