import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { planErasure } from '../../src/engine/erasure/plan.ts';
import { expirePlans } from '../../src/engine/plans/expire-plans.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';
import { askToErase } from '../support/twin-erasing.ts';
import { until } from '../support/until.ts';
import { addCandidateWithCalls } from './candidate.ts';
import { type GuardScene, startGuardScene } from './scene.ts';

let scene: GuardScene;
beforeEach(async () => {
  scene = await startGuardScene();
});
afterEach(async () => {
  expect(await scene.end()).toEqual([]);
});

async function archived(count: number, phone = '+15125551234'): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) ids.push(await scene.client.archive({ phone, sessionId: `${phone}-${i}` }));
  return ids;
}

/** The id that the message of a refusal names. */
function named(text: string): string {
  const [, id = ''] =
    /^This reaches 3 calls: erasure (\S+) has to be approved by a second actor first$/.exec(text) ?? [];
  expect(id, text).not.toBe('');
  return id;
}

async function approved(id: string): Promise<void> {
  const { body } = await scene.second.get(`/v1/erasures/${id}`);
  expect(body).toMatchObject({ id, state: 'planned', counts: { items: expect.any(Number), held: 0 }, approval: null });
  expect(body.blockers).toEqual(['approval_required']);
  expect((await scene.client.post(`/v1/erasures/${id}/execute`, { digest: body.digest })).status).toBe(409);
  const own = await scene.client.post(`/v1/erasures/${id}/approve`, { digest: body.digest });
  expect([own.status, own.body.code]).toEqual([409, 'approval_own']);
  expect((await scene.second.post(`/v1/erasures/${id}/approve`, { digest: body.digest })).status).toBe(200);
}

const purges: [string, (ids: readonly string[]) => object][] = [
  ['/purge/v1/calls', (ids) => ({ ids })],
  ['/purge/v1/calls/sessions', () => ({ ids: [0, 1, 2].map((i) => `+15125551234-${i}`) })],
  ['/purge/v1/calls/customer', () => ({ phoneNumber: '(512) 555-1234' })],
  ['/interactions/v2/purge', (ids) => ({ ids })],
  ['/interactions/v2/purge/sessions', () => ({ ids: [0, 1, 2].map((i) => `+15125551234-${i}`) })],
  ['/interactions/v2/purge/customer', () => ({ phoneNumbers: ['+15125551234'] })],
];

describe('a large purge of Creovai', () => {
  test("that died before it was started is in nobody's way: it is not executed, its repeat is asked anew, and it expires", async () => {
    const ids = await archived(3);
    const { engine } = scene.app;
    const plan = { action: 'purge', keepRecording: false, waitsForHolds: false, callIds: ids } as const;
    const { id: left, digest } = await planErasure(engine, scene.app.caller(), plan);
    const executed = await scene.client.post(`/v1/erasures/${left}/execute`, { digest });
    expect([executed.status, executed.body.code]).toEqual([409, 'erasure_state']);
    const id = named((await scene.client.post('/purge/v1/calls', { ids })).body.message);
    expect(id).not.toBe(left);
    await approved(id);
    scene.lapse(2 * 86_400_000);
    expect(await expirePlans(engine)).toBe(2);
    for (const callId of ids) expect(await scene.isThere(callId)).toBe(true);
  });

  test.each(purges)(
    '%s erases nothing until a second actor has approved it, and then goes as ever',
    async (path, said) => {
      const { client, second } = scene;
      const ids = await archived(3);
      const whatIf = await client.post(`${path}?whatIf=true`, said(ids));
      expect(whatIf.body.items.map(({ status }: { status: string }) => status)).toEqual(['WhatIf', 'WhatIf', 'WhatIf']);
      const refused = await client.post(path, said(ids));
      expect([refused.status, Object.keys(refused.body)]).toEqual([400, ['message']]);
      const id = named(refused.body.message);
      for (const callId of ids) expect(await scene.isThere(callId)).toBe(true);
      // Whoever repeats it, whichever way it is said, meets the same plan.
      expect(named((await client.post(path, said(ids))).body.message)).toBe(id);
      expect(named((await second.post('/purge/v1/calls', { ids: [...ids].reverse() })).body.message)).toBe(id);
      const planned = await scene.audit('erasure.planned');
      expect(planned.map(({ subjectId, detail }) => ({ subjectId, detail }))).toEqual([
        { subjectId: id, detail: { action: 'purge', items: 3, needsApproval: true } },
      ]);
      await approved(id);
      const done = await client.post(path, said(ids));
      expect(done.status).toBe(200);
      expect(done.body.items.map(({ status }: { status: string }) => status)).toEqual([
        'Purging',
        'Purging',
        'Purging',
      ]);
      for (const callId of ids) expect(await scene.isThere(callId)).toBe(false);
      await until(async () => (await second.get(`/v1/erasures/${id}`)).body.state === 'completed');
      const items = (await client.post(path, said(ids))).body.items;
      expect(items.every(({ status }: { status: string }) => status === 'NotFound')).toBe(true);
      expect(await scene.audit('erasure.started')).toHaveLength(1);
    },
  );

  test('may be executed natively, too, and two repeats at once execute it once', async () => {
    const first = await archived(3);
    const plan = named((await scene.client.post('/purge/v1/calls', { ids: first })).body.message);
    await approved(plan);
    const { body } = await scene.client.get(`/v1/erasures/${plan}`);
    expect((await scene.client.execute(body)).body).toMatchObject({ state: 'completed' });
    for (const callId of first) expect(await scene.isThere(callId)).toBe(false);
    const ids = await archived(3, '+15125550199');
    const other = named((await scene.client.post('/purge/v1/calls', { ids })).body.message);
    await approved(other);
    const repeats = await Promise.all([1, 2].map(async () => await scene.client.post('/purge/v1/calls', { ids })));
    expect(repeats.map(({ status }) => status)).toEqual([200, 200]);
    expect((await scene.audit('erasure.started')).filter(({ subjectId }) => subjectId === other)).toHaveLength(1);
  });

  test('up to the bound goes at once, and so does what the tenant has allowed itself since', async () => {
    const ids = await archived(5);
    const two = await scene.client.post('/purge/v1/calls', { ids: ids.slice(0, 2) });
    expect(two.status).toBe(200);
    const rest = ids.slice(2);
    named((await scene.client.post('/purge/v1/calls', { ids: rest })).body.message);
    expect((await scene.client.send('PATCH', '/v1/settings', { guard: { calls: 3 } })).status).toBe(200);
    expect((await scene.client.post('/purge/v1/calls', { ids: rest })).status).toBe(200);
    for (const callId of rest) expect(await scene.isThere(callId)).toBe(false);
  });

  test('a plan that nobody approved in time is followed by another, and so is one that a call was added to', async () => {
    const said = { phoneNumber: '+15125551234' };
    await archived(3);
    const first = named((await scene.client.post('/purge/v1/calls/customer', said)).body.message);
    scene.lapse(25 * 3_600_000);
    const client = await scene.fresh();
    const second = named((await client.post('/purge/v1/calls/customer', said)).body.message);
    expect(second).not.toBe(first);
    await client.archive({ phone: '+15125551234' });
    const { status, body } = await client.post('/purge/v1/calls/customer', said);
    expect([status, body.message]).toEqual([400, expect.stringMatching(/^This reaches 4 calls: erasure /)]);
    expect(body.message).not.toContain(second);
    expect(await scene.audit('erasure.planned')).toHaveLength(3);
  });
});

