import { newId } from '../lib/ids.ts';
import type { JournalEntry, JournalKind, SlotRange } from '../model/key-store.ts';

/** Slots in ascending order as ranges, both ends included: `[1, 2, 3, 7]` becomes `[[1, 3], [7, 7]]`. */
export function toRanges(slots: readonly number[]): SlotRange[] {
  const ranges: [number, number][] = [];
  for (const slot of slots) {
    const last = ranges.at(-1);
    if (last && last[1] === slot - 1) last[1] = slot;
    else ranges.push([slot, slot]);
  }
  return ranges;
}

/** The slots of ranges, in their order. */
export function fromRanges(ranges: readonly SlotRange[]): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
}

/** A new journal entry. `slots` must be ascending and hold only slots that this transaction destroyed. */
export function journalEntry(
  kind: JournalKind,
  at: number,
  what: Partial<Pick<JournalEntry, 'tenantId' | 'ownerId' | 'action' | 'detail'>> & { slots: readonly number[] },
): JournalEntry {
  return {
    id: newId(at),
    kind,
    tenantId: what.tenantId ?? null,
    ownerId: what.ownerId ?? null,
    action: what.action ?? null,
    slots: toRanges(what.slots),
    at,
    detail: what.detail ?? null,
  };
}
