import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Suspects } from '../../src/engine/fsck/journal-pages.ts';
import { JournaledSlots } from '../../src/engine/fsck/journaled-slots.ts';
import { journalEntry } from '../../src/keys/journal-entries.ts';
import { liveALittle, type OpenArchive, openCopy } from './lived-archive.ts';

let at: OpenArchive;
beforeAll(async () => {
  const lived = await liveALittle();
  at = await openCopy(lived);
  await lived.forget();
  at.sql('DELETE FROM journal');
  const entry = (slots: number[], ownerId: string) => journalEntry('item_erased', Date.now(), { slots, ownerId });
  const entries = [entry([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 'a'), entry([4, 9], 'b'), entry([100, 5000], 'c')];
  await at.engine.store.write(async (tx) => await tx.keys.appendJournal(entries));
});
afterAll(async () => await at.close());

describe('the slots that the journal covers', () => {
  it.each([1, 2, 3, 1000])('are the same when counted %i leaves at a time', async (leavesPerPass) => {
    const slots = new JournaledSlots({ reads: at.engine.store.reads, fanOut: 4, leaves: 4, leavesPerPass });
    const times: number[] = [];
    for (let leaf = 0; leaf < 4; leaf += 1) {
      await slots.reach(leaf);
      for (let slot = leaf * 4; slot < leaf * 4 + 4; slot += 1) times.push(slots.timesOf(slot));
    }
    expect(times).toEqual([0, 1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 0, 0, 0, 0, 0]);
  });
});

describe('owners that the journal has to explain', () => {
  it.each([1, 2, 100])('are reported when it does not, %i to a pass', async (suspectsMax) => {
    const reported: string[] = [];
    const suspects = new Suspects<number>({
      reads: at.engine.store.reads,
      explains: (entry, least) => entry.slots.length >= least,
      report: (ownerId) => void reported.push(ownerId),
      suspectsMax,
    });
    for (const [ownerId, least] of [
      ['a', 1],
      ['b', 3],
      ['c', 2],
      ['d', 0],
    ] as const)
      await suspects.add(ownerId, least);
    await suspects.settle();
    expect(reported).toEqual(['b', 'd']);
  });
});
