import { ClockWatch } from '../../lib/clock-watch.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { StoreReads } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import { type ForgottenKind, forgottenBefore, forgottenKinds, leftOfDetail } from '../journal-details.ts';

/** Entries looked at in one go; those of them that have something to forget are changed in one transaction. */
const pageSize = 500;
/** Pages of each kind in one round: with a round every ten seconds, a journal of millions takes some hours. */
const pagesPerRound = 10;
/** A clock that is kept right by small steps does not count as set. */
const stepMs = 60_000;

type Entry = Awaited<ReturnType<StoreReads['journal']['page']>>[number];

/**
 * Forgets what journal entries carry for a replay, once nobody can need it: the tokens of a dropped tombstone must not be
 * readable in the journal for ever.
 *
 * Walks the journal by id, which is by time, and remembers how far it has come, so that a process looks at an entry once
 * for each kind. It begins again where the clock was set: entries made under the wrong time lie behind it.
 */
export class DetailForgetter {
  readonly #engine: Engine;
  readonly #watch: ClockWatch;
  /** By kind: everything before this id has been looked at. */
  readonly #reached = new Map<ForgottenKind, string>();

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#watch = new ClockWatch({ clock: engine.clock });
  }

  /** One round; returns how many entries have forgotten something. Reads one row when no time has come. */
  async once(): Promise<number> {
    if (Math.abs(this.#watch.movedMs()) > stepMs) this.#reached.clear();
    const top = await this.#engine.store.reads.keys.readTop();
    if (top === undefined) return 0;
    // By the last seal's time, which never goes back: fsck can tell by it what may have been forgotten. And never ahead of
    // the clock: that seal may be of a time when it was wrong.
    const atMs = Math.min(top.sealedAt, this.#engine.clock.now());
    let forgotten = 0;
    for (const kind of forgottenKinds) {
      forgotten += await this.#walk(kind, forgottenBefore(kind, atMs, this.#engine.limits));
    }
    return forgotten;
  }

  async #walk(kind: ForgottenKind, beforeId: string): Promise<number> {
    const { store, stopping } = this.#engine;
    let forgotten = 0;
    for (let pages = 0; pages < pagesPerRound && !stopping.aborted; pages += 1) {
      const after = this.#reached.get(kind) ?? '';
      if (after >= beforeId) break;
      const page = await store.reads.journal.page(after, pageSize, { beforeId });
      const due = page.filter((entry) => entry.kind === kind && hasMoreThanStays(entry));
      forgotten += await forget(this.#engine, due);
      const pending = due.find((entry) => !isCopied(entry));
      // Until a seal has copied it to the vault the row is all there is of it, so the walk waits there.
      if (pending !== undefined) {
        this.#reached.set(kind, page[page.indexOf(pending) - 1]?.id ?? after);
        break;
      }
      this.#reached.set(kind, page.length < pageSize ? beforeId : (page.at(-1)?.id ?? beforeId));
      await nextTurn();
    }
    return forgotten;
  }
}

async function forget(engine: Engine, due: readonly Entry[]): Promise<number> {
  const left = due.filter(isCopied).map((entry) => ({ id: entry.id, detail: leftOfDetail(entry) }));
  if (left.length === 0) return 0;
  return await engine.store.write(async (tx) => await tx.journal.forgetDetails(left));
}

function isCopied({ copiedBy }: Entry): boolean {
  return copiedBy !== null;
}

function hasMoreThanStays(entry: Entry): boolean {
  return JSON.stringify(leftOfDetail(entry)) !== JSON.stringify(entry.detail);
}
