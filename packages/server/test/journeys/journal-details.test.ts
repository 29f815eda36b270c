import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/context.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { fromErasedDetail } from '../../src/engine/journal-details.ts';
import { DetailForgetter } from '../../src/engine/upkeep/forget-details.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import { journalEntry } from '../../src/keys/journal-entries.ts';
import type { LifeCall } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { erase, purgeAll, Stage, type Work } from '../restore/stage.ts';

const dayMs = 24 * 3_600_000;
const purged: LifeCall = { session: 'purged', phone: '+15125550181', bytes: 9_000 };
const second: LifeCall = { session: 'second', phone: '+15125550182', bytes: 9_000 };
const voiced: LifeCall = { session: 'voiced', phone: '+15125550183', bytes: 9_000 };
const held: LifeCall = { session: 'held', phone: '+15125550184', bytes: 9_000 };

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** Sets the clock forward and seals, as a process does that has been at work all the while. */
async function pass({ engine }: Work, days: number): Promise<void> {
  await untilQuiet(engine);
  stage.lapse(days * dayMs);
  await engine.rootKeys.seal();
}

const forget = async (engine: Engine) => await new DetailForgetter(engine).once();

async function detailsOf({ engine }: Work, kind: 'item_erased' | 'hold_placed'): Promise<unknown[]> {
  const entries = await engine.store.reads.journal.page('', 999);
  return entries.filter((entry) => entry.kind === kind).map((entry) => entry.detail);
}

async function tombstoneTokens(at: Work): Promise<number> {
  return (await detailsOf(at, 'item_erased')).flatMap((detail) => fromErasedDetail(detail).tombstoneTokens).length;
}

async function purgeOne(at: Work, call: LifeCall): Promise<void> {
  await stage.archive(at, call);
  await purgeAll(at, { by: 'customer', phones: [call.phone], emails: [] });
}

async function placeOne({ engine, caller }: Work): Promise<void> {
  const phone = { kind: 'phone', value: held.phone } as const;
  const range = { from: null, to: null, reviewAt: null };
  await placeHold(engine, caller, { callIds: [], identifiers: [phone], ...range, reason: 'a court asked' });
}

async function expectClean(engine: Engine): Promise<void> {
  expect((await engine.vault.current()).segments, 'there is something to compare with').not.toEqual([]);
  expect((await fsck(engine, { deep: true })).problems).toEqual([]);
}

