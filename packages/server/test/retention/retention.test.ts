import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { planAndStart } from '../../src/engine/erasure/plan.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { applyRetention } from '../../src/engine/retention/apply-retention.ts';
import { RetentionRounds } from '../../src/engine/retention/retention-rounds.ts';
import { scopes } from '../../src/model/tenant.ts';
import { type GuardScene, startGuardScene } from '../guard/scene.ts';
import type { PlanClient } from '../support/plan-client.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';
import { until } from '../support/until.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let scene: GuardScene;
beforeEach(async () => {
  scene = await startGuardScene();
});
afterEach(async () => {
  expect(await scene.end()).toEqual([]);
});

/** A call that began so many days ago. */
async function aged(days: number, kind: 'call' | 'chat' = 'call'): Promise<string> {
  const { engine } = scene.app;
  const startedAt = engine.clock.now() - days * dayMs;
  return await archivePlatformCall(engine, scene.app.caller(), { startedAt, kind });
}

async function set(client: PlanClient, said: object, kind = 'call', query = '') {
  return await client.send('PUT', `/v1/retention/${kind}${query}`, said);
}

/** Sets a retention and lets it begin. */
async function inForce(said: object, kind = 'call'): Promise<void> {
  const answer = await set(await scene.fresh(), said, kind);
  expect(answer.status, answer.text).toBe(200);
  scene.lapse(25 * hourMs);
}

async function apply(): Promise<number> {
  return await applyRetention(scene.app.engine);
}

async function untilGone(...callIds: string[]): Promise<void> {
  for (const callId of callIds) await until(async () => !(await scene.isThere(callId)));
}

async function retain(callId: string, retainUntil: number): Promise<void> {
  await scene.app.engine.store.write(async (tx) => {
    await tx.calls.find(scene.app.tenant.id, callId);
    await tx.calls.update(callId, { retainUntil });
  });
}

describe('applying', () => {
  test('purges what has outlived its kind, as the policy, and nothing else', async () => {
    const old = await aged(30);
    const [young, chat, retained] = [await aged(27), await aged(30, 'chat'), await aged(40)];
    await retain(retained, scene.app.engine.clock.now() + 3 * dayMs);
    await inForce({ days: 30 });
    expect(await apply()).toBe(1);
    await untilGone(old);
    for (const callId of [young, chat, retained]) expect(await scene.isThere(callId)).toBe(true);
    const [started] = await scene.audit('erasure.started');
    expect(started).toMatchObject({
      actor: { kind: 'policy', id: 'retention' },
      detail: { action: 'purge', items: 1 },
    });
    expect(await apply()).toBe(0);
    // Neither its age nor itself keeps it any longer.
    scene.lapse(2 * dayMs);
    expect(await apply()).toBe(2);
    await untilGone(retained);
  });

  test('erases nothing before it begins, and nothing at all once it was taken back', async () => {
    const old = await aged(100);
    expect((await set(scene.client, { days: 10 })).status).toBe(200);
    scene.lapse(23 * hourMs);
    expect(await apply()).toBe(0);
    const client = await scene.fresh();
    expect((await client.send('DELETE', '/v1/retention/call')).status).toBe(204);
    expect((await client.send('DELETE', '/v1/retention/call')).body.code).toBe('retention_not_found');
    scene.lapse(2 * hourMs);
    expect(await apply()).toBe(0);
    expect(await scene.isThere(old)).toBe(true);
    expect(await scene.audit('retention.set')).toHaveLength(1);
    expect(await scene.audit('retention.removed')).toHaveLength(1);
  });

  test('leaves what is under hold, planning it in no round, and takes it after the release', async () => {
    const [held, other] = [await aged(50), await aged(50)];
    const { engine } = scene.app;
    const hold = await placeHold(engine, scene.app.caller(), {
      callIds: [held],
      identifiers: [],
      from: null,
      to: null,
      reviewAt: null,
      reason: 'a case',
    });
    await inForce({ days: 30 });
    expect([await apply(), await apply(), await apply()]).toEqual([1, 0, 0]);
    await untilGone(other);
    expect(await scene.isThere(held)).toBe(true);
    await releaseHold(engine, scene.app.caller(), hold.id);
    expect(await apply()).toBe(1);
    await untilGone(held);
  });

  test('a retention that leaves existing calls alone leaves them to what was in force before', async () => {
    await inForce({ days: 60 });
    const existing = await aged(40);
    const older = await aged(59);
    await inForce({ days: 10, reachesExisting: false });
    const late = await aged(20);
    expect(await apply()).toBe(2);
    await untilGone(older, late);
    expect(await scene.isThere(existing)).toBe(true);
    scene.lapse(25 * dayMs);
    expect(await apply()).toBe(1);
    await untilGone(existing);
  });

  test('two processes at once erase nothing twice', async () => {
    const ids = [await aged(50), await aged(51)];
    await inForce({ days: 30 });
    const rounds = await Promise.all([apply(), apply(), apply()]);
    expect(rounds.sort()).toEqual([0, 0, 2]);
    await untilGone(...ids);
    expect(await scene.audit('erasure.started')).toHaveLength(1);
  });

  test('upkeep looks every few minutes, and at once after the clock was set', async () => {
    const rounds = new RetentionRounds(scene.app.engine);
    expect(await rounds.once()).toBe(0);
    const old = await aged(29);
    await inForce({ days: 30 });
    expect([await rounds.once(), await rounds.once()]).toEqual([1, 0]);
    await untilGone(old);
  });
});

