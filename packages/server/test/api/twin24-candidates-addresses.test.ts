import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { botId, TwinCampaigns } from '../support/twin-campaigns.ts';

const unknownId = '01900000-0000-7000-8000-000000000000';
const base = '/telephony/autoCallCandidate';
const dayMs = 86_400_000;

let app: TestApp;
let client: TwinCampaigns;

beforeAll(async () => {
  // At noon, so that no test runs into the next day.
  const aheadMs = 1.5 * dayMs - (Date.now() % dayMs);
  app = await startApp({ clock: { now: () => Date.now() + aheadMs } });
  await app.listen();
});
afterAll(async () => await app.close());
beforeEach(async () => {
  client = await TwinCampaigns.start(app);
});

describe('the addresses', () => {
  test('of batches, single calls and cancelling are no ids, and no id is one of them', async () => {
    for (const path of ['batch', 'single', 'single/batch']) {
      expect((await client.post(`${base}/${path}`, {})).status).toBe(400);
      expect((await client.post(`${base}/${path}/`, {})).status).toBe(400);
      // One more step than any id has: an address of another method.
      expect((await client.get(`${base}/${path}`)).status).toBe(path.includes('/') ? 405 : 404);
    }
    expect((await client.post(`${base}/cancel`)).status).toBe(400);
    for (const one of [client, client.atOwnHost()])
      expect((await one.post(`${base}/batch`, { batch: [] })).status).toBe(200);
  });

  test('of a candidate that is unknown, somebody else or malformed are the same 404', async () => {
    const other = await TwinCampaigns.start(app);
    const [foreign = ''] = await other.added(await other.task(), { phone: ['15125550101'] });
    const answers = new Set<string>();
    for (const id of [foreign, unknownId, foreign.toUpperCase(), '{autoCallCandidateId}', '%7Bid%7D', 'x', "'--"]) {
      const { status, text } = await client.get(`${base}/${id}`);
      answers.add(`${status} ${text}`);
    }
    expect(answers).toEqual(new Set(['404 {"error":"No such candidate"}']));
    const foreignTask = (await other.candidate(foreign))['autoCallId'];
    for (const id of [foreignTask, unknownId, '{id}']) {
      expect((await client.get(`${base}?autoCallId=${id}`)).text).toBe('{"error":"No such task"}');
      expect((await client.post(`${base}/cancel?autoCallId=${id}&phone=15125550101`)).text).toBe(
        '{"error":"No such task"}',
      );
    }
    expect((await other.candidate(foreign)).status).toBe('PENDING');
  });

  test('are opened by the rights that they need', async () => {
    const taskId = await client.task();
    const [id = ''] = await client.added(taskId, { phone: ['15125550101'] });
    const reader = await client.within(['calls:read']);
    expect((await reader.get(`${base}/${id}`)).status).toBe(200);
    expect((await reader.get(`${base}?autoCallId=${taskId}`)).status).toBe(200);
    const body = { autoCallId: taskId, botSettingsId: botId(), phone: ['15125550102'] };
    for (const path of [base, `${base}/single`]) expect((await reader.post(path, body)).status).toBe(403);
    for (const path of [`${base}/batch`, `${base}/single/batch`]) {
      expect((await reader.post(path, { batch: [body] })).status).toBe(403);
    }
    expect((await reader.post(`${base}/cancel?autoCallId=${taskId}&phone=15125550101`)).status).toBe(403);
    // Whoever may not ask is not told how to.
    for (const path of ['', '/single', '/batch', '/single/batch']) {
      expect((await reader.post(`${base}${path}`, {})).status).toBe(403);
    }
    expect((await reader.post(`${base}/cancel`)).status).toBe(403);
    expect((await (await client.within(['calls:write'])).get(`${base}/${id}`)).status).toBe(200);
    const stranger = await client.within(['erasures:execute']);
    expect((await stranger.get(`${base}/${id}`)).status).toBe(403);
    expect((await stranger.get(base)).status).toBe(403);
    expect(await client.candidates(taskId)).toMatchObject({ count: 1, items: [{ status: 'PENDING' }] });
  });
});

describe('cancelling', () => {
  test('takes off one task whoever carries the number there, however it is written, with an empty 200', async () => {
    const [taskId, other] = [await client.task(), await client.task()];
    const ids = await client.added(
      taskId,
      { phone: ['+15125550101'], clientExternalId: 'a' },
      { phone: ['15125550102', '(512) 555-0101'], clientExternalId: 'b' },
      { phone: ['15125550103'] },
    );
    const [elsewhere = ''] = await client.added(other, { phone: ['15125550101'] });
    const cancel = async (phone: string) =>
      await client.post(`${base}/cancel?autoCallId=${taskId}&phone=${encodeURIComponent(phone)}`);
    const answer = await cancel('512-555-0101');
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([200, '', null]);
    const statuses = (await client.candidates(taskId)).items.map(({ status }) => status);
    expect(statuses).toEqual(['CANCELLED', 'CANCELLED', 'PENDING']);
    expect((await client.candidate(elsewhere)).status).toBe('PENDING');
    for (const phone of ['512-555-0101', '+19995550000', 'none']) expect((await cancel(phone)).status).toBe(200);
    const rows = await app.engine.store.reads.audit.page('', 100_000);
    const mine = rows.filter(({ event, subjectId }) => event === 'candidates.cancelled' && subjectId === taskId);
    expect(mine.map(({ detail }) => detail)).toEqual([{ cancelled: 2 }]);
    expect((await client.candidate(ids[0] ?? '')).phone).toEqual(['15125550101']);
  });

  test('needs a task and a number', async () => {
    const taskId = await client.task();
    for (const query of ['', `?autoCallId=${taskId}`, '?phone=1', `?autoCallId=${taskId}&phone=`]) {
      expect((await client.post(`${base}/cancel${query}`)).status).toBe(400);
    }
  });
});

test('what is given of people stands in the audit trail and in the log by its count alone', async () => {
  const taskId = await client.task({ name: 'marked-name' });
  await client.added(taskId, {
    phone: ['15125559876'],
    variables: { a: 'marked-value' },
    clientExternalId: 'marked-id',
  });
  await client.post(`${base}/cancel?autoCallId=${taskId}&phone=15125559876`);
  const rows = (await app.engine.store.reads.audit.page('', 100_000)).filter((row) => row.subjectId === taskId);
  expect(rows.map(({ event, detail }) => [event, detail])).toEqual([
    ['task.created', {}],
    ['candidates.added', { added: 1, status: 'READY' }],
    ['candidates.cancelled', { cancelled: 1 }],
  ]);
  const everything = JSON.stringify(rows) + app.logged.join('\n');
  expect(everything).toContain('/telephony/autoCallCandidate/cancel');
  expect(everything).not.toMatch(/marked|5559876/);
});
