import type { Clock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import type { JournalEntry, KeyStore, KeyTx } from '../model/key-store.ts';
import type { Vault } from '../model/vault.ts';
import { fromRanges, journalEntry } from './journal-entries.ts';
import type { KeyTree } from './key-tree.ts';
import { leafOf } from './page.ts';
import { lackingEntries, refuseForeign } from './restored.ts';
import type { RootKeys } from './root-keys.ts';
import { unnamedSlots } from './slot-issuer.ts';

export type RestoreOptions = {
  store: KeyStore;
  vault: Vault;
  tree: KeyTree;
  rootKeys: RootKeys;
  clock: Clock;
  /**
   * Erases in this database what the entry says was erased: by item and action, and by slot where the item's own row
   * still names that slot. Returns the slots to destroy; the entry is recorded under its original id.
   */
  replay(tx: KeyTx, entry: JournalEntry): Promise<readonly number[]>;
  /** Turns the token epoch of every tenant anew. */
  turnEpochs(): Promise<void>;
  faults?: Faults;
};

/** What a restore did. */
export type RestoreReport = { replayed: number; slotsDestroyed: number };

/** Leaves whose unnamed slots are destroyed in one transaction. */
const leavesPerStep = 32;

/**
 * Makes a database that came from a copy fit for use (DESIGN section 3, "Journal and restore").
 *
 * A durable mark stands in the row from the first step until the head has moved, so that a process that dies half-way
 * leaves a database that everybody else refuses and that the next restore begins anew. Every step may be repeated.
 */
export async function restoreDatabase(on: RestoreOptions): Promise<RestoreReport> {
  const faults = on.faults ?? noFaults;
  const report: RestoreReport = { replayed: 0, slotsDestroyed: 0 };
  await on.store.write(async (tx) => {
    const top = await on.tree.lock(tx);
    refuseForeign(await on.vault.current(), top);
    await on.rootKeys.prove(tx);
    await tx.updateTop({ isRestoring: true });
  });
  await faults.at('restore:marked');
  for (const segment of (await on.vault.current()).segments) {
    const done = await on.store.write(async (tx) => await replaySegment(on, tx, segment));
    report.replayed += done.replayed;
    report.slotsDestroyed += done.slots;
    await faults.at('restore:replayed');
  }
  report.slotsDestroyed += await destroyUnnamed(on);
  await faults.at('restore:unnamed-destroyed');
  await on.turnEpochs();
  await faults.at('restore:epochs-turned');
  await on.rootKeys.seal({ restoring: true });
  await faults.at('restore:sealed');
  await on.store.write(async (tx) => {
    await on.tree.lock(tx);
    await tx.updateTop({ isRestoring: false });
  });
  return report;
}

async function replaySegment(on: RestoreOptions, tx: KeyTx, segment: { id: string; generation: number }) {
  const entries = await lackingEntries(on.vault, segment, tx);
  const slots = new Set<number>();
  for (const entry of entries) for (const slot of await on.replay(tx, entry)) slots.add(slot);
  await skipLostLeaves(on, tx, entries);
  const killed = await on.tree.destroy(tx, await liveOf(on, [...slots]));
  // The item may name other slots here than it did where it was erased: those need an entry of their own.
  const told = new Set(entries.flatMap((entry) => fromRanges(entry.slots)));
  const untold = killed.filter((slot) => !told.has(slot));
  const own = untold.length === 0 ? [] : [journalEntry('slots_unnamed', on.clock.now(), { slots: untold })];
  await tx.appendJournal([...entries, ...own]);
  return { replayed: entries.length, slots: killed.length };
}

/** Never bears a leaf again whose number the journal speaks of: a journaled slot stays destroyed for good. */
async function skipLostLeaves(on: RestoreOptions, tx: KeyTx, entries: readonly JournalEntry[]): Promise<void> {
  const slots = entries.flatMap((entry) => entry.slots.map(([, to]) => to));
  const past = slots.reduce((most, slot) => Math.max(most, leafOf(slot, on.tree.shape).leaf + 1), 0);
  const top = await on.tree.lock(tx);
  if (past > top.nextLeaf) await tx.updateTop({ nextLeaf: past });
}

/** Those of the slots that are live: the others were never born here, or are destroyed already. */
async function liveOf(on: RestoreOptions, slots: readonly number[]): Promise<number[]> {
  const states = await on.tree.statesOf(slots);
  return slots.filter((slot) => states.get(slot) === 'live');
}

/** Destroys every slot that no row names, in every leaf ever born: a lost future may have sealed under it. */
async function destroyUnnamed(on: RestoreOptions): Promise<number> {
  const top = await on.store.reads.readTop();
  let destroyed = 0;
  for (let from = 0; from < (top?.nextLeaf ?? 0); from += leavesPerStep) {
    destroyed += await on.store.write(async (tx) => {
      const unnamed: number[] = [];
      for (let leaf = from; leaf < Math.min(from + leavesPerStep, top?.nextLeaf ?? 0); leaf += 1) {
        unnamed.push(...(await unnamedSlots(tx, on.tree, { leaf })));
        await tx.deleteReservation(leaf);
      }
      const killed = await on.tree.destroy(tx, await liveOf(on, unnamed));
      const at = on.clock.now();
      if (killed.length > 0) await tx.appendJournal([journalEntry('slots_unnamed', at, { slots: killed })]);
      return killed.length;
    });
  }
  return destroyed;
}