describe('above the bounds of the guard', () => {
  test('one plan waits for approval, round after round, and is started once it has that', async () => {
    const ids = [await aged(50), await aged(51), await aged(52)];
    await inForce({ days: 30 });
    expect([await apply(), await apply()]).toEqual([0, 0]);
    await Promise.all([apply(), apply()]);
    const [planned, ...others] = await scene.audit('erasure.planned');
    expect(others).toEqual([]);
    expect(planned).toMatchObject({ actor: { kind: 'policy' }, detail: { items: 3, needsApproval: true } });
    expect(scene.app.logged.filter((line) => line.includes('retention.needs_approval'))).toHaveLength(1);
    for (const callId of ids) expect(await scene.isThere(callId)).toBe(true);
    const client = await scene.fresh();
    const { body } = await client.get(`/v1/erasures/${planned?.subjectId}`);
    expect(body).toMatchObject({ blockers: ['approval_required'], actor: { kind: 'policy', id: 'retention' } });
    expect((await client.post(`/v1/erasures/${body.id}/approve`, { digest: body.digest })).status).toBe(200);
    const rounds = await Promise.all([apply(), apply()]);
    expect(rounds.sort()).toEqual([0, 3]);
    await untilGone(...ids);
  });

  test('a plan is called off when its retention is changed or one of its calls is to be kept for longer', async () => {
    const ids = [await aged(50), await aged(51), await aged(52), await aged(53)];
    await inForce({ days: 30 });
    await apply();
    const [first] = await scene.audit('erasure.planned');
    await retain(ids[0] ?? '', scene.app.engine.clock.now() + 100 * dayMs);
    await apply();
    const client = await scene.fresh();
    const { body } = await client.get(`/v1/erasures/${first?.subjectId}`);
    expect(body).toMatchObject({ state: 'cancelled', cancelReason: 'plan_changed' });
    const [, second] = await scene.audit('erasure.planned');
    expect(second?.detail).toMatchObject({ items: 3 });
    const now = new Date(scene.app.engine.clock.now()).toISOString();
    expect((await set(client, { days: null, effectiveAt: now })).status).toBe(200);
    scene.lapse(1000);
    expect(await apply()).toBe(0);
    expect((await client.get(`/v1/erasures/${second?.subjectId}`)).body.state).toBe('cancelled');
    for (const callId of ids) expect(await scene.isThere(callId)).toBe(true);
  });
});

describe('what is to be kept after all', () => {
  async function hold(callId: string) {
    const asked = { callIds: [callId], identifiers: [], from: null, to: null, reviewAt: null, reason: 'a case' };
    return await placeHold(scene.app.engine, scene.app.caller(), asked);
  }

  async function approved(): Promise<{ id: string; client: PlanClient }> {
    await apply();
    const [planned] = await scene.audit('erasure.planned');
    const client = await scene.fresh();
    const { body } = await client.get(`/v1/erasures/${planned?.subjectId}`);
    expect((await client.post(`/v1/erasures/${body.id}/approve`, { digest: body.digest })).status).toBe(200);
    return { id: body.id, client };
  }

  test('since it came under a hold and was retained meanwhile is not taken when the hold is released', async () => {
    const [kept, ...others] = [await aged(50), await aged(51), await aged(52)];
    await inForce({ days: 30 });
    const { id, client } = await approved();
    const { id: holdId } = await hold(kept);
    await apply();
    await untilGone(...others);
    const ended = async () => (await client.get(`/v1/erasures/${id}`)).body.state === 'completed_with_failures';
    await until(ended);
    await retain(kept, scene.app.engine.clock.now() + 100 * dayMs);
    await releaseHold(scene.app.engine, scene.app.caller(), holdId);
    expect(await client.post(`/v1/erasures/${id}/retry`)).toMatchObject({
      status: 409,
      body: { code: 'erasure_state' },
    });
    expect(await apply()).toBe(0);
    expect(await scene.isThere(kept)).toBe(true);
    scene.lapse(101 * dayMs);
    expect(await apply()).toBe(1);
    await untilGone(kept);
  });

  test('since somebody says so at the very moment at which it is started is told, and stays', async () => {
    const [kept, other] = [await aged(50), await aged(51)];
    await inForce({ days: 30 });
    const { engine, tenant } = scene.app;
    const policy = { tenant, actor: { kind: 'policy', id: 'retention' }, scopes: new Set(scopes) } as const;
    const plan = { action: 'purge', keepRecording: false, waitsForHolds: false, callIds: [kept, other] } as const;
    const { erasure } = await planAndStart(engine, policy, plan, { owner: 'nobody', leaseMs: 0 }, async (tx) => {
      await tx.calls.update(kept, { retainUntil: engine.clock.now() + dayMs });
      return true;
    });
    engine.nudge();
    await untilGone(other);
    const client = await scene.fresh();
    await until(async () => (await client.get(`/v1/erasures/${erasure.id}`)).body.state === 'completed_with_failures');
    const { items } = (await client.get(`/v1/erasures/${erasure.id}/items?outcome=held`)).body;
    expect(items).toMatchObject([{ callId: kept, outcome: 'held', code: 'plan_changed' }]);
    expect(await scene.isThere(kept)).toBe(true);
  });
});

