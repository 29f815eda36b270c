/** Plans, how their subjects were named, and receipts, through a copy of the database and a restore. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { planErasure } from '../../src/engine/erasure/plan.ts';
import { placeNamedHold } from '../../src/engine/holds/place-named-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { cancelPlan } from '../../src/engine/plans/cancel-plan.ts';
import { createPlan } from '../../src/engine/plans/create-plan.ts';
import { executePlan } from '../../src/engine/plans/execute-plan.ts';
import { openSubject } from '../../src/engine/plans/sealed-subject.ts';
import { makeReceipt } from '../../src/engine/receipts/make-receipt.ts';
import { receiptKeys } from '../../src/engine/receipts/receipt-key.ts';
import { readReceiptKeys, verifyReceipt } from '../../src/engine/receipts/verify-receipt.ts';
import type { LifeCall } from '../crash/life.ts';
import { until } from '../support/until.ts';
import { Stage, type Work } from './stage.ts';

const person: LifeCall = { session: 'theirs', phone: '+15125550100', bytes: 3_000, hasTranscript: true };
const other: LifeCall = { session: 'another', phone: '+15125550101', bytes: 3_000 };

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

type Plan = { id: string; slot: number };

/** Of a phone, with the slot under which that is sealed. */
async function plan({ engine, caller }: Work, { phone }: LifeCall = person): Promise<Plan> {
  const named = [{ kind: 'phone', given: phone }] as const;
  const id = await createPlan(engine, caller, { action: 'purge', keepRecording: false, named });
  const slot = (await engine.store.reads.artifacts.find(id, 'erasure-subject'))?.slot;
  expect(await openSubject(engine, { id })).toMatchObject([{ given: phone, items: 1 }]);
  if (slot === undefined) throw new Error('the plan has no sealed subject');
  return { id, slot };
}

async function execute({ engine, caller }: Work, { id }: Plan): Promise<void> {
  await executePlan(engine, caller, id, { digest: (await findPlan(engine, id))?.digest ?? '' });
}

async function executeToEnd(at: Work, made: Plan): Promise<void> {
  await execute(at, made);
  await until(async () => (await findPlan(at.engine, made.id))?.state === 'completed');
}

const findPlan = async ({ store }: Work['engine'], id: string) => await store.reads.erasures.find(id);

/** How the subject was named can be read by nobody any more. */
async function expectForgotten({ engine }: Work, { id, slot }: Plan): Promise<void> {
  expect(await engine.store.reads.artifacts.find(id, 'erasure-subject')).toBeUndefined();
  expect(await openSubject(engine, { id })).toBeUndefined();
  expect((await engine.tree.open(slot)).kind).toBe('destroyed');
}

/** A plan, a copy, what is done with the plan then, and a restore of the copy. */
async function restoredAfter(work: (at: Work, made: Plan) => Promise<void>) {
  const made = await stage.process(async (at) => {
    await stage.archive(at, person, other);
    return await plan(at);
  });
  const copy = stage.copy();
  await stage.process(async (at) => await work(at, made));
  return { made, report: await stage.restoreFrom(copy) };
}

