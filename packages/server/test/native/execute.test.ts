import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { freshKey, PlanClient } from '../support/plan-client.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let client: PlanClient;
let second: PlanClient;

beforeEach(async () => {
  app = await startApp();
  client = new PlanClient(app, await app.token());
  second = new PlanClient(app, await app.token());
});
afterEach(async () => {
  await untilQuiet(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});

const phone = '+15125551234';

async function gone(callId: string): Promise<boolean> {
  const { calls } = app.engine.store.reads;
  return (await calls.find(app.tenant.id, callId)) === undefined;
}

describe('executing a plan', () => {
  test('erases what it has, tells what has changed since, and erases nothing that came later', async () => {
    const [first, held, erased] = [
      await client.archive({ phone }),
      await client.archive({ phone }),
      await client.archive({ phone }),
    ];
    const { body: plan } = await client.plan({ phones: [phone] });
    expect(plan.counts).toMatchObject({ items: 3, held: 0 });
    const late = await client.archive({ phone });
    const other = await client.plan({ calls: [erased] });
    expect((await client.execute(other.body)).body).toMatchObject({ state: 'completed' });
    const hold = await placeHold(app.engine, app.caller(), {
      callIds: [held],
      identifiers: [],
      from: null,
      to: null,
      reviewAt: null,
      reason: 'a case',
    });
    const { status, body } = await client.execute(plan, { wait: 0 });
    expect(status).toBe(202);
    expect(body).toMatchObject({ state: 'running', drift: { added: 1, gone: 1, held: 1, changed: 0 } });
    await until(async () => await gone(first));
    expect(await gone(held)).toBe(false);
    expect(await gone(late)).toBe(false);
    await releaseHold(app.engine, app.caller(), hold.id);
    await until(async () => (await client.get(`/v1/erasures/${plan.id}`)).body.state === 'completed');
    expect(await gone(held)).toBe(true);
    expect(await gone(late)).toBe(false);
    const ended = (await client.get(`/v1/erasures/${plan.id}`)).body;
    expect(ended).toMatchObject({ identifiers: null, progress: { verified: 3 }, counts: { items: 3 } });
    expect(ended.backupsUntil > ended.sealedAt).toBe(true);
    const { items } = (await client.get(`/v1/erasures/${plan.id}/items`)).body;
    const outcomes = new Map(items.map((item: { callId: string; outcome: string }) => [item.callId, item.outcome]));
    expect(outcomes.get(first)).toBe('erased');
    expect(outcomes.get(erased)).toBe('already_erased');
    const page = async (query: string) => (await client.get(`/v1/erasures/${plan.id}/items?${query}`)).body;
    const ids = ({ items: some }: { items: { callId: string }[] }) => some.map((item) => item.callId);
    expect(ids(await page('outcome=already_erased'))).toEqual([erased]);
    const [one, rest] = [await page('outcome=erased&limit=1'), [first, held].sort()];
    expect([ids(one), ids(await page(`outcome=erased&cursor=${one.next}`))]).toEqual([[rest[0]], [rest[1]]]);
    expect(await page('outcome=held')).toEqual({ items: [], next: null });
    expect(await page('outcome=erased&state=failed')).toEqual({ items: [], next: null });
    expect((await page('outcome=gone')).code).toBe('input_invalid');
  });

  test('is refused for another digest, a second time, and after it was called off', async () => {
    await client.archive({ phone });
    const { body: plan } = await client.plan({ phones: [phone] });
    const execute = async (digest: string) => await client.post(`/v1/erasures/${plan.id}/execute`, { digest });
    expect(await execute('another')).toMatchObject({ status: 409, body: { code: 'digest_mismatch' } });
    expect(await client.execute(plan)).toMatchObject({ status: 202, body: { state: 'completed' } });
    expect(await execute(plan.digest)).toMatchObject({ status: 409, body: { code: 'erasure_state' } });
    const { body: unwanted } = await client.plan({ phones: [phone] });
    const cancel = async () => await client.post(`/v1/erasures/${unwanted.id}/cancel`);
    expect(await cancel()).toMatchObject({ status: 200, body: { cancelReason: 'cancelled', identifiers: null } });
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'erasure_state' } });
    expect(await client.execute(unwanted)).toMatchObject({ status: 409, body: { code: 'plan_cancelled' } });
  });

  test('under an Idempotency-Key happens once, and its repeat says how it has ended', async () => {
    await client.archive({ phone });
    const key = freshKey();
    const first = await client.plan({ phones: [phone] }, { key });
    const again = await client.plan({ phones: [phone] }, { key });
    expect(again).toMatchObject({ status: 201, body: { id: first.body.id } });
    expect(await client.plan({ phones: ['1'] }, { key })).toMatchObject({ status: 422 });
    const headers = { 'idempotency-key': freshKey() };
    const execute = async () =>
      await client.post(`/v1/erasures/${first.body.id}/execute?wait=30`, { digest: first.body.digest }, headers);
    expect(await execute()).toMatchObject({ status: 202, body: { state: 'completed' } });
    expect(await execute()).toMatchObject({ status: 202, body: { state: 'completed', id: first.body.id } });
    // What it said is erased with the subject: any request is taken for it then.
    expect(await client.plan({ phones: ['1'] }, { key })).toMatchObject({ status: 201, body: { id: first.body.id } });
  });
});

describe('a plan above the guard', () => {
  test('waits for somebody else, and then runs', async () => {
    const calls = [await client.archive(), await client.archive(), await client.archive()];
    await app.engine.store.write(async (tx) => await tx.tenants.setGuard(app.tenant.id, { calls: 2 }));
    const { body: plan } = await client.plan({ calls });
    expect(plan.blockers).toEqual(['approval_required']);
    expect(await client.execute(plan)).toMatchObject({ status: 409, body: { code: 'approval_required' } });
    const approve = async (who: PlanClient, digest = plan.digest) =>
      await who.post(`/v1/erasures/${plan.id}/approve`, { digest });
    expect(await approve(client)).toMatchObject({ status: 409, body: { code: 'approval_own' } });
    expect(await approve(second, 'another')).toMatchObject({ status: 409, body: { code: 'digest_mismatch' } });
    expect(await approve(second)).toMatchObject({ status: 200, body: { blockers: [] } });
    expect(await client.execute(plan)).toMatchObject({ status: 202, body: { state: 'completed' } });
  });
});
