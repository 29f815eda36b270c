import { afterEach, beforeEach, expect, test } from 'vitest';
import { type GuardScene, startGuardScene } from './scene.ts';

let scene: GuardScene;
beforeEach(async () => {
  scene = await startGuardScene();
});
afterEach(async () => {
  expect(await scene.end()).toEqual([]);
});

test('a tenant sets bounds of its own, takes them back, and the audit tells the old and the new', async () => {
  const { client } = scene;
  const none = { calls: null, percent: null };
  const configured = { calls: 2, percent: 5 };
  expect((await client.get('/v1/settings')).body).toEqual({ guard: none, effectiveGuard: configured });
  const set = await client.send('PATCH', '/v1/settings', { guard: { calls: 0 } });
  expect(set.body).toEqual({ guard: { calls: 0, percent: null }, effectiveGuard: { calls: 0, percent: 5 } });
  const both = await client.send('PATCH', '/v1/settings', { guard: { calls: null, percent: 7 } });
  expect(both.body).toEqual({ guard: { calls: null, percent: 7 }, effectiveGuard: { calls: 2, percent: 7 } });
  expect((await scene.audit('settings.changed')).map(({ detail }) => detail)).toEqual([
    { guardCalls: 0, guardCallsBefore: null, guardPercent: null, guardPercentBefore: null },
    { guardCalls: null, guardCallsBefore: 0, guardPercent: 7, guardPercentBefore: null },
  ]);
});

test('a repeat under the same key changes nothing, and another body under it is refused', async () => {
  const headers = { 'idempotency-key': 'key-1' };
  const send = async (calls: number) => await scene.client.send('PATCH', '/v1/settings', { guard: { calls } }, headers);
  expect([(await send(3)).status, (await send(3)).status, (await send(4)).status]).toEqual([200, 200, 422]);
  expect(await scene.audit('settings.changed')).toHaveLength(1);
});

test.each([
  {},
  { guard: {} },
  { guard: { calls: -1 } },
  { guard: { percent: 101 } },
  { guard: { calls: '5' } },
  { a: 1 },
])('%j is no change of the settings', async (said) => {
  expect((await scene.client.send('PATCH', '/v1/settings', said)).status).toBe(400);
  expect(await scene.audit('settings.changed')).toEqual([]);
});

test('a native plan that has become too large by tighter bounds is not executed without approval', async () => {
  const { client, second } = scene;
  const ids = [await client.archive({}), await client.archive({})];
  const { body: plan } = await client.plan({ calls: ids });
  await client.send('PATCH', '/v1/settings', { guard: { calls: 1 } });
  expect((await client.execute(plan)).body.code).toBe('approval_required');
  expect((await second.post(`/v1/erasures/${plan.id}/approve`, { digest: plan.digest })).status).toBe(200);
  expect((await client.execute(plan)).body.state).toBe('completed');
});
