import { type ErasureAction, type Reach, reachOf } from '../../model/erasure.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { StoreReads } from '../../model/store.ts';
import { fromErasedDetail } from '../journal-details.ts';
import { paged, pageSize } from './look.ts';

/** A journal row: the entry, and the generation of the seal that copied it to the vault (null while pending). */
export type JournalRow = JournalEntry & { copiedBy: number | null };

/** The whole journal, page by page. */
export function journalPages(reads: StoreReads): AsyncGenerator<readonly JournalRow[]> {
  return paged(
    '',
    async (afterId) => await reads.journal.page(afterId, pageSize),
    (last: JournalRow) => last.id,
  );
}

const actions: readonly string[] = ['purge', 'depersonalize', 'delete-recording'] satisfies ErasureAction[];

/** What an entry says was erased of its call; undefined for entries that speak of something else. */
export function reachOfEntry(entry: JournalEntry): Reach | undefined {
  if (entry.kind !== 'item_erased' || entry.action === null || !actions.includes(entry.action)) return undefined;
  // The list has just said which words an action may be.
  return reachOf(entry.action as ErasureAction, fromErasedDetail(entry.detail));
}

/** True of an entry that says that a call was purged. */
export function isPurge(entry: JournalEntry): boolean {
  return entry.kind === 'item_erased' && entry.action === ('purge' satisfies ErasureAction);
}

/** Suspects answered by one pass over the journal; some 20 MiB. */
const suspectsMax = 200_000;

export type SuspectsOptions<What> = {
  reads: StoreReads;
  /** True when the entry, which speaks of this owner, settles the matter. */
  explains(entry: JournalEntry, what: What): boolean;
  /** Told of every owner whom the journal does not explain. */
  report(ownerId: string, what: What): void;
  /** Suspects that one pass over the journal answers; bounds memory. */
  suspectsMax?: number;
};

/**
 * Owners of whom something would be wrong unless the journal explains it. The journal has no index by owner, so suspects
 * are gathered and the journal is read once for many of them.
 */
export class Suspects<What> {
  readonly #on: SuspectsOptions<What>;
  readonly #waiting = new Map<string, What>();

  constructor(on: SuspectsOptions<What>) {
    this.#on = on;
  }

  async add(ownerId: string, what: What): Promise<void> {
    this.#waiting.set(ownerId, what);
    if (this.#waiting.size >= (this.#on.suspectsMax ?? suspectsMax)) await this.settle();
  }

  /** Reads the journal and reports those whom it does not explain. Call it once more at the end. */
  async settle(): Promise<void> {
    if (this.#waiting.size === 0) return;
    for await (const page of journalPages(this.#on.reads)) {
      for (const entry of page) {
        const what = entry.ownerId === null ? undefined : this.#waiting.get(entry.ownerId);
        if (entry.ownerId !== null && what !== undefined && this.#on.explains(entry, what)) {
          this.#waiting.delete(entry.ownerId);
        }
      }
    }
    for (const [ownerId, what] of this.#waiting) this.#on.report(ownerId, what);
    this.#waiting.clear();
  }
}