describe('a plan that was made before the copy', () => {
  test('and executed after it is called off, its subject forgotten, and what it erased is gone', async () => {
    const { made, report } = await restoredAfter(executeToEnd);
    expect(report.items).toMatchObject([{ callId: stage.idOf(person), action: 'purge', wasHere: true }]);
    await stage.process(async (at) => {
      expect(await findPlan(at.engine, made.id)).toMatchObject({ state: 'cancelled', cancelReason: 'plan_changed' });
      await expectForgotten(at, made);
      await expect(execute(at, made)).rejects.toMatchObject({ code: 'plan_cancelled' });
    });
    await stage.expectStandings([
      [person, 'gone'],
      [other, 'whole'],
    ]);
  });

  test('and called off after it is called off again, and erases nothing', async () => {
    const { made, report } = await restoredAfter(async ({ engine, caller }, { id }) => {
      await cancelPlan(engine, caller, id);
    });
    expect(report.items).toEqual([]);
    await stage.process(async (at) => {
      expect(await findPlan(at.engine, made.id)).toMatchObject({ state: 'cancelled' });
      await expectForgotten(at, made);
    });
    await stage.expectStandings([
      [person, 'whole'],
      [other, 'whole'],
    ]);
  });

  test('and left alone can be executed after the restore', async () => {
    const { made } = await restoredAfter(async (at) => {
      await stage.archive(at, { ...other, session: 'lost' });
      await at.engine.rootKeys.seal();
    });
    await stage.process(async (at) => {
      expect(await openSubject(at.engine, made)).toMatchObject([{ given: person.phone }]);
      await executeToEnd(at, made);
      await expectForgotten(at, made);
    });
    await stage.expectSound();
    await stage.expectStandings([
      [person, 'gone'],
      [other, 'whole'],
    ]);
  });

  test('by a vendor or a retention, and called off after it, is called off again, approved or not', async () => {
    const id = await stage.process(async (at) => {
      await stage.archive(at, person, other);
      const { engine, caller } = at;
      const asked = {
        action: 'purge',
        keepRecording: false,
        waitsForHolds: false,
        callIds: [stage.idOf(person)],
      } as const;
      const vendors = await planErasure(engine, caller, asked);
      const approval = { at: engine.clock.now(), actor: { kind: 'client', id: 'another' } } as const;
      await engine.store.write(async (tx) => await tx.erasures.approve(vendors.id, approval));
      return vendors.id;
    });
    const copy = stage.copy();
    await stage.process(async ({ engine, caller }) => {
      await cancelPlan(engine, caller, id);
      await engine.rootKeys.seal();
    });
    await stage.restoreFrom(copy);
    await stage.process(async (at) => {
      expect(await findPlan(at.engine, id)).toMatchObject({ state: 'cancelled', cancelReason: 'plan_changed' });
    });
    await stage.expectStandings([
      [person, 'whole'],
      [other, 'whole'],
    ]);
  });

  test('and waited for a release at the time of it comes to its end, when that was its end before', async () => {
    const asked = { from: null, to: null, reviewAt: null, reason: 'a court asked' };
    const { made, hold } = await stage.unrested(async (at) => {
      await stage.archive(at, person, other);
      const named = [{ kind: 'phone', given: person.phone, path: 'subject.phones[0]' }] as const;
      const { id } = await placeNamedHold(at.engine, at.caller, { ...asked, named });
      const waiting = await plan(at);
      await execute(at, waiting);
      await until(async () => (await at.engine.store.reads.erasures.tally(waiting.id)).held === 1);
      return { made: waiting, hold: id };
    });
    const copy = stage.copy();
    await stage.process(async (at) => {
      await releaseHold(at.engine, at.caller, hold);
      await until(async () => (await findPlan(at.engine, made.id))?.state === 'completed');
    });
    expect(await stage.restoreFrom(copy)).toMatchObject({ holdsReleased: [hold] });
    await stage.process(async (at) => {
      await until(async () => (await findPlan(at.engine, made.id))?.state === 'completed');
      await expectForgotten(at, made);
    });
    await stage.expectSound();
    await stage.expectStandings([
      [person, 'gone'],
      [other, 'whole'],
    ]);
  });
});

describe('receipts', () => {
  test('signed before a restore and after it verify with the same key set, which was known before', async () => {
    const { keys, before, first } = await stage.process(async (at) => {
      await stage.archive(at, person, other);
      const made = await plan(at);
      await executeToEnd(at, made);
      const set = readReceiptKeys(Buffer.from(JSON.stringify(await receiptKeys(at.engine)))) ?? new Map();
      return { keys: set, before: await makeReceipt(at.engine, at.caller, made.id), first: made };
    });
    const copy = stage.copy();
    await stage.process(async (at) => {
      await stage.archive(at, { ...other, session: 'lost' });
      await at.engine.rootKeys.seal();
    });
    await stage.restoreFrom(copy);
    await stage.process(async (at) => {
      const second = await plan(at, other);
      await executeToEnd(at, second);
      const after = await makeReceipt(at.engine, at.caller, second.id);
      for (const [receipt, id] of [
        [before, first.id],
        [after, second.id],
      ] as const) {
        expect(verifyReceipt(receipt, keys)).toMatchObject({ claims: { sub: id, counts: { items: 1, erased: 1 } } });
      }
      // Asked for again of the copy it says the same, to the last byte.
      expect(await makeReceipt(at.engine, at.caller, first.id)).toBe(before);
    });
  });
});
