import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { botId, TwinCampaigns } from '../support/twin-campaigns.ts';

const unknownId = '01900000-0000-7000-8000-000000000000';
const tasksPath = '/telephony/autoCall';

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

async function audited(subjectId: string) {
  const rows = await app.engine.store.reads.audit.page('', 100_000);
  return rows.filter((row) => row.subjectId === subjectId).map(({ event, detail }) => ({ event, detail }));
}

describe('a new task', () => {
  test('is answered with its id inside an identity, and read back in the types that clients insist on', async () => {
    const bot = botId();
    const settings = {
      defaultExec: 'robot',
      defaultExecData: bot,
      secondExec: 'end',
      cidType: 'default',
      startType: 'manual',
      cps: 0.97,
      additionalOptions: { recordCall: true, recTrimLeft: 1, allowCallTimeFrom: 0 },
      redialStrategyOptions: { redialStrategyEn: false, busy: { redial: true, time: 60, count: 2 } },
      webhookUrls: [{ url: 'https://example.com/', partialResults: false, events: { CALL_ENDED: { name: 'a' } } }],
      callbackData: [],
    };
    const before = Date.now();
    const additionalOptions = { ...settings.additionalOptions, recTrimLeft: true };
    const answer = await client.post(tasksPath, { name: 'Spring', ...settings, cps: '0.97', additionalOptions });
    expect(answer.status, answer.text).toBe(200);
    const { identity } = (answer.json as { id: { identity: string } }).id;
    expect(answer.json).toEqual({ id: { identity } });
    expect(identity).toMatch(/^[0-9a-f-]{36}$/);
    const task = await client.readTask(identity);
    const { createdAt, updatedAt, ...rest } = task;
    expect(rest).toEqual({
      ...settings,
      id: identity,
      name: 'Spring',
      status: 'BLANK',
      callCount: 0,
      candidateCount: 0,
      companyId: client.tenant.number,
    });
    expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(createdAt as string)).toBeGreaterThanOrEqual(before - 1000);
    expect(updatedAt).toBe(createdAt);
    expect((await app.engine.store.reads.tasks.find(client.tenant.id, identity))?.botId).toBe(bot);
  });

  test('whose maps and lists are written as PHP or an older client writes them has them in one form', async () => {
    const settings = { webhookUrls: ['https://example.com/a'], additionalOptions: [], redialStrategyOptions: [] };
    const id = await client.task(settings);
    const shown = { webhookUrls: [{ url: 'https://example.com/a' }], additionalOptions: {}, redialStrategyOptions: {} };
    expect(await client.readTask(id)).toMatchObject(shown);
    expect((await client.tasks()).items).toMatchObject([{ id, ...shown }]);
  });

  test.each([
    { cps: 0.97, additionalOptions: { recTrimLeft: 3 } },
    { defaultExecData: null, startType: null, scheduleId: 7, lifetime: 3600 },
    { startType: 'time', startMoment: '2030-01-01 10:00', phoneNormalization: 'RU' },
  ])('takes %j and gives it back', async (settings) => {
    expect(await client.readTask(await client.task(settings))).toMatchObject(settings);
  });

  test('has none of its own fields replaced by a setting of that name', async () => {
    const id = await client.task({ id: 'mine', status: 'HALTED', callCount: 9, companyId: 0, createdAt: 'never' });
    expect(await client.readTask(id)).toMatchObject({
      id,
      status: 'BLANK',
      callCount: 0,
      companyId: client.tenant.number,
    });
  });

  test.each([
    [{}, /name is required/],
    [[], /name is required/],
    [{ name: ' ' }, /name is required/],
    [{ name: 7 }, /name is required/],
    [{ name: 'a', defaultExecData: 'marked-bot' }, /defaultExecData must be a UUID/],
    [{ name: 'a', defaultExecData: 7 }, /defaultExecData must be a UUID/],
    [{ name: 'a', startType: 'marked-later' }, /startType must be manual or time/],
    [{ name: 'a', additionalOptions: 'marked' }, /additionalOptions must be an object/],
    [{ name: 'a', redialStrategyOptions: ['marked'] }, /redialStrategyOptions must be an object/],
  ])('%j is refused without a word of it', async (body, message) => {
    const answer = await client.post(tasksPath, body);
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.json as object)).toEqual(['error']);
    expect((answer.json as { error: string }).error).toMatch(message);
    expect(answer.text).not.toContain('marked');
    expect((await client.tasks()).count).toBe(0);
  });

  test('of more than 256 KiB is refused', async () => {
    expect((await client.post(tasksPath, { name: 'a', taskComment: 'x'.repeat(262_144) })).status).toBe(413);
    expect(await client.readTask(await client.task({ taskComment: 'x'.repeat(262_000) }))).toHaveProperty(
      'taskComment',
    );
  });
});

