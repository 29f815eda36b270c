/** What happens to a plan at the very moment at which it is executed, and when a step of that fails. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { expirePlans } from '../../src/engine/plans/expire-plans.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { PlanClient } from '../support/plan-client.ts';
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
