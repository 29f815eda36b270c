import type { JournalEntry, JournalKind } from '../../model/key-store.ts';
import type { StoreReads } from '../../model/store.ts';
import { isPurge, journalPages } from './journal-pages.ts';

/** What the journal says about what is to be repaired. It only ever grows, so what it says once stays true. */
export type Evidence = {
  /** Of the owners asked about: the entry by which each was destroyed as a whole. By `ownerKey`. */
  endOf: ReadonlyMap<string, string>;
  /** Of the slots asked about: those that an entry covers already. A slot is journaled once. */
  journaled: ReadonlySet<number>;
};

/** Kinds that end their owner, whatever else the entry says. */
const ends: ReadonlySet<JournalKind> = new Set(['upload_abandoned', 'hold_released', 'user_disabled']);

/** An owner within its tenant, as one text. */
export function ownerKey(tenantId: string, ownerId: string): string {
  return `${tenantId}/${ownerId}`;
}

/** Reads the journal once. */
export async function gatherEvidence(
  reads: StoreReads,
  about: { owners: ReadonlySet<string>; slots: ReadonlySet<number> },
): Promise<Evidence> {
  const endOf = new Map<string, string>();
  const journaled = new Set<number>();
  if (about.owners.size + about.slots.size === 0) return { endOf, journaled };
  for await (const page of journalPages(reads)) {
    for (const entry of page) {
      const key = ownerKey(entry.tenantId ?? '', entry.ownerId ?? '');
      if (about.owners.has(key) && isEndOfOwner(entry)) endOf.set(key, entry.id);
      for (const [from, to] of entry.slots) {
        for (const slot of slotsWithin(about.slots, from, to)) journaled.add(slot);
      }
    }
  }
  return { endOf, journaled };
}

/**
 * True of an entry that says that nothing sealed of its owner is to be left: a purge, an upload given up, a hold released,
 * a user disabled.
 */
export function isEndOfOwner(entry: JournalEntry): boolean {
  return isPurge(entry) || ends.has(entry.kind);
}

/** Those of the slots within a range, whichever of the two is the shorter walk. */
export function* slotsWithin(slots: ReadonlySet<number>, from: number, to: number): Generator<number> {
  if (to - from < slots.size) {
    for (let slot = from; slot <= to; slot += 1) if (slots.has(slot)) yield slot;
  } else {
    for (const slot of slots) if (slot >= from && slot <= to) yield slot;
  }
}
