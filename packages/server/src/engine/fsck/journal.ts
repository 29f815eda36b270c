import type { SlotRange } from '../../model/key-store.ts';
import { journalPages } from './journal-pages.ts';
import type { Look } from './look.ts';

/** Every journal row speaks of well-formed ranges of slots, none of them of a leaf that is still to be born. */
export async function checkJournal(look: Look, nextLeaf: number): Promise<void> {
  const slotsBorn = nextLeaf * look.engine.tree.shape.fanOut;
  for await (const page of journalPages(look.reads)) {
    look.findings.count('journalRows', page.length);
    for (const row of page) {
      if (!areRanges(row.slots)) look.findings.problem('journal_malformed', `journal row ${row.id}`);
      else if ((row.slots.at(-1)?.[1] ?? -1) >= slotsBorn) {
        look.findings.problem('journal_slot_ahead', `journal row ${row.id}`);
      }
    }
  }
}

/** Ascending, apart from each other, of whole numbers. */
function areRanges(ranges: readonly SlotRange[]): boolean {
  let last = -1;
  for (const [from, to] of ranges) {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from <= last || to < from) return false;
    last = to;
  }
  return true;
}
