import type { JournalEntry } from '../../model/key-store.ts';
import { slotsWithin } from './evidence.ts';
import { journalPages } from './journal-pages.ts';
import type { Look } from './look.ts';

/** Live slots side by side, both ends included, that no row names and of which the journal does not speak. */
export type UnnamedRun = {
  from: number;
  to: number;
  /** Whom the rows beside it belong to. */
  owners: ReadonlySet<string>;
  /** Slots beside it that no row names: the journal may say whose they were. */
  erased: readonly number[];
};

/** Runs that one pass over the journal answers; bounds memory. */
const runsMax = 20_000;

/**
 * Tells live slots that belong to nobody from those that may be the key of a row that was lost.
 *
 * The slots of one owner lie side by side, and whoever ends a reservation destroys what no row names. So a live slot
 * beside those of an owner that lives, erased ones included, may well be that owner's: it is named, and no repair
 * touches it. Beside nothing that lives it has nobody left to belong to.
 */
export class UnnamedSlots {
  readonly #look: Look;
  #waiting: UnnamedRun[] = [];

  constructor(look: Look) {
    this.#look = look;
  }

  async add(run: UnnamedRun): Promise<void> {
    if (run.owners.size > 0 || run.erased.length === 0) return this.#report(run, run.owners);
    this.#waiting.push(run);
    if (this.#waiting.length >= runsMax) await this.settle();
  }

  /** Asks the journal about those that wait for it, in one pass. Call it once more at the end. */
  async settle(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const owners = await this.#ownersOf(new Set(this.#waiting.flatMap((run) => run.erased)));
    for (const run of this.#waiting) this.#report(run, new Set(run.erased.flatMap((slot) => owners.get(slot) ?? [])));
    this.#waiting = [];
  }

  /** Of slots that were erased: the owners that still live. */
  async #ownersOf(slots: ReadonlySet<number>): Promise<Map<number, string>> {
    const owners = new Map<number, string>();
    for await (const page of journalPages(this.#look.reads)) {
      for (const entry of page) {
        const mine = entry.slots.flatMap(([from, to]) => [...slotsWithin(slots, from, to)]);
        if (entry.ownerId === null || mine.length === 0 || !(await this.#isLiving(entry, entry.ownerId))) continue;
        for (const slot of mine) owners.set(slot, entry.ownerId);
      }
    }
    return owners;
  }

  async #isLiving({ tenantId }: JournalEntry, ownerId: string): Promise<boolean> {
    const { calls, candidates, tasks, holds } = this.#look.reads;
    for (const rows of [calls, candidates, tasks]) {
      if ((await rows.findMany(tenantId ?? '', [ownerId])).length > 0) return true;
    }
    return (await holds.find(tenantId ?? '', ownerId))?.releasedAt === null;
  }

  #report({ from, to }: UnnamedRun, owners: ReadonlySet<string>): void {
    const { findings } = this.#look;
    for (let slot = from; slot <= to; slot += 1) {
      if (owners.size > 0) findings.problem('slot_beside_living', `slot ${slot}, beside ${[...owners].join(' and ')}`);
      else findings.problem('slot_unnamed', `slot ${slot}`, { code: 'slot_unnamed', kind: 'slot', slot });
    }
  }
}
