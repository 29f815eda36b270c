import type { Clock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import type { JournalEntry, KeyReads, KeyTx } from '../model/key-store.ts';
import type { Head, RootKeyName, Vault } from '../model/vault.ts';
import { journalEntry } from './journal-entries.ts';
import type { KeyTree } from './key-tree.ts';
import { leafOf } from './page.ts';
import { refuseForeign } from './restored.ts';
import type { RootKeys } from './root-keys.ts';
import { unnamedSlots } from './slot-issuer.ts';
import { SlotRanges } from './slot-ranges.ts';

/** The part of the store that a restore works on; `Tx` is whatever else a replay needs of a transaction. */
export interface RestoreStore<Tx> {
  reads: Pick<KeyReads, 'readTop' | 'readPages'>;
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

export type RestoreOptions<Tx extends { keys: KeyTx }> = {
  store: RestoreStore<Tx>;
  vault: Vault;
  tree: KeyTree;
  rootKeys: RootKeys;
  clock: Clock;
  /**
   * Does in this database what the entries say was done, in their order: erases by item and action, and by slot where
   * the item's own row still names that slot. Returns the slots to destroy; each entry is recorded under its original id.
   */
  replay(tx: Tx, entries: readonly JournalEntry[]): Promise<readonly number[]>;
  /**
   * Turns the token epoch of every tenant anew, and whatever else takes new slots. `isTold` is true of a slot that an
   * entry of the vault speaks of: its destruction is not journaled again.
   */
  turnEpochs(isTold: (slot: number) => boolean): Promise<void>;
  /** After the seal, and before anybody else may work: what the rows no longer name goes. */
  finish?(sealed: Head): Promise<void>;
  /** Leaves whose numbers are left out, see `skipLostLeaves`. Default: the square of the fan-out. */
  spareLeaves?: number;
  faults?: Faults;
};

/** What a restore did to the tree. */
export type RestoreReport = { replayed: number; slotsDestroyed: number; sealed: Head };

/** Leaves whose unnamed slots are destroyed in one transaction. */
const leavesPerStep = 32;
/** Entries replayed in one transaction. */
const entriesPerStep = 1000;

/**
 * Makes a database that came from a copy fit for use (DESIGN section 3, "Journal and restore").
 *
 * A durable mark stands in the row from the first step until the last, so that a process that dies half-way leaves a
 * database that everybody else refuses and that the next restore begins anew. Every step may be repeated.
 */
export async function restoreDatabase<Tx extends { keys: KeyTx }>(on: RestoreOptions<Tx>): Promise<RestoreReport> {
  const faults = on.faults ?? noFaults;
  await on.store.write(async (tx) => {
    const top = await on.tree.lock(tx.keys);
    await on.vault.recover();
    refuseForeign(await on.vault.current(), top);
    await on.rootKeys.prove(tx.keys);
    await tx.keys.updateTop({ isRestoring: true });
  });
  await faults.at('restore:marked');
  const { segments } = await on.vault.current();
  const told = await slotsToldOf(on.vault, segments);
  await skipLostLeaves(on, told);
  const report = { replayed: 0, slotsDestroyed: 0 };
  for (const segment of segments) {
    const done = await replaySegment(on, segment, told);
    report.replayed += done.replayed;
    report.slotsDestroyed += done.slots;
    await faults.at('restore:replayed');
  }
  report.slotsDestroyed += await destroyUnnamed(on, told);
  await faults.at('restore:unnamed-destroyed');
  await on.turnEpochs((slot) => told.has(slot));
  await faults.at('restore:epochs-turned');
  const sealed = await on.rootKeys.seal({ restoring: true, leaveUnlocked: true });
  await faults.at('restore:sealed');
  await on.finish?.(sealed);
  await faults.at('restore:finished');
  await on.store.write(async (tx) => {
    await on.tree.lock(tx.keys);
    await tx.keys.updateTop({ isRestoring: false });
  });
  // Last: a key that cannot be locked away is told, and leaves a database that can be used.
  await on.rootKeys.lockAway();
  return { ...report, sealed };
}

/** Every slot that an entry of these segments speaks of. */
async function slotsToldOf(vault: Vault, segments: readonly RootKeyName[]): Promise<SlotRanges> {
  const told = new SlotRanges();
  for (const segment of segments) for (const entry of await vault.readSegment(segment)) told.add(entry.slots);
  return told;
}

async function replaySegment<Tx extends { keys: KeyTx }>(
  on: RestoreOptions<Tx>,
  segment: RootKeyName,
  told: SlotRanges,
): Promise<{ replayed: number; slots: number }> {
  const done = { replayed: 0, slots: 0 };
  const all = await on.vault.readSegment(segment);
  for (let from = 0; from < all.length; from += entriesPerStep) {
    const some = all.slice(from, from + entriesPerStep);
    const step = await on.store.write(async (tx) => {
      const known = await tx.keys.knownJournalIds(some.map((entry) => entry.id));
      const entries = some.filter((entry) => !known.has(entry.id));
      if (entries.length === 0) return { replayed: 0, slots: 0 };
      const slots = [...new Set(await on.replay(tx, entries))];
      const killed = await on.tree.destroy(tx.keys, await liveOf(on.tree, slots));
      // The item may name other slots here than it did where it was erased: those need an entry of their own.
      const own = unnamedEntry(on.clock, killed, told);
      await tx.keys.appendJournal([...entries, ...own]);
      return { replayed: entries.length, slots: killed.length };
    });
    done.replayed += step.replayed;
    done.slots += step.slots;
  }
  return done;
}

/**
 * Never bears a leaf again that was born in a lost future. The journal speaks of those of which something was destroyed;
 * many more numbers are left out, since nothing tells of the others, and a slot must not mean two things: another copy, of
 * that very future, may be restored one day, and the journal then speaks of both. Numbers that are left out cost nothing,
 * and there are enough of them for tens of thousands of restores.
 */
async function skipLostLeaves<Tx extends { keys: KeyTx }>(on: RestoreOptions<Tx>, told: SlotRanges): Promise<void> {
  const last = told.last();
  const spare = on.spareLeaves ?? on.tree.shape.fanOut ** 2;
  await on.store.write(async (tx) => {
    const top = await on.tree.lock(tx.keys);
    const past = last === undefined ? 0 : leafOf(last, on.tree.shape).leaf + 1;
    const nextLeaf = Math.max(past, top.nextLeaf) + spare;
    if (nextLeaf > top.nextLeaf) await tx.keys.updateTop({ nextLeaf });
  });
}

/** Those of the slots that are live: the others were never born here, or are destroyed already. */
async function liveOf(tree: KeyTree, slots: readonly number[]): Promise<number[]> {
  const states = await tree.statesOf(slots);
  return slots.filter((slot) => states.get(slot) === 'live');
}

/** An entry for those of the destroyed slots that no entry speaks of yet; a destroyed slot is journaled once. */
function unnamedEntry(clock: Clock, killed: readonly number[], told: SlotRanges): JournalEntry[] {
  const slots = killed.filter((slot) => !told.has(slot));
  return slots.length === 0 ? [] : [journalEntry('slots_unnamed', clock.now(), { slots })];
}

/** Destroys every slot that no row names, in every leaf ever born: a lost future may have sealed under it. */
async function destroyUnnamed<Tx extends { keys: KeyTx }>(on: RestoreOptions<Tx>, told: SlotRanges): Promise<number> {
  let destroyed = 0;
  for await (const leaves of bornLeaves(on)) {
    destroyed += await on.store.write(async ({ keys }) => {
      const unnamed: number[] = [];
      for (const leaf of leaves) {
        // First: whoever still names slots of this leaf is waited for.
        await keys.deleteReservation(leaf);
        unnamed.push(...(await unnamedSlots(keys, on.tree, { leaf })));
      }
      const killed = await on.tree.destroy(keys, await liveOf(on.tree, unnamed));
      await keys.appendJournal(unnamedEntry(on.clock, killed, told));
      return killed.length;
    });
  }
  return destroyed;
}

/** Leaves that may have been born, a step at a time: those below parents that are stored. */
async function* bornLeaves<Tx extends { keys: KeyTx }>(on: RestoreOptions<Tx>): AsyncGenerator<number[]> {
  const { fanOut } = on.tree.shape;
  const end = (await on.store.reads.readTop())?.nextLeaf ?? 0;
  for (let parent = 0; parent * fanOut < end; parent += 1) {
    const [stored] = await on.store.reads.readPages([{ level: 1, index: parent }]);
    if (stored === undefined) continue;
    for (let from = parent * fanOut; from < (parent + 1) * fanOut; from += leavesPerStep) {
      const to = Math.min(from + leavesPerStep, (parent + 1) * fanOut, end);
      if (from < to) yield Array.from({ length: to - from }, (_, i) => from + i);
    }
  }
}
