/** Holds that come and go while erasures run, and what the vendors' clients are told under one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import type { Caller } from '../../src/engine/context.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { type AskedHold, placeNamedHold } from '../../src/engine/holds/place-named-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { createPlan } from '../../src/engine/plans/create-plan.ts';
import { executePlan } from '../../src/engine/plans/execute-plan.ts';
import { ErasingScene, expectTwinError } from '../support/erasing-scene.ts';
import { until } from '../support/until.ts';

const none: AskedHold = { named: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
const allTime: AskedHold = { ...none, from: 0 };
const byCall = (id: string): AskedHold => ({ ...none, named: [{ kind: 'call', given: id, path: 'subject.calls[0]' }] });
const byCandidate = (id: string): AskedHold => ({
  ...none,
  named: [{ kind: 'candidate', given: id, path: 'subject.candidates[0]' }],
});

/** The flag of Twin24's method: the recordings go, too. */
const flag = { body: JSON.stringify({ skipDeleteRecord: false }), contentType: 'application/json' };

let erasing: ErasingScene;
beforeEach(async () => {
  erasing = await ErasingScene.start();
});
afterEach(async () => await erasing.scene.end());

const place = async (asked: AskedHold, caller: Caller = erasing.caller) =>
  (await placeNamedHold(erasing.engine, caller, asked)).id;
const release = async (id: string) => await releaseHold(erasing.engine, erasing.caller, id);

async function planned(callId: string): Promise<() => Promise<string>> {
  const { engine, caller } = erasing;
  const plan = { action: 'purge', keepRecording: false, named: [{ kind: 'call', given: callId }] } as const;
  const id = await createPlan(engine, caller, plan);
  const digest = (await engine.store.reads.erasures.find(id))?.digest ?? '';
  return async () => {
    await executePlan(engine, caller, id, { digest });
    return id;
  };
}

const tally = async (id: string) => await erasing.engine.store.reads.erasures.tally(id);
const stateOf = async (id: string) => (await erasing.engine.store.reads.erasures.find(id))?.state;
const isThere = async (id: string) =>
  (await erasing.engine.store.reads.calls.find(erasing.caller.tenant.id, id)) !== undefined;

describe('a native erasure', () => {
  test('whose call is held after its gate and before its shredding waits, and goes on when it is released', async () => {
    const callId = await erasing.scene.archived('racing', '+15125550100');
    const execute = await planned(callId);
    let hold = '';
    const placed = erasing.scene.faults.next('erase:gated', async () => {
      hold = await place(byCall(callId));
    });
    const id = await execute();
    await placed;
    await until(async () => (await tally(id)).held === 1);
    expect(await isThere(callId)).toBe(true);
    await release(hold);
    await until(async () => (await stateOf(id)) === 'completed');
    expect(await isThere(callId)).toBe(false);
  });

  test('goes on when the last of two holds on its call is released, and not before', async () => {
    const callId = await erasing.scene.archived('twice', '+15125550100');
    const [first, last] = [await place(byCall(callId)), await place(allTime)];
    const id = await (await planned(callId))();
    await until(async () => (await tally(id)).held === 1);
    await release(first);
    const asked = { by: 'calls', ids: [callId] } as const;
    const [item] = await purge(erasing.engine, erasing.caller, asked, { whatIf: true, waitMs: 0 });
    expect([item?.standing, await isThere(callId)]).toEqual(['held', true]);
    await release(last);
    await until(async () => (await stateOf(id)) === 'completed');
    expect(await isThere(callId)).toBe(false);
  });

  test('is not kept by whatever another tenant holds', async () => {
    const callId = await erasing.scene.archived('ours', '+15125550100');
    const tenant = await createTenant(erasing.engine, { slug: 'stranger', region: 'US' });
    for (const asked of [byCall(callId), allTime]) await place(asked, { ...erasing.caller, tenant });
    const id = await (await planned(callId))();
    await until(async () => (await stateOf(id)) === 'completed');
    expect(await isThere(callId)).toBe(false);
  });
});

describe('releasing a hold', () => {
  test('a second time changes nothing and leaves no second row in the audit', async () => {
    const id = await place(allTime);
    await release(id);
    await release(id);
    const { rows } = await erasing.engine.store.reads.audit.search(erasing.caller.tenant.id, {
      subjectId: id,
      limit: 9,
    });
    expect(rows.map(({ event }) => event).sort()).toEqual(['hold.placed', 'hold.released']);
  });
});

describe('a client of a vendor', () => {
  test.each([
    ['of the time alone', () => allTime],
    ['of the candidate', byCandidate],
  ])('of Twin24 is refused under a hold %s, and nothing changes', async (_of, asked) => {
    const stage = await erasing.campaign();
    const hold = await place(asked(stage.candidateId));
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      expectTwinError(await erasing.send('K0', stage, flag), 400);
    });
    await release(hold);
    expect((await erasing.send('K0', stage, flag)).statusCode).toBe(200);
  });

  test('of Creovai is told Error and legal hold under a hold of the time alone', async () => {
    const callId = await erasing.scene.archived('held', '+15125550100');
    await place(allTime);
    const items = await erasing.scene.client.purge('', { ids: [callId] });
    expect(items).toEqual([{ callId, sessionId: 'held', status: 'Error', errorMsg: 'legal hold' }]);
    expect(await isThere(callId)).toBe(true);
  });
});