describe('a list of tasks', () => {
  test('tells how many there are, and gives the page that is asked for, the newest first', async () => {
    const ids: string[] = [];
    for (const name of ['one', 'two', 'three']) ids.push(await client.task({ name }));
    expect(await client.tasks()).toMatchObject({ count: 3, items: [{ id: ids[2] }, { id: ids[1] }, { id: ids[0] }] });
    expect(await client.tasks('page=1&limit=2')).toMatchObject({ count: 3, items: [{ id: ids[0] }] });
    expect(await client.tasks('offset=1&limit=1')).toMatchObject({ count: 3, items: [{ id: ids[1] }] });
    expect(await client.tasks('offset=9')).toEqual({ count: 3, items: [] });
    expect((await client.get(`${tasksPath}?page=0&offset=0`)).status).toBe(400);
    expect((await client.get(`${tasksPath}?limit=1001`)).status).toBe(400);
  });

  test('is searched by part of a name in any case, by state, and by time', async () => {
    const spring = await client.task({ name: 'Весна: SPRING sale' });
    const autumn = await client.task({ name: 'autumn' });
    await client.post(`${tasksPath}/${autumn}/play`);
    const found = async (query: string) => (await client.tasks(query)).items.map(({ id }) => id);
    expect(await found('keyword=spring')).toEqual([spring]);
    expect(await found(`keyword=${encodeURIComponent('весна')}`)).toEqual([spring]);
    expect(await found('keyword=nothing')).toEqual([]);
    expect(await found('status=PROCESS,HALTED')).toEqual([autumn]);
    expect(await found('status=FINISHED')).toEqual([]);
    const { createdAt } = await client.readTask(spring);
    const after = new Date(Date.parse(createdAt as string) + 3_600_000).toISOString();
    expect(await found(`from=${encodeURIComponent(after)}`)).toEqual([]);
    expect(await found(`to=${encodeURIComponent(after)}&sort=name`)).toEqual([autumn, spring]);
    expect(await found('sort=-name')).toEqual([spring, autumn]);
    expect(await found('sort=-status')).toEqual([autumn, spring]);
    expect(await found('sort=updatedAt')).toEqual([spring, autumn]);
  });

  test('comes without its items, or without its count, which is then that of its items', async () => {
    for (const name of ['one', 'two', 'three']) await client.task({ name });
    expect(await client.tasks('withoutItems=1')).toEqual({ count: 3, items: [] });
    expect(await client.tasks('withoutCount=true&limit=2')).toMatchObject({ count: 2, items: [{}, {}] });
    expect(await client.tasks('withoutCount=0&withoutItems=false&limit=2')).toMatchObject({
      count: 3,
      items: [{}, {}],
    });
  });

  test('takes states as PHP writes a list', async () => {
    const [one, two] = [await client.task(), await client.task()];
    await client.post(`${tasksPath}/${one}/play`);
    await client.post(`${tasksPath}/${two}/pause`);
    expect((await client.tasks('status%5B0%5D=PROCESS&status%5B1%5D=PAUSED')).count).toBe(2);
    expect((await client.tasks('status[]=PROCESS')).items).toMatchObject([{ id: one }]);
  });

  test('counts candidates and calls of each', async () => {
    const id = await client.task();
    await client.added(id, { phone: ['15125550101'] }, { phone: ['15125550102'] });
    expect((await client.tasks()).items).toMatchObject([{ id, candidateCount: 2, callCount: 0, status: 'READY' }]);
  });
});