describe('Twin24', () => {
  test('a candidate with more calls than the bound is left alone until a second actor has approved it', async () => {
    const { candidateId, callIds } = await addCandidateWithCalls(scene.app, 3);
    const subject = { candidateId, callId: '' };
    const refused = await askToErase(scene.app, scene.token, 'K0', subject);
    expect([refused.statusCode, Object.keys(refused.json())]).toEqual([400, ['error']]);
    const id = named(refused.json().error);
    const { reads } = scene.app.engine.store;
    for (const call of await reads.calls.findMany(scene.app.tenant.id, callIds)) {
      expect(call.depersonalizedAt).toBeNull();
    }
    expect(named((await askToErase(scene.app, scene.token, 'K0', subject)).json().error)).toBe(id);
    await approved(id);
    expect((await askToErase(scene.app, scene.token, 'K0', subject)).statusCode).toBe(200);
    expect((await askToErase(scene.app, scene.token, 'K0', subject)).statusCode).toBe(200);
    const calls = await reads.calls.findMany(scene.app.tenant.id, callIds);
    expect(calls.every(({ depersonalizedAt }) => depersonalizedAt !== null)).toBe(true);
    expect(await scene.audit('erasure.started')).toHaveLength(1);
    expect(await scene.audit('erasure.planned')).toHaveLength(1);
  });

  test('a candidate of whom a call is not over is left alone natively, too, however it was approved', async () => {
    const { app, token, client } = scene;
    const { candidateId, callIds } = await addCandidateWithCalls(app, 3);
    const id = named((await askToErase(app, token, 'K0', { candidateId, callId: '' })).json().error);
    await approved(id);
    const { body: plan } = await client.get(`/v1/erasures/${id}`);
    const { engine } = app;
    const dial = async (callId: string, dialStatus: 'DIAL' | 'ANSWERED') =>
      await engine.store.write(async (tx) => await tx.calls.update(callId, { dialStatus }));
    const late = await archivePlatformCall(engine, app.caller(), { candidateId, dialStatus: 'DIAL' });
    for (const live of [late, callIds[1] ?? '']) {
      await dial(live, 'DIAL');
      const refused = await client.post(`/v1/erasures/${id}/execute`, { digest: plan.digest });
      expect([refused.status, refused.body.code]).toEqual([409, 'call_live']);
      await dial(live, 'ANSWERED');
    }
    for (const call of await engine.store.reads.calls.findMany(app.tenant.id, [...callIds, late])) {
      expect(call.depersonalizedAt).toBeNull();
    }
    expect((await client.execute(plan)).body).toMatchObject({ state: 'completed', drift: { added: 0 } });
  });

  test('the candidate itself is no call, and single calls are never guarded', async () => {
    const { candidateId, callIds } = await addCandidateWithCalls(scene.app, 2);
    const [callId = ''] = callIds;
    for (const method of ['R', 'C0', 'K0'] as const) {
      expect((await askToErase(scene.app, scene.token, method, { candidateId, callId })).statusCode).toBe(200);
    }
  });
});
