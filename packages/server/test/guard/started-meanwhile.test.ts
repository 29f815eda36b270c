/** A large erasure that somebody starts between a vendor's look at what there is and its question for the approval. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startErasure } from '../../src/engine/erasure/plan.ts';
import { askToErase } from '../support/twin-erasing.ts';
import { addCandidateWithCalls } from './candidate.ts';
import { type GuardScene, startGuardScene } from './scene.ts';

let scene: GuardScene;
beforeEach(async () => {
  scene = await startGuardScene();
});
afterEach(async () => {
  expect(await scene.end()).toEqual([]);
});

async function archived(): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < 3; i += 1) ids.push(await scene.client.archive({ phone: '+15125551234', sessionId: `s-${i}` }));
  return ids;
}

/** The plan that a refusal names, approved. */
async function approved(text: string): Promise<{ id: string; digest: string }> {
  const [, id = ''] = /: erasure (\S+) has to be approved/.exec(text) ?? [];
  const { body } = await scene.second.get(`/v1/erasures/${id}`);
  expect((await scene.second.post(`/v1/erasures/${id}/approve`, { digest: body.digest })).status).toBe(200);
  return body;
}

/** Does it after the next request has looked at what there is, and before that asks for the plan of it. */
function betweenLookAndPlan(work: () => Promise<unknown>): void {
  const { erasures } = scene.app.engine.store.reads;
  const plannedAs = erasures.plannedAs.bind(erasures);
  vi.spyOn(erasures, 'plannedAs').mockImplementationOnce(async (...asked) => {
    await work();
    return await plannedAs(...asked);
  });
}

async function expectOneErasure(): Promise<void> {
  expect(await scene.audit('erasure.planned')).toHaveLength(1);
  expect(await scene.audit('erasure.started')).toHaveLength(1);
}

test.each([
  ['has begun', { state: 'running' }],
  ['has come to its end', { state: 'completed' }],
])('a purge that %s by then needs no second approval', async (_, { state }) => {
  const { client, app } = scene;
  const ids = await archived();
  const plan = await approved((await client.post('/purge/v1/calls', { ids })).body.message);
  betweenLookAndPlan(async () => {
    if (state === 'completed') return await client.execute(plan);
    // By a process that died in the same moment.
    const erasure = await app.engine.store.reads.erasures.find(plan.id);
    if (erasure === undefined) throw new Error('the plan is gone');
    return await startErasure(app.engine, app.caller(), erasure, { owner: 'elsewhere', leaseMs: 60_000 });
  });
  const repeat = await client.post('/purge/v1/calls', { ids });
  expect([repeat.status, repeat.body.items?.length]).toEqual([200, 3]);
  expect(repeat.body.items.map((item: { status: string }) => item.status)).toEqual(
    ids.map(() => (state === 'completed' ? 'NotFound' : 'Purging')),
  );
  scene.lapse(61_000);
  await expectOneErasure();
});

test('a candidate that is depersonalized by then needs no second approval', async () => {
  const { app, token, client } = scene;
  const { candidateId } = await addCandidateWithCalls(app, 3);
  const erase = async () => await askToErase(app, token, 'K0', { candidateId, callId: '' });
  const plan = await approved((await erase()).json().error);
  betweenLookAndPlan(async () => await client.execute(plan));
  expect((await erase()).statusCode).toBe(200);
  await expectOneErasure();
});