describe('a task', () => {
  test('is played, paused and halted with an empty 200, each told once in the audit trail', async () => {
    const id = await client.task();
    for (const [step, status] of [
      ['play', 'PROCESS'],
      ['pause', 'PAUSED'],
      ['pause', 'PAUSED'],
      ['play', 'PROCESS'],
      ['halted', 'HALTED'],
      ['halted', 'HALTED'],
    ] as const) {
      const answer = await client.post(`${tasksPath}/${id}/${step}`);
      expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([200, '', null]);
      expect((await client.readTask(id)).status).toBe(status);
    }
    expect(await audited(id)).toEqual([
      { event: 'task.created', detail: {} },
      ...['PROCESS', 'PAUSED', 'PROCESS', 'HALTED'].map((status) => ({ event: 'task.changed', detail: { status } })),
    ]);
  });

  test('that was halted stays so', async () => {
    const id = await client.task();
    await client.post(`${tasksPath}/${id}/halted`);
    for (const step of ['play', 'pause']) {
      expect((await client.post(`${tasksPath}/${id}/${step}`)).status).toBe(400);
    }
    const body = { autoCallId: id, phone: ['15125550101'], forceStart: true };
    expect((await client.post('/telephony/autoCallCandidate', body)).status).toBe(400);
    expect(await client.readTask(id)).toMatchObject({ status: 'HALTED', candidateCount: 0 });
  });

  test.each([
    ['nothing', {}],
    ['nothing, announced as JSON', { headers: { 'content-type': 'application/json' } }],
    ['an empty array', { headers: { 'content-type': 'application/json' }, body: '[]' }],
    ['an empty form', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: '' }],
    ['what is no JSON', { headers: { 'content-type': 'application/json' }, body: '{"a' }],
  ])('is played by a request with %s', async (_name, sent) => {
    const id = await client.task();
    expect((await client.send('POST', `${tasksPath}/${id}/play`, sent)).status).toBe(200);
    expect((await client.readTask(id)).status).toBe('PROCESS');
  });

  test('has the same addresses at the gateway and at its own host, with a slash at the end and without', async () => {
    const id = await client.task();
    for (const one of [client, client.atOwnHost()]) {
      expect((await one.get(`${tasksPath}/${id}/`)).status).toBe(200);
      expect((await one.get(`${tasksPath}/`)).status).toBe(200);
      expect((await one.get(`${tasksPath}/${id}`)).json).toMatchObject({ id });
    }
  });

  test.each(['', '/play', '/pause', '/halted'])(
    'of somebody else, unknown or malformed is the same 404 at %s',
    async (step) => {
      const foreign = await (await TwinCampaigns.start(app)).task();
      const answers = [];
      for (const id of [foreign, unknownId, foreign.toUpperCase(), '{id}', encodeURIComponent('{id}'), 'import', "'"]) {
        const answer = await client.send(step === '' ? 'GET' : 'POST', `${tasksPath}/${id}${step}`);
        answers.push([answer.status, answer.text]);
      }
      expect(new Set(answers.map((answer) => answer.join(' ')))).toEqual(new Set(['404 {"error":"No such task"}']));
    },
  );

  test('is written with calls:write, read with either right, and neither without', async () => {
    const id = await client.task();
    const reader = await client.within(['calls:read']);
    expect((await reader.get(`${tasksPath}/${id}`)).status).toBe(200);
    expect((await reader.get(tasksPath)).status).toBe(200);
    expect((await reader.post(tasksPath, { name: 'a' })).status).toBe(403);
    expect((await reader.post(`${tasksPath}/${id}/play`)).status).toBe(403);
    const writer = await client.within(['calls:write']);
    expect((await writer.get(`${tasksPath}/${id}`)).status).toBe(200);
    const stranger = await client.within(['audit:read']);
    expect((await stranger.get(`${tasksPath}/${id}`)).status).toBe(403);
    expect((await stranger.get(tasksPath)).status).toBe(403);
    // Whoever may not ask is not told how to.
    expect((await stranger.get(`${tasksPath}?limit=x`)).status).toBe(403);
    expect((await reader.post(tasksPath, {})).status).toBe(403);
    const broken = { headers: { 'content-type': 'application/json' }, body: '{"a' };
    expect((await reader.send('POST', tasksPath, broken)).status).toBe(403);
    expect((await client.send('GET', tasksPath, { headers: { authorization: '' } })).status).toBe(401);
  });
});

test('no client sees a task whose settings are not sealed yet', async () => {
  const { engine } = app;
  const [slot = 0] = await engine.issuer.take(1);
  const id = '01900000-0000-7000-8000-00000000abcd';
  await engine.store.write(async (tx) => {
    const times = { createdAt: Date.now(), updatedAt: Date.now() };
    const bare = { botId: null, templateId: null, day: null, ...times };
    await tx.tasks.insert({ id, tenantId: client.tenant.id, status: 'ADDING', ...bare });
    const row = { slot, tenantId: client.tenant.id, ownerId: id, kind: 'task', sealed: null } as const;
    await tx.artifacts.insert([{ ...row, blob: null, blobBytes: null }]);
    await engine.issuer.confirm(tx.keys, [slot]);
  });
  expect(await client.tasks()).toEqual({ count: 0, items: [] });
  expect((await client.get(`${tasksPath}/${id}`)).status).toBe(404);
  expect((await client.post(`${tasksPath}/${id}/play`)).status).toBe(404);
  const body = { autoCallId: id, phone: ['15125550101'] };
  expect((await client.post('/telephony/autoCallCandidate', body)).status).toBe(404);
});

test('there are no lines to dial through', async () => {
  expect((await client.get('/telephony/providers')).json).toEqual({ count: 0, items: [] });
});

test.each([
  ['POST', '/calls'],
  ['GET', '/botsSettings'],
  ['POST', '/botsSettings'],
  ['GET', `/botsSettings/${unknownId}`],
  ['POST', '/telephony/autoCall/import'],
  ['POST', '/files'],
  ['GET', `/files/${unknownId}`],
  ['POST', `/auth/impersonate/take/${unknownId}`],
  ['GET', '/nothing'],
])('what Tacet does not speak, as %s %s, is 404 in the vendor error form', async (method, path) => {
  const answers = [await client.send(method, path), await client.atOwnHost().send(method, path)];
  for (const answer of answers) {
    expect(answer.status).toBe(404);
    expect(Object.keys(answer.json as object)).toEqual(['error']);
  }
});
