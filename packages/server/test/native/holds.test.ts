import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { freshKey, type NativeAnswer, PlanClient } from '../support/plan-client.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let client: PlanClient;

beforeEach(async () => {
  app = await startApp();
  client = new PlanClient(app, await app.token());
});
afterEach(async () => {
  await untilQuiet(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});

const phone = '+15125551234';
const email = 'casey@example.com';

async function hold(subject: object, key?: string): Promise<NativeAnswer> {
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  return await client.post('/v1/holds', { subject, reason: 'Case 7', reviewAt: '2027-01-01T00:00:00Z' }, headers);
}

/** Erases a call natively; returns the state of the erasure. */
async function erase(callId: string, { wait = 1 } = {}): Promise<{ id: string; state: string }> {
  const { body: plan } = await client.plan({ calls: [callId] });
  return (await client.execute(plan, { wait })).body;
}

async function isThere(callId: string): Promise<boolean> {
  return (await app.engine.store.reads.calls.find(app.tenant.id, callId)) !== undefined;
}

describe('a hold', () => {
  const call = { phone, email, sessionId: 'S-1', externalId: 'E-1' };

  test.each([
    ['a phone, written in another way', { phones: ['(512) 555-1234'] }],
    ['an e-mail', { emails: [' CASEY@example.com'] }],
    ['a session', { sessions: ['S-1'] }],
    ['an external id', { externalIds: ['E-1'] }],
    ['nobody, but the time', { from: '2026-03-01T09:00:00Z', to: '2026-03-01T11:00:00Z' }],
    ['a phone and the time', { phones: [phone], from: '2026-03-01T09:00:00Z' }],
  ])('of %s keeps a call that comes later, until it is released', async (_what, subject) => {
    const placed = await hold(subject);
    expect(placed).toMatchObject({ status: 201, body: { releasedAt: null, reason: 'Case 7' } });
    const callId = await client.archive(call);
    const { id } = await erase(callId);
    expect(await isThere(callId)).toBe(true);
    const { items } = (await client.get(`/v1/erasures/${id}/items`)).body;
    expect(items).toMatchObject([{ state: 'held', outcome: 'held', code: 'item_held' }]);
    const release = async () => await client.post(`/v1/holds/${placed.body.id}/release`);
    expect(await release()).toMatchObject({ status: 200, body: { reason: null, subject: null } });
    await until(async () => (await client.get(`/v1/erasures/${id}`)).body.state === 'completed');
    expect(await isThere(callId)).toBe(false);
    expect(await release()).toMatchObject({ status: 200 });
  });

  test.each([
    ['another phone', { phones: ['+15125559999'] }],
    ['another time', { from: '2026-03-02T00:00:00Z', to: '2026-03-03T00:00:00Z' }],
    ['the phone at another time', { phones: [phone], to: '2026-02-01T00:00:00Z' }],
  ])('of %s keeps nothing else', async (_what, subject) => {
    const { status, body } = await hold(subject);
    expect(status).toBe(201);
    const callId = await client.archive(call);
    expect(await erase(callId, { wait: 30 })).toMatchObject({ state: 'completed' });
    expect(await isThere(callId)).toBe(false);
    await client.post(`/v1/holds/${body.id}/release`);
  });

  test('that says what nobody can understand is refused with its place, and nothing is placed', async () => {
    expect(await hold({ phones: [phone, 'no number'] })).toMatchObject({
      status: 400,
      body: { code: 'input_invalid', detail: 'subject.phones[1] cannot be understood' },
    });
    expect(await hold({})).toMatchObject({ status: 400 });
    expect(await hold({ from: '2026-03-03T00:00:00Z', to: '2026-03-02T00:00:00Z' })).toMatchObject({ status: 400 });
    expect((await client.get('/v1/holds')).body).toEqual({ holds: [], next: null });
  });

  test('is listed and read with how it was named, until it is released', async () => {
    const { body: first } = await hold({ phones: [phone] });
    const { body: second } = await hold({ emails: [email] }, freshKey());
    expect(first.subject).toEqual([{ given: phone, kind: 'phone', understoodAs: phone }]);
    const ids = async (query = '') => {
      const { holds } = (await client.get(`/v1/holds${query}`)).body;
      return holds.map(({ id }: { id: string }) => id);
    };
    expect(await ids()).toEqual([second.id, first.id]);
    const page = (await client.get('/v1/holds?limit=1')).body;
    expect(page.holds).toMatchObject([{ id: second.id }]);
    expect(await ids(`?cursor=${page.next}`)).toEqual([first.id]);
    await client.post(`/v1/holds/${first.id}/release`);
    expect(await ids('?active=true')).toEqual([second.id]);
    expect(await ids('?active=false')).toEqual([first.id]);
    expect((await client.get(`/v1/holds/${second.id}`)).body).toEqual(second);
    expect(await client.get('/v1/holds/018bcfe5-6d67-7eba-afd4-8f874f92eaa2')).toMatchObject({
      status: 404,
      body: { code: 'hold_not_found' },
    });
    await client.post(`/v1/holds/${second.id}/release`);
  });

  test('asked for twice under one Idempotency-Key is one', async () => {
    const key = freshKey();
    const first = await hold({ phones: [phone] }, key);
    expect(await hold({ phones: [phone] }, key)).toMatchObject({ status: 201, body: { id: first.body.id } });
    expect(await hold({ phones: ['+15125559999'] }, key)).toMatchObject({ status: 422 });
    expect((await client.get('/v1/holds')).body.holds).toHaveLength(1);
    await client.post(`/v1/holds/${first.body.id}/release`);
  });
});
