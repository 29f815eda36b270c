/** A candidate purged with its calls, through a copy of the database that still has them and a restore. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { createPlan } from '../../src/engine/plans/create-plan.ts';
import { executePlan } from '../../src/engine/plans/execute-plan.ts';
import { callCandidate, newCandidate } from '../fsck/lived-campaign.ts';
import { until } from '../support/until.ts';
import { Stage, type Work } from './stage.ts';

/** A candidate, and the calls that were made to it. */
type Called = { task: string; candidate: string; phone: string; calls: string[] };

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** Two people on one task. */
async function campaign({ engine, caller }: Work): Promise<[Called, Called]> {
  const task = await createTask(engine, caller, { name: 'spring', settings: {}, botId: null });
  const [one, another] = ['5125550301', '5125550302'];
  const asked = [newCandidate(task, 'c-one', [one]), newCandidate(task, 'c-another', [another])];
  const ids = await addCandidates(engine, caller, asked, { start: true });
  return [
    { task, candidate: ids[0] ?? '', phone: one, calls: [] },
    { task, candidate: ids[1] ?? '', phone: another, calls: [] },
  ];
}

async function call({ engine, caller }: Work, of: Called): Promise<void> {
  of.calls.push(await callCandidate(engine, caller, of));
}

/** Purges it with all its calls, and waits until that is verified. */
async function purgeCandidate({ engine, caller }: Work, { candidate }: Called): Promise<void> {
  const named = [{ kind: 'candidate', given: candidate }] as const;
  const id = await createPlan(engine, caller, { action: 'purge', keepRecording: false, named });
  const { erasures } = engine.store.reads;
  await executePlan(engine, caller, id, { digest: (await erasures.find(id))?.digest ?? '' });
  await until(async () => (await erasures.find(id))?.state === 'completed');
}

async function slotsOf({ engine }: Work, { candidate, calls }: Called): Promise<number[]> {
  const slots: number[] = [];
  for (const id of [candidate, ...calls]) {
    for (const { slot } of await engine.store.reads.artifacts.ofOwner(id)) slots.push(slot);
  }
  return slots;
}

async function expectGone(at: Work, of: Called, slots: readonly number[]): Promise<void> {
  const { reads } = at.engine.store;
  const [tenantId, ids] = [at.caller.tenant.id, [of.candidate, ...of.calls]];
  expect(await reads.candidates.find(tenantId, of.candidate)).toBeUndefined();
  expect(await reads.calls.findMany(tenantId, of.calls)).toEqual([]);
  const tombstones = (await reads.tombstones.find(tenantId, ids)).map(({ callId }) => callId);
  expect(tombstones.sort()).toEqual(ids.toSorted());
  for (const id of ids) {
    expect([await reads.artifacts.ofOwner(id), await reads.tokens.ofOwner(id)]).toEqual([[], []]);
  }
  for (const slot of slots) expect((await at.engine.tree.open(slot)).kind).toBe('destroyed');
  await expect(callCandidate(at.engine, at.caller, of)).rejects.toMatchObject({ code: 'candidate_erased' });
}

async function expectWhole(at: Work, of: Called): Promise<void> {
  const { reads } = at.engine.store;
  const tenantId = at.caller.tenant.id;
  expect(await reads.candidates.find(tenantId, of.candidate)).toMatchObject({ depersonalizedAt: null });
  expect(await reads.calls.findMany(tenantId, of.calls)).toHaveLength(of.calls.length);
  const slots = await slotsOf(at, of);
  expect(slots.length).toBeGreaterThan(of.calls.length);
  for (const slot of slots) expect((await at.engine.tree.open(slot)).kind).toBe('live');
}

describe('a candidate that was purged after the copy', () => {
  test('is gone again with its calls, refuses a late one, and leaves its neighbour whole', async () => {
    const { mine, another, slots } = await stage.process(async (at) => {
      const [one, neighbour] = await campaign(at);
      for (const of of [one, one, neighbour]) await call(at, of);
      return { mine: one, another: neighbour, slots: await slotsOf(at, one) };
    });
    expect(slots.length).toBeGreaterThan(3);
    const copy = stage.copy();
    await stage.process(async (at) => await purgeCandidate(at, mine));
    const report = await stage.restoreFrom(copy);
    expect(report.items.map(({ callId, action, wasHere }) => [callId, action, wasHere]).sort()).toEqual(
      [mine.candidate, ...mine.calls].map((id) => [id, 'purge', true]).sort(),
    );
    expect(report).toMatchObject({ tombstones: 3, verified: 3, artifactsLost: [], callsWithoutBytes: [] });
    await stage.process(async (at) => {
      await expectGone(at, mine, slots);
      await expectWhole(at, another);
    });
    await stage.expectSound();
  });

  test('is gone again with a call that the copy never had', async () => {
    const { mine, slots } = await stage.process(async (at) => {
      const [one] = await campaign(at);
      await call(at, one);
      return { mine: one, slots: await slotsOf(at, one) };
    });
    const copy = stage.copy();
    await stage.process(async (at) => {
      await call(at, mine);
      await purgeCandidate(at, mine);
    });
    const report = await stage.restoreFrom(copy);
    expect(report.items.map(({ callId, wasHere }) => [callId, wasHere]).sort()).toEqual(
      [mine.candidate, ...mine.calls].map((id) => [id, id !== mine.calls[1]]).sort(),
    );
    await stage.process(async (at) => await expectGone(at, mine, slots));
    await stage.expectSound();
  });

  test('and was added after it stays refused, though the copy knows nothing of it', async () => {
    await stage.process(async () => undefined);
    const copy = stage.copy();
    const mine = await stage.process(async (at) => {
      const [one] = await campaign(at);
      await call(at, one);
      await purgeCandidate(at, one);
      return one;
    });
    expect(await stage.restoreFrom(copy)).toMatchObject({ tombstones: 2 });
    await stage.process(async (at) => await expectGone(at, mine, []));
  });
});
