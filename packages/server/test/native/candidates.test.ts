import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changeCall } from '../../src/engine/calls/change-call.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { ErasingScene } from '../support/erasing-scene.ts';
import { startedAt } from '../support/native-client.ts';
import { PlanClient } from '../support/plan-client.ts';
import { until } from '../support/until.ts';

let scene: ErasingScene;
let client: PlanClient;

beforeEach(async () => {
  scene = await ErasingScene.start();
  client = new PlanClient(scene.scene.app, await scene.tokenOf(scene.caller.tenant));
});
afterEach(async () => await scene.scene.end());

async function states(id: string): Promise<Record<string, string>> {
  const { items } = (await client.get(`/v1/erasures/${id}/items`)).body;
  return Object.fromEntries(
    items.map((item: { callId: string | null; candidateId: string; state: string; code: string | null }) => [
      item.callId ?? item.candidateId,
      item.code === null ? item.state : `${item.state}: ${item.code}`,
    ]),
  );
}

async function untilCompleted(id: string): Promise<void> {
  await until(async () => (await client.get(`/v1/erasures/${id}`)).body.state === 'completed');
}

async function rowsOf({ candidateId, callId, otherId }: { candidateId: string; callId: string; otherId: string }) {
  const { reads } = scene.engine.store;
  const { id } = scene.caller.tenant;
  return {
    candidate: (await reads.candidates.find(id, candidateId)) !== undefined,
    calls: (await reads.calls.findMany(id, [callId, otherId])).length,
    artifacts: (await reads.artifacts.ofOwner(candidateId)).length,
    tombstones: (await reads.tombstones.find(id, [candidateId, callId, otherId])).length,
  };
}

describe('a native erasure of candidates', () => {
  test('purges each with all its calls, and whatever comes later for one is refused', async () => {
    const [mine, another] = [await scene.campaign(), await scene.campaign()];
    const { body: plan } = await client.plan({ candidates: [mine.candidateId] });
    expect(plan).toMatchObject({ counts: { items: 3 }, identifiers: [{ items: 3 }] });
    expect(await client.execute(plan)).toMatchObject({ status: 202, body: { state: 'completed' } });
    expect(await rowsOf(mine)).toEqual({ candidate: false, calls: 0, artifacts: 0, tombstones: 3 });
    expect(await rowsOf(another)).toEqual({ candidate: true, calls: 2, artifacts: 2, tombstones: 0 });
    const late = await client.post('/v1/calls', { startedAt, candidateId: mine.candidateId });
    expect(late).toMatchObject({ status: 409, body: { code: 'candidate_erased' } });
    const again = await client.plan({ candidates: [mine.candidateId] });
    expect(again.body.counts).toMatchObject({ items: 1, artifacts: 0 });
    await client.execute(again.body);
    const { items } = (await client.get(`/v1/erasures/${again.body.id}/items`)).body;
    expect(items).toMatchObject([{ outcome: 'already_erased' }]);
  });

  test('reaches those who carry a phone, with the calls made to them', async () => {
    const mine = await scene.campaign();
    const { body: plan } = await client.plan({ phones: ['(512) 555-1001'] }, { action: 'depersonalize' });
    expect(plan.counts.items).toBe(3);
    expect(await client.execute(plan)).toMatchObject({ body: { state: 'completed' } });
    const row = await scene.engine.store.reads.candidates.find(scene.caller.tenant.id, mine.candidateId);
    expect(row?.depersonalizedAt).not.toBeNull();
  });

  test('lets a candidate with a held call wait whole, erases the others, and goes on with the release', async () => {
    const [mine, another] = [await scene.campaign(), await scene.campaign()];
    const hold = await placeHold(scene.engine, scene.caller, {
      callIds: [mine.otherId],
      identifiers: [],
      from: null,
      to: null,
      reviewAt: null,
      reason: 'a case',
    });
    const { body: plan } = await client.plan({ candidates: [mine.candidateId, another.candidateId] });
    expect(plan.counts).toMatchObject({ items: 6, held: 3 });
    await client.execute(plan, { wait: 0 });
    await until(async () => Object.values(await states(plan.id)).filter((state) => state === 'verified').length === 3);
    expect(await states(plan.id)).toMatchObject({
      [mine.candidateId]: 'held: item_held',
      [mine.callId]: 'held: item_held',
      [mine.otherId]: 'held: item_held',
    });
    expect(await rowsOf(mine)).toMatchObject({ candidate: true, calls: 2, artifacts: 2 });
    await releaseHold(scene.engine, scene.caller, hold.id);
    await untilCompleted(plan.id);
    expect(await rowsOf(mine)).toMatchObject({ candidate: false, calls: 0, artifacts: 0 });
  });

  test('lets a candidate with a call that is not over wait whole, until it is', async () => {
    const mine = await scene.campaign({ otherStatus: 'INPROGRESS' });
    const { body: plan } = await client.plan({ candidates: [mine.candidateId] });
    await client.execute(plan, { wait: 0 });
    await until(async () => Object.values(await states(plan.id)).every((state) => state === 'held: call_live'));
    await changeCall(scene.engine, scene.caller, mine.otherId, { dialStatus: 'ANSWERED' });
    expect(await client.post(`/v1/erasures/${plan.id}/retry`)).toMatchObject({ status: 202 });
    await untilCompleted(plan.id);
    expect(await rowsOf(mine)).toMatchObject({ candidate: false, calls: 0 });
  });

  test('leaves a call that came after the plan, and says so', async () => {
    const mine = await scene.campaign();
    const { body: plan } = await client.plan({ candidates: [mine.candidateId] });
    const { body: late } = await client.post('/v1/calls', { startedAt, candidateId: mine.candidateId });
    expect(await client.execute(plan)).toMatchObject({ body: { state: 'completed', drift: { added: 1, gone: 0 } } });
    expect(await scene.engine.store.reads.calls.find(scene.caller.tenant.id, late.id)).toMatchObject({
      candidateId: null,
    });
  });
});
