/** What happens to a plan at the very moment at which it is executed, and when a step of that fails. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { cancelPlan } from '../../src/engine/plans/cancel-plan.ts';
import { createPlan } from '../../src/engine/plans/create-plan.ts';
import { expirePlans } from '../../src/engine/plans/expire-plans.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { addRows } from '../guard/scene.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { freshKey, PlanClient } from '../support/plan-client.ts';
import { rawDatabase } from '../support/raw-database.ts';
import { until } from '../support/until.ts';

const dayMs = 86_400_000;

let app: TestApp;
let faults: HookedFaults;
let aheadMs: number;
let client: PlanClient;
let second: PlanClient;

beforeEach(async () => {
  faults = new HookedFaults();
  aheadMs = 0;
  app = await startApp({ faults, clock: { now: () => Date.now() + aheadMs } });
  client = new PlanClient(app, await app.token());
  second = new PlanClient(app, await app.token());
});
afterEach(async () => {
  await untilQuiet(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});

async function planOf(count: number) {
  const calls: string[] = [];
  for (let made = 0; made < count; made += 1) calls.push(await client.archive());
  return { calls, plan: (await client.plan({ calls })).body };
}

async function left(calls: readonly string[]): Promise<string[]> {
  return (await app.engine.store.reads.calls.findMany(app.tenant.id, calls)).map(({ id }) => id);
}

async function audited(event: string): Promise<number> {
  const { body } = await client.get(`/v1/audit?event=${event}`);
  return body.rows.length;
}

describe('a plan', () => {
  test('that two execute at once is executed once', async () => {
    const { calls, plan } = await planOf(2);
    const answers = await Promise.all([client.execute(plan), second.execute(plan)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'erasure_state' });
    expect(await left(calls)).toEqual([]);
  });

  test('that is called off while its drift is looked for is not executed', async () => {
    const { calls, plan } = await planOf(2);
    const called = faults.next('plan:looked', async () => {
      expect(await second.post(`/v1/erasures/${plan.id}/cancel`)).toMatchObject({ status: 200 });
    });
    expect(await client.execute(plan)).toMatchObject({ status: 409, body: { code: 'plan_cancelled' } });
    await called;
    expect(await left(calls)).toHaveLength(2);
  });

  test('whose time is over is called off as expired, by whoever sees it, and forgets its subject', async () => {
    const [one, another] = [await planOf(1), await planOf(1)];
    aheadMs = 2 * dayMs;
    client = new PlanClient(app, await app.token());
    expect(await client.execute(one.plan)).toMatchObject({ status: 409, body: { code: 'plan_cancelled' } });
    await expirePlans(app.engine);
    for (const { plan, calls } of [one, another]) {
      const { body } = await client.get(`/v1/erasures/${plan.id}`);
      expect(body).toMatchObject({ state: 'cancelled', cancelReason: 'expired', identifiers: null });
      expect(await app.engine.store.reads.artifacts.find(plan.id, 'erasure-subject')).toBeUndefined();
      expect(await left(calls)).toHaveLength(1);
    }
  });

  test('is called off by whoever made it, and of others only by who may execute it', async () => {
    const looks = async () => new PlanClient(app, await app.token(['erasures:preview']));
    const [looker, another] = [await looks(), await looks()];
    const { body: plan } = await looker.plan({ calls: [await client.archive()] });
    const cancel = async (who = client) => await who.post(`/v1/erasures/${plan.id}/cancel`);
    expect(await cancel(another)).toMatchObject({ status: 403, body: { code: 'scope_missing' } });
    expect((await client.get(`/v1/erasures/${plan.id}`)).body.state).toBe('planned');
    expect(await cancel(looker)).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    const { plan: executors } = await planOf(1);
    expect((await looker.post(`/v1/erasures/${executors.id}/cancel`)).status).toBe(403);
    expect((await second.post(`/v1/erasures/${executors.id}/cancel`)).status).toBe(200);
  });

  test('that two large requests under one key make at once is one, and the other leaves none to be executed', async () => {
    const calls = await addRows(app, 4500);
    const key = freshKey();
    const answers = await Promise.all([client.plan({ calls }, { key }), client.plan({ calls }, { key })]);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    const [one, other] = answers.map(({ body }) => body.id);
    expect(one).toBe(other);
    const { erasures } = (await client.get('/v1/erasures')).body;
    expect(
      erasures.map((erasure: { id: string; state: string }) => [erasure.id === one, erasure.state]).sort(),
    ).toEqual([
      [false, 'cancelled'],
      [true, 'planned'],
    ]);
    expect(await audited('erasure.planned')).toBe(1);
    expect(await client.post(`/v1/erasures/${one}/cancel`)).toMatchObject({ status: 200 });
    const database = await rawDatabase(app.config);
    await database.change("DELETE FROM call WHERE source = 'native'");
    await database.close();
  });

  test('that is executed leaves what is under hold readable from its gate on', async () => {
    const { calls, plan } = await planOf(3);
    const [held = '', ...others] = calls;
    const asked = { callIds: [held], identifiers: [], from: null, to: null, reviewAt: null, reason: 'a case' };
    const hold = await placeHold(app.engine, app.caller(), asked);
    const statuses: number[] = [];
    const gated = faults.next('erase:gated', async () => {
      for (const id of calls) statuses.push((await second.get(`/v1/calls/${id}`)).status);
    });
    await client.execute(plan, { wait: 0 });
    await gated;
    expect(statuses).toEqual([200, 404, 404]);
    await until(async () => (await left(others)).length === 0);
    await releaseHold(app.engine, app.caller(), hold.id);
    await until(async () => (await left(calls)).length === 0);
  });

  test('that somebody calls off before it is written to its end is not, and is told as called off', async () => {
    const calls = await addRows(app, 2001);
    const { engine } = app;
    const { store } = engine;
    let planned: string | undefined;
    const write: typeof store.write = async (work) => {
      const done = await store.write(work);
      const [plan] = await store.reads.erasures.list(app.tenant.id, { limit: 1, states: ['planned'] });
      planned ??= plan?.id;
      if (plan !== undefined) await cancelPlan(engine, app.caller(), plan.id);
      return done;
    };
    const interrupted = Object.create(engine, { store: { value: Object.create(store, { write: { value: write } }) } });
    const named = calls.map((given) => ({ kind: 'call', given }) as const);
    const asked = { action: 'purge', keepRecording: false, named } as const;
    await expect(createPlan(interrupted, app.caller(), asked)).rejects.toMatchObject({ code: 'plan_cancelled' });
    expect(await store.reads.erasures.find(planned ?? '')).toMatchObject({
      state: 'cancelled',
      cancelReason: 'cancelled',
    });
    expect(await store.reads.artifacts.find(planned ?? '', 'erasure-subject')).toBeUndefined();
    const database = await rawDatabase(app.config);
    await database.change("DELETE FROM call WHERE source = 'native'");
    await database.close();
  });

  test('of calls that are gone needs nobody to approve it, however many they are', async () => {
    const { calls, plan } = await planOf(3);
    expect((await client.execute(plan)).body.state).toBe('completed');
    await app.engine.store.write(async (tx) => await tx.tenants.setGuard(app.tenant.id, { calls: 2 }));
    const again = (await client.plan({ calls })).body;
    expect(again).toMatchObject({ counts: { items: 3 }, blockers: [] });
    expect(await client.execute(again)).toMatchObject({ status: 202, body: { state: 'completed' } });
  });

  test('that cannot be called off when its time is over keeps no other from being', async () => {
    const [stuck, other] = [await planOf(1), await planOf(1)];
    const { store } = app.engine;
    const slot = (await store.reads.artifacts.find(stuck.plan.id, 'erasure-subject'))?.slot ?? 0;
    const database = await rawDatabase(app.config);
    const move = async (from: number, to: number) =>
      await database.change('UPDATE artifact SET slot = ? WHERE slot = ?', [to, from]);
    const unborn = slot + 256 ** 3;
    await move(slot, unborn);
    aheadMs = 2 * dayMs;
    await expect(expirePlans(app.engine)).rejects.toThrow();
    const states = async () => {
      const found = [stuck, other].map(async ({ plan }) => (await store.reads.erasures.find(plan.id))?.state);
      return await Promise.all(found);
    };
    expect(await states()).toEqual(['planned', 'cancelled']);
    await move(unborn, slot);
    await database.close();
    expect(await expirePlans(app.engine)).toBe(1);
    expect(await states()).toEqual(['cancelled', 'cancelled']);
  });

  test('goes on after a step that failed between its gate and the destruction of its keys', async () => {
    const { calls, plan } = await planOf(3);
    const failed = faults.next('shred:recorded', async () => {
      throw new Error('the disk has gone');
    });
    failed.catch(() => undefined);
    expect(await client.execute(plan)).toMatchObject({ status: 202, body: { state: 'completed' } });
    await expect(failed).rejects.toThrow('the disk has gone');
    expect(await left(calls)).toEqual([]);
  });

  test('needs approval from when the bounds were tightened, by somebody else and once', async () => {
    const { calls, plan } = await planOf(3);
    expect(plan.blockers).toEqual([]);
    const approve = async (who: PlanClient) =>
      await who.post(`/v1/erasures/${plan.id}/approve`, { digest: plan.digest });
    expect(await approve(second)).toMatchObject({ status: 409, body: { code: 'erasure_state' } });
    await app.engine.store.write(async (tx) => await tx.tenants.setGuard(app.tenant.id, { calls: 2 }));
    expect(await client.execute(plan)).toMatchObject({ status: 409, body: { code: 'approval_required' } });
    expect((await client.get(`/v1/erasures/${plan.id}`)).body.blockers).toEqual(['approval_required']);
    expect(await client.execute(plan)).toMatchObject({ status: 409, body: { code: 'approval_required' } });
    expect(await audited('erasure.approval_required')).toBe(1);
    expect(await approve(client)).toMatchObject({ status: 409, body: { code: 'approval_own' } });
    const [first, again] = [await approve(second), await approve(second)];
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body.approval).toEqual(first.body.approval);
    expect(await client.execute(plan)).toMatchObject({ status: 202, body: { state: 'completed' } });
    expect(await left(calls)).toEqual([]);
  });
});

describe('an erasure that waits for a release', () => {
  test('says so once in the log, leaves no trace of its looks in the audit, and seals nothing for them', async () => {
    const { calls, plan } = await planOf(2);
    const callIds = calls.slice(0, 1);
    const asked = { callIds, identifiers: [], from: null, to: null, reviewAt: null, reason: 'a case' };
    const hold = await placeHold(app.engine, app.caller(), asked);
    await client.execute(plan, { wait: 0 });
    const jobOf = async () => (await app.engine.store.reads.jobs.list({ unfinishedOnly: true, limit: 1 }))[0];
    await until(async () => (await jobOf())?.lastError === 'item_held');
    const attempts = (await jobOf())?.attempts ?? 0;
    const generation = (await app.engine.store.reads.keys.readTop())?.generation;
    await until(async () => ((await jobOf())?.attempts ?? 0) >= attempts + 2);
    expect((await app.engine.store.reads.keys.readTop())?.generation).toBe(generation);
    expect(app.logged.filter((line) => line.includes('item_held'))).toHaveLength(1);
    const { body } = await client.get(`/v1/erasures/${plan.id}`);
    expect(body).toMatchObject({
      state: 'running',
      shreddedAt: null,
      sealedAt: null,
      progress: { held: 1, verified: 1 },
    });
    expect(await audited('erasure.shredded')).toBe(1);
    await releaseHold(app.engine, app.caller(), hold.id);
    await until(async () => (await client.get(`/v1/erasures/${plan.id}`)).body.state === 'completed');
    const ended = (await client.get(`/v1/erasures/${plan.id}`)).body;
    expect(ended.sealedAt >= ended.shreddedAt).toBe(true);
    expect(await audited('erasure.shredded')).toBe(2);
    expect(await client.post(`/v1/erasures/${plan.id}/retry`)).toMatchObject({ status: 409 });
  });
});