describe('PUT /v1/retention/{kind}', () => {
  test('says how many existing calls it reaches when it begins; a dry run says the same and changes nothing', async () => {
    for (const days of [9, 10, 11]) await aged(days);
    const dry = await set(scene.client, { days: 10 }, 'call', '?dryRun=true');
    // A day older by then.
    const reaches = { calls: 3, countedUpTo: 100_000 };
    expect(dry.body).toMatchObject({ kind: 'call', days: 10, reachesExisting: true, reaches });
    const none = { kind: 'call', inForce: [], toCome: null };
    expect((await scene.client.get('/v1/retention')).body.retention[0]).toEqual(none);
    expect(await scene.audit('retention.set')).toEqual([]);
    const effectiveAt = new Date(scene.app.engine.clock.now() + 2 * hourMs).toISOString();
    const { status, body } = await set(scene.client, { days: 10, effectiveAt });
    expect([status, body.effectiveAt, body.reaches.calls]).toEqual([200, effectiveAt, 2]);
    expect(
      (await set(scene.client, { days: 10, reachesExisting: false }, 'call', '?dryRun=true')).body.reaches.calls,
    ).toBe(0);
    const [listed] = (await scene.client.get('/v1/retention')).body.retention;
    expect(listed).toMatchObject({ kind: 'call', inForce: [], toCome: { days: 10, effectiveAt } });
  });

  test('what is shorter begins in an hour at the soonest; what keeps calls as long may begin at once', async () => {
    const at = (ms: number) => new Date(scene.app.engine.clock.now() + ms).toISOString();
    expect((await set(scene.client, { days: 30, effectiveAt: at(hourMs - 60_000) })).status).toBe(400);
    expect((await set(scene.client, { days: 30, effectiveAt: at(hourMs + 60_000) })).status).toBe(200);
    expect((await set(scene.client, { days: null, effectiveAt: at(-hourMs) })).status).toBe(400);
    scene.lapse(2 * hourMs);
    const client = await scene.fresh();
    expect((await set(client, { days: 29, effectiveAt: at(0) })).status).toBe(400);
    expect((await set(client, { days: 31, effectiveAt: at(0) })).status).toBe(200);
    const [listed] = (await client.get('/v1/retention')).body.retention;
    expect(listed).toMatchObject({ inForce: [{ days: 31 }], toCome: null });
  });

  test('is carried out once under its key, and refuses another kind, another scope, and another body', async () => {
    const { client } = scene;
    const headers = { 'idempotency-key': 'key-1' };
    const first = await client.send('PUT', '/v1/retention/chat', { days: 5 }, headers);
    const again = await client.send('PUT', '/v1/retention/chat', { days: 5 }, headers);
    expect([first.status, again.status, again.body.effectiveAt]).toEqual([200, 200, first.body.effectiveAt]);
    expect(await scene.audit('retention.set')).toHaveLength(1);
    const other = await client.send('PUT', '/v1/retention/chat', { days: 6 }, headers);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch']);
    expect((await set(client, { days: 5 }, 'sms')).body.code).toBe('retention_not_found');
    for (const said of [{ days: 0 }, { days: 1.5 }, {}, { days: 5, effectiveAt: 'soon' }, { days: 5, other: 1 }]) {
      expect((await set(client, said)).status).toBe(400);
    }
    const { app } = scene;
    const headersOf = { authorization: `Bearer ${await app.token(['erasures:execute', 'calls:write'])}` };
    expect((await client.send('PUT', '/v1/retention/chat', { days: 5 }, headersOf)).status).toBe(403);
  });
});
