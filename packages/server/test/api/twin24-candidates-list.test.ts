import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { TwinCampaigns } from '../support/twin-campaigns.ts';

const base = '/telephony/autoCallCandidate';

let app: TestApp;
let client: TwinCampaigns;

beforeAll(async () => {
  app = await startApp();
  await app.listen();
});
afterAll(async () => await app.close());
beforeEach(async () => {
  client = await TwinCampaigns.start(app);
});

describe('a list of candidates', () => {
  test('shows them in the order in which they were given, page by page and by state', async () => {
    const taskId = await client.task();
    const phones = Array.from({ length: 7 }, (_, i) => `1512555010${i}`);
    const ids = await client.added(taskId, ...phones.map((phone) => ({ phone: [phone] })));
    expect((await client.candidates(taskId)).items.map(({ id }) => id)).toEqual(ids);
    expect((await client.candidates(taskId, 'page=1&limit=3')).items.map(({ id }) => id)).toEqual(ids.slice(3, 6));
    expect(await client.candidates(taskId, 'offset=6&limit=3')).toMatchObject({ count: 7, items: [{ id: ids[6] }] });
    await client.post(`${base}/cancel?autoCallId=${taskId}&phone=${phones[2]}`);
    expect(await client.candidates(taskId, 'status=CANCELLED')).toMatchObject({ count: 1, items: [{ id: ids[2] }] });
    expect((await client.candidates(taskId, 'status=PENDING')).count).toBe(6);
    expect((await client.candidates(taskId, 'status=ADDING')).count).toBe(0);
    expect((await client.get(base)).status).toBe(400);
  });

  test('comes without its items, or without its count, which is then that of its items', async () => {
    const taskId = await client.task();
    await client.added(taskId, { phone: '15125550101' }, { phone: '15125550102' }, { phone: '15125550103' });
    expect(await client.candidates(taskId, 'withoutItems=1')).toEqual({ count: 3, items: [] });
    expect(await client.candidates(taskId, 'withoutCount=1&limit=2')).toMatchObject({ count: 2, items: [{}, {}] });
  });

  test('has those who carry a number, however it is written, and nobody for a number that says nothing', async () => {
    const [taskId, other] = [await client.task(), await client.task()];
    const [one, two, cancelled] = await client.added(
      taskId,
      { phone: '+1 (512) 555-0101', clientExternalId: 'a' },
      { phone: ['15125550102', '5125550101'], clientExternalId: 'b' },
      { phone: '15125550101', clientExternalId: 'c' },
      { phone: '15125550103' },
    );
    await client.added(other, { phone: '15125550101' });
    const found = async (query: string) => {
      const { count, items } = await client.candidates(taskId, query);
      return { count, ids: items.map(({ id }) => id) };
    };
    await client.post(`${base}/cancel?autoCallId=${taskId}&phone=15125550101`);
    for (const phone of ['15125550101', '%2B1-512-555-0101', '512%20555%200101']) {
      expect(await found(`phone=${phone}`)).toEqual({ count: 3, ids: [one, two, cancelled] });
    }
    expect(await found('phone=15125550101&status=PENDING')).toEqual({ count: 0, ids: [] });
    expect(await found('phone=15125550101&limit=1&page=1')).toEqual({ count: 3, ids: [two] });
    expect(await found('phone=15125550101&withoutItems=1')).toEqual({ count: 3, ids: [] });
    for (const phone of ['', '%20', 'nobody', '15125559999']) {
      expect(await found(`phone=${phone}`)).toEqual({ count: 0, ids: [] });
    }
  });

  test('no longer finds by its number one that is erased', async () => {
    const taskId = await client.task();
    const [id = '', kept] = await client.added(
      taskId,
      { phone: '15125550101', clientExternalId: 'a' },
      { phone: '15125550101', clientExternalId: 'b' },
    );
    expect((await client.candidates(taskId, 'phone=15125550101')).count).toBe(2);
    expect((await client.post(`${base}/${id}/depersonalization`)).status).toBe(200);
    expect(await client.candidates(taskId, 'phone=15125550101')).toMatchObject({ count: 1, items: [{ id: kept }] });
    expect((await client.candidates(taskId)).count).toBe(2);
  });

  test('is refused for a filter that is not known, and takes what says how to answer', async () => {
    const taskId = await client.task();
    await client.added(taskId, { phone: '15125550101' });
    const answer = await client.get(`${base}?autoCallId=${taskId}&79991234567=1`);
    expect([answer.status, answer.json]).toEqual([
      400,
      { error: expect.stringMatching(/^Parameter 2 of the query is not known; known are autoCallId, status, phone, /) },
    ]);
    expect(await client.candidates(taskId, 'fields=id&sort=-id&timezone=3&language=ru&_=17')).toMatchObject({
      count: 1,
    });
  });
});