describe('what the journal carries for a replay', () => {
  test('of a purge goes when the time of its tombstone is over, not before, and fsck finds nothing wrong', async () => {
    await stage.process(async (at) => {
      await purgeOne(at, purged);
      await stage.archive(at, voiced);
      await erase(at, 'depersonalize', voiced, true);
      await pass(at, 399);
      expect(await forget(at.engine)).toBe(0);
      expect(await tombstoneTokens(at)).toBeGreaterThan(0);
      await pass(at, 1.5);
      expect(await forget(at.engine)).toBe(1);
      expect(await detailsOf(at, 'item_erased')).toEqual([null, { keepRecording: true }]);
      await expectClean(at.engine);
    });
  });

  test('of a hold goes two days after the horizon, while the hold itself stands', async () => {
    await stage.process(async (at) => {
      await stage.archive(at, held);
      await placeOne(at);
      await pass(at, 8.9);
      expect(await forget(at.engine)).toBe(0);
      await pass(at, 0.2);
      expect(await forget(at.engine)).toBe(1);
      expect(await detailsOf(at, 'hold_placed')).toEqual([null]);
      await expectClean(at.engine);
      await purgeAll(at, { by: 'customer', phones: [held.phone], emails: [] });
      expect(await detailsOf(at, 'item_erased'), 'the hold still holds').toEqual([]);
    });
  });

  test('goes with the rounds of the upkeep', async () => {
    await stage.process(async (at) => {
      await purgeOne(at, purged);
      await pass(at, 401);
      await new Upkeep(at.engine).once();
      expect(await tombstoneTokens(at)).toBe(0);
      expect(await at.engine.store.reads.tombstones.page('', 9)).toEqual([]);
      expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    });
  });

  test('stays until a seal has copied it to the vault, however old it is', async () => {
    await stage.process(async (at) => {
      const { engine } = at;
      await pass(at, 0);
      const old = stage.clock.now() - 30 * dayMs;
      const entries = [0, 1, 2].map((i) =>
        journalEntry('hold_placed', old + i, { slots: [], detail: { callIds: [] } }),
      );
      const forgetter = new DetailForgetter(engine);
      await engine.store.write(async (tx) => await tx.keys.appendJournal(entries));
      expect(await forgetter.once()).toBe(0);
      await engine.rootKeys.seal();
      expect(await forgetter.once()).toBe(3);
      await expectClean(engine);
    });
  });

  test('reaches a restore within the horizon, however short the time of tombstones is', async () => {
    stage.end();
    stage = new Stage({ TACET_TOMBSTONE_DAYS: '1' });
    await stage.process(async (at) => await stage.archive(at, purged));
    const copy = stage.copy();
    await stage.process(async (at) => {
      await purgeAll(at, { by: 'customer', phones: [purged.phone], emails: [] });
      await pass(at, 6);
      expect(await forget(at.engine)).toBe(0);
      expect(await tombstoneTokens(at)).toBeGreaterThan(0);
    });
    await stage.restoreFrom(copy);
    await stage.process(async (at) => {
      expect(await tombstoneTokens(at)).toBeGreaterThan(0);
      expect(await at.engine.store.reads.tombstones.tokensOf([stage.idOf(purged)])).not.toEqual([]);
    });
  });
});

test('a young entry that lacks what its copy in the vault has is damage', async () => {
  await stage.process(async (at) => {
    await purgeOne(at, purged);
    await pass(at, 30);
    const { engine } = at;
    const [entry] = (await engine.store.reads.journal.page('', 999)).filter(({ kind }) => kind === 'item_erased');
    const left = [{ id: entry?.id ?? '', detail: null }];
    expect(await engine.store.write(async (tx) => await tx.journal.forgetDetails(left))).toBe(1);
    expect((await fsck(engine)).problems.map((problem) => problem.code)).toEqual(['vault_entry_differs']);
  });
});

describe('whoever forgets', () => {
  test('looks at an entry once, and at all of them again when the clock was set', async () => {
    await stage.process(async (at) => {
      await purgeOne(at, purged);
      await pass(at, 401);
      const { journal } = at.engine.store.reads;
      const { page } = journal;
      let looks = 0;
      journal.page = async (...asked) => {
        looks += 1;
        return await page(...asked);
      };
      const forgetter = new DetailForgetter(at.engine);
      expect(await forgetter.once()).toBe(1);
      expect(looks).toBe(2);
      expect(await forgetter.once()).toBe(0);
      expect(looks).toBe(2);
      stage.lapse(-dayMs);
      expect(await forgetter.once()).toBe(0);
      expect(looks).toBe(4);
    });
  });

  test('forgets nothing for a clock that is ahead until a seal has seen its time', async () => {
    await stage.process(async (at) => {
      await purgeOne(at, purged);
      await untilQuiet(at.engine);
      stage.lapse(800 * dayMs);
      expect(await forget(at.engine)).toBe(0);
      stage.lapse(-800 * dayMs);
    });
  });

  test('goes by the right time again when a clock that was ahead is set back, and fsck knows what went', async () => {
    await stage.process(async (at) => {
      await purgeOne(at, purged);
      const forgetter = new DetailForgetter(at.engine);
      await pass(at, 800);
      expect(await forgetter.once()).toBe(1);
      stage.lapse(-800 * dayMs);
      await expectClean(at.engine);
      await purgeOne(at, second);
      await pass(at, 1);
      expect(await forgetter.once()).toBe(0);
      expect(await tombstoneTokens(at)).toBeGreaterThan(0);
      await expectClean(at.engine);
    });
  });
});
