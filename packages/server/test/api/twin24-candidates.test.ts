import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { botId, TwinCampaigns, type TwinList } from '../support/twin-campaigns.ts';

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

type Identity = { id: { identity: string } };
type Added = TwinList<{ id: string; phone: unknown }>;

describe('a batch', () => {
  test('is answered in its order, with the phones of each as the client wrote them, and read back whole', async () => {
    const taskId = await client.task();
    const bot = botId();
    const whole = {
      phone: ['+1 (512) 555-0101', '15125550102'],
      variables: { имя: 'Анна', sum: 7, deep: { list: [1, null] } },
      callbackData: { row: 'a1' },
      clientExternalId: 'crm-1',
      timezone: 25_200,
      checkPhone: true,
      botSettingsId: bot,
    };
    const bare = { phone: '15125550103' };
    const batch = [whole, bare].map((one) => ({ autoCallId: taskId, ...one }));
    const answer = await client.post(`${base}/batch`, { batch });
    expect(answer.status, answer.text).toBe(200);
    const { items } = answer.json as Added;
    expect(answer.json).toEqual({
      items: [
        { id: items[0]?.id, phone: whole.phone },
        { id: items[1]?.id, phone: ['15125550103'] },
      ],
    });
    const common = { autoCallId: taskId, autoCallTemplateId: null, status: 'PENDING', callCount: 0, lastCallId: null };
    const read = await client.candidates(taskId);
    expect(read).toMatchObject({
      count: 2,
      items: [
        { ...common, ...whole, id: items[0]?.id, phone: ['15125550101', '15125550102'] },
        {
          ...common,
          id: items[1]?.id,
          phone: ['15125550103'],
          variables: {},
          callbackData: {},
          clientExternalId: null,
          timezone: null,
          checkPhone: null,
          botSettingsId: null,
        },
      ],
    });
    expect(await client.candidate(items[0]?.id ?? '')).toEqual(read.items[0]);
    expect(read.items[0]?.['createdAt']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(await client.readTask(taskId)).toMatchObject({ status: 'READY', candidateCount: 2 });
  });

  test('takes what clients make of texts, numbers and empty maps', async () => {
    const taskId = await client.task({ defaultExecData: botId() });
    const odd = { phone: 15_125_550_101, variables: [], callbackData: [], clientExternalId: 12, timezone: '-3600' };
    const one = { autoCallId: taskId, ...odd, checkPhone: 1, unknown: 'ignored' };
    const { items } = (await client.post(`${base}/batch`, { batch: [one] })).json as Added;
    const [{ id, phone } = { id: '', phone: null }] = items;
    expect(phone).toEqual(['15125550101']);
    const read = await client.candidate(id);
    expect(read).toMatchObject({ phone: ['15125550101'], variables: {}, callbackData: [], clientExternalId: '12' });
    expect(read).toMatchObject({ timezone: -3600, checkPhone: 1 });
    expect(read['botSettingsId']).toBe((await client.readTask(taskId))['defaultExecData']);
    expect(read).not.toHaveProperty('unknown');
  });

  test('starts its tasks where it says so', async () => {
    const [one, two] = [await client.task(), await client.task()];
    const batch = [one, two].map((autoCallId) => ({ autoCallId, phone: ['15125550101'] }));
    expect((await client.post(`${base}/batch`, { batch, forceStart: true })).status).toBe(200);
    for (const id of [one, two]) {
      expect(await client.readTask(id)).toMatchObject({ status: 'PROCESS', candidateCount: 1 });
    }
    await client.post(`/telephony/autoCall/${one}/pause`);
    await client.added(one, { phone: ['15125550102'] });
    expect((await client.readTask(one)).status).toBe('PAUSED');
  });

  test('of nobody adds nobody', async () => {
    expect((await client.post(`${base}/batch`, { batch: [] })).json).toEqual({ items: [] });
  });

  test.each([
    [{ phone: [] }, 'batch[1].phone is required'],
    [{ phone: null }, 'batch[1].phone is required'],
    [{ phone: ['marked'] }, 'batch[1].phone must hold numbers with a digit, of at most 64 characters'],
    [{ phone: [`1${'2'.repeat(64)}`] }, 'batch[1].phone must hold numbers with a digit, of at most 64 characters'],
    [{ phone: [['1']] }, 'batch[1].phone must be a list of numbers as text'],
    [{ phone: { a: '1' } }, 'batch[1].phone must be a list of numbers as text'],
    [{ phone: Array.from({ length: 21 }, () => '1') }, 'batch[1].phone must have at most 20 numbers'],
    [{ variables: 'marked' }, 'batch[1].variables must be an object'],
    [{ variables: ['marked'] }, 'batch[1].variables must be an object'],
    [{ callbackData: 'marked' }, 'batch[1].callbackData must be an object'],
    [{ clientExternalId: { a: 'marked' } }, 'batch[1].clientExternalId must be plain text of at most 512 characters'],
    [{ clientExternalId: '\u0000' }, 'batch[1].clientExternalId must be plain text of at most 512 characters'],
    [{ timezone: 'marked' }, 'batch[1].timezone must be a whole number of seconds'],
    [{ timezone: 0.5 }, 'batch[1].timezone must be a whole number of seconds'],
    [{ botSettingsId: 'marked' }, 'batch[1].botSettingsId must be a UUID'],
    [{ autoCallId: null }, 'batch[1].autoCallId is required and must be text'],
  ])('with %j in its second place adds nobody, and is told the place and nothing else', async (change, error) => {
    const taskId = await client.task();
    const good = { autoCallId: taskId, phone: ['15125550101'] };
    const answer = await client.post(`${base}/batch`, {
      batch: [good, { ...good, phone: ['15125550102'], ...change }],
    });
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({ error });
    expect(await client.candidates(taskId)).toEqual({ count: 0, items: [] });
    expect((await client.readTask(taskId)).status).toBe('BLANK');
  });

  test.each([
    [{}, 'batch is required and must be an array'],
    [{ batch: {} }, 'batch is required and must be an array'],
    [{ batch: ['marked'] }, 'batch[0] must be an object'],
    [{ batch: [null] }, 'batch[0] must be an object'],
    [{ batch: [], forceStart: 'marked' }, 'forceStart must be true or false'],
    [{ batch: Array.from({ length: 10_001 }, () => 0) }, 'batch must have at most 10000 entries'],
  ])('that is none is refused', async (body, error) => {
    const answer = await client.post(`${base}/batch`, body);
    expect([answer.status, answer.json]).toEqual([400, { error }]);
  });

  test('with one task that is not there adds nobody', async () => {
    const taskId = await client.task();
    const foreign = await (await TwinCampaigns.start(app)).task();
    for (const autoCallId of [foreign, unknownId, taskId.toUpperCase(), '{id}']) {
      const batch = [taskId, autoCallId].map((id) => ({ autoCallId: id, phone: ['15125550101'] }));
      const answer = await client.post(`${base}/batch`, { batch });
      expect([answer.status, answer.text]).toEqual([404, '{"error":"No such task"}']);
    }
    expect(await client.candidates(taskId)).toEqual({ count: 0, items: [] });
    expect(await app.engine.store.reads.candidates.countsOfTasks(client.tenant.id, [taskId])).toEqual(new Map());
  });
});

describe('one candidate', () => {
  test('is answered with its id inside an identity, and starts the task where it says so', async () => {
    const autoCallId = await client.task();
    const answer = await client.post(base, { autoCallId, phone: ['15125550101'], forceStart: true });
    const { identity } = (answer.json as Identity).id;
    expect([answer.status, answer.json]).toEqual([200, { id: { identity } }]);
    expect((await client.candidate(identity)).phone).toEqual(['15125550101']);
    expect((await client.readTask(autoCallId)).status).toBe('PROCESS');
  });

  test('is not added by a batch at its address', async () => {
    const autoCallId = await client.task();
    const batch = [{ autoCallId, phone: ['15125550101'] }];
    expect((await client.post(base, { batch })).status).toBe(400);
    expect((await client.post(base, { batch, ...batch[0] })).status).toBe(400);
    expect((await client.candidates(autoCallId)).count).toBe(0);
  });
});

describe('a single call', () => {
  test('is put on a task of its bot that starts at once, the same for all of one day', async () => {
    const [bot, other] = [botId(), botId()];
    const single = async (botSettingsId: string, phone: string) => {
      const answer = await client.post(`${base}/single`, { botSettingsId, phone: [phone], callbackData: { a: 1 } });
      expect(answer.status, answer.text).toBe(200);
      const { id, autoCallId } = answer.json as Identity & { autoCallId: string };
      expect(answer.json).toEqual({ id, autoCallId });
      return { id: id.identity, taskId: autoCallId };
    };
    const first = await single(bot, '15125550101');
    const second = await single(bot.toUpperCase(), '15125550102');
    const third = await single(other, '15125550101');
    expect(second.taskId).toBe(first.taskId);
    expect(third.taskId).not.toBe(first.taskId);
    expect(await client.candidates(first.taskId)).toMatchObject({
      count: 2,
      items: [{ id: first.id }, { id: second.id }],
    });
    const task = await client.readTask(first.taskId);
    expect(task).toMatchObject({ status: 'PROCESS', defaultExecData: bot });
    expect(task.name).toMatch(/^Single calls \d{4}-\d\d-\d\d$/);
    expect((await client.candidate(first.id))['botSettingsId']).toBe(bot);
  });

  test('shares its task with those that come at the same moment', async () => {
    const botSettingsId = botId();
    const phones = Array.from({ length: 12 }, (_, i) => `151255501${10 + i}`);
    const answers = await Promise.all(
      phones.map(async (phone) => await client.post(`${base}/single`, { botSettingsId, phone: [phone] })),
    );
    expect(answers.map(({ status }) => status)).toEqual(phones.map(() => 200));
    const tasks = new Set(answers.map(({ json }) => (json as { autoCallId: string }).autoCallId));
    expect(tasks.size).toBe(1);
    expect((await client.candidates([...tasks][0] ?? '')).count).toBe(12);
    expect((await client.tasks()).count).toBe(1);
  });

  test('is refused for the rest of a day on which its task was halted', async () => {
    const single = { botSettingsId: botId(), phone: ['15125550101'] };
    const { autoCallId } = (await client.post(`${base}/single`, single)).json as { autoCallId: string };
    await client.post(`/telephony/autoCall/${autoCallId}/halted`);
    const answer = await client.post(`${base}/single`, { ...single, phone: ['15125550102'] });
    expect([answer.status, answer.json]).toEqual([400, { error: 'The task was halted' }]);
    expect((await client.readTask(autoCallId))['candidateCount']).toBe(1);
  });

  test('comes in batches too, each of a bot and a template', async () => {
    const [bot, template] = [botId(), botId()];
    const batch = [
      { botSettingsId: bot, autoCallTemplateId: template, phone: ['15125550101'], variables: { a: 1 } },
      { botSettingsId: bot, autoCallTemplateId: template, phone: '15125550102' },
      { botSettingsId: bot, phone: ['15125550101'] },
    ];
    const answer = await client.post(`${base}/single/batch`, { batch });
    expect(answer.status, answer.text).toBe(200);
    const { items } = answer.json as Added;
    expect(items.map(({ phone }) => phone)).toEqual(batch.map(({ phone }) => [phone].flat()));
    const read = await Promise.all(items.map(async ({ id }) => await client.candidate(id)));
    expect(read.map((one) => one['autoCallTemplateId'])).toEqual([template, template, null]);
    expect(read[0]?.['autoCallId']).toBe(read[1]?.['autoCallId']);
    expect(read[2]?.['autoCallId']).not.toBe(read[0]?.['autoCallId']);
    expect((await client.tasks('status=PROCESS')).count).toBe(2);
  });

  test.each([
    [`${base}/single`, { phone: ['1'] }, 'botSettingsId is required'],
    [`${base}/single`, { phone: ['1'], botSettingsId: 'marked' }, 'botSettingsId must be a UUID'],
    [`${base}/single/batch`, { batch: [{ phone: ['1'] }] }, 'batch[0].botSettingsId is required'],
    [`${base}/single/batch`, { phone: ['1'] }, 'batch is required and must be an array'],
  ])('at %s as %j is refused, and no task made', async (path, body, error) => {
    const answer = await client.post(path, body);
    expect([answer.status, answer.json]).toEqual([400, { error }]);
    expect((await client.tasks()).count).toBe(0);
  });
});
