import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { TwinWire, twinGateways } from '../support/twin-wire.ts';

const { iam, cis, analyse } = twinGateways;
const someId = '01900000-0000-7000-8000-000000000000';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let app: TestApp;
let wire: TwinWire;

beforeAll(async () => {
  app = await startApp();
  await app.listen();
});
beforeEach(async () => {
  wire = await TwinWire.start(app);
});
afterAll(async () => await app.close());

describe('7.6 literal steps of a path', () => {
  const literals = [
    ['batch', 'batch is required'],
    ['single', 'botSettingsId is required'],
    ['single/batch', 'batch is required'],
    ['cancel', 'phone is required'],
  ] as const;

  test('win over the id of a candidate, on both hosts and with a slash at the end', async () => {
    for (const [literal, error] of literals) {
      for (const base of [cis, '/api/v1']) {
        for (const end of ['', '/']) {
          const answer = await wire.post(`${base}/telephony/autoCallCandidate/${literal}${end}`, {});
          expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(error)]);
        }
      }
    }
  });

  test('are no ids where an id stands, and nothing is erased by them', async () => {
    const candidateId = await wire.candidate(await wire.task());
    for (const [literal] of literals) {
      const [first = ''] = literal.split('/');
      expect(await wire.depersonalizeCandidate(first)).toBe(404);
      expect((await wire.get(`${cis}/telephony/autoCallCandidate/${first}`)).status).toBe(404);
    }
    for (const move of ['play', 'pause', 'halted', 'import']) {
      expect((await wire.get(`${cis}/telephony/autoCall/${move}`)).status).toBe(404);
    }
    expect((await wire.readCandidate(candidateId))['phone']).toEqual(['79261234567']);
  });

  const braces = ['{callId}', '{autoCallCandidateId}', '%7BcallId%7D', '{}'];

  test.each(braces)('and braces are those of the description, a bad id like any other: %s', async (id) => {
    const unknown = await wire.raw(`POST ${cis}/calls/${someId}/depersonalization`, []);
    expect(unknown.status).toBe(404);
    for (const [line, text] of [
      [`POST ${cis}/calls/${id}/depersonalization`, '{"error":"No such call"}'],
      [`DELETE ${cis}/calls/${id}/record`, '{"error":"No such call"}'],
      [`POST ${cis}/telephony/autoCallCandidate/${id}/depersonalization`, '{"error":"No such candidate"}'],
    ] as const) {
      const answer = await wire.raw(line, []);
      expect([answer.status, answer.body.toString()]).toEqual([404, text]);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    }
  });
});

test('7.7 the id of a new task is nested in an identity, and is what the task is read by', async () => {
  for (const base of [cis, '/api/v1']) {
    const answer = await wire.post(`${base}/telephony/autoCall`, { name: 'Survey' });
    const identity = (answer.json as { id: { identity: string } }).id.identity;
    expect(identity).toMatch(uuid);
    expect(answer.json).toStrictEqual({ id: { identity } });
    const read = await wire.get(`${base}/telephony/autoCall/${identity}`);
    expect(read.json).toMatchObject({ id: identity, name: 'Survey' });
  }
});

describe('7.8 the names in fields', () => {
  const writings: [string, string[]][] = [
    ['currentStatusName,%0A%20%20%20%20%20%20number', ['currentStatusName', 'number']],
    ['currentStatusName%2C%0D%0A%09number', ['currentStatusName', 'number']],
    ['%20id%20,%20phone%20', ['id', 'phone']],
    ['id,,phone,', ['id', 'phone']],
    ['id,nothing,__proto__,constructor,phone', ['id', 'phone']],
    ['id,id,phone,id', ['id', 'phone']],
    ['phone&fields=%0Aid', ['phone', 'id']],
    ['nothing', []],
  ];
  test.each(writings)('written as %s are trimmed, and those that nobody knows passed over', async (fields, names) => {
    const callId = await wire.call();
    for (const list of ['calls', 'sessions']) {
      const answer = await wire.get(`${analyse}/search/cis/${list}?id=${callId}&fields=${fields}`);
      expect(answer.status, answer.text).toBe(200);
      const { count, items } = answer.json as { count: number; items: object[] };
      expect([count, items.map((row) => Object.keys(row))]).toEqual([1, [names]]);
    }
  });

  test('left out, or empty, are all of them', async () => {
    const callId = await wire.call();
    const whole = Object.keys((await wire.row(callId)) ?? {});
    expect(whole.length).toBeGreaterThan(40);
    const { items } = (await wire.get(`${analyse}/search/cis/calls?id=${callId}&fields=`)).json as { items: object[] };
    expect(Object.keys(items[0] ?? {})).toEqual(whole);
  });
});

describe('7.20 a list', () => {
  const empties = (taskId: string) => [
    `${analyse}/search/cis/calls?id=${someId}`,
    `${analyse}/search/cis/calls?id=nonsense`,
    `${analyse}/search/cis/calls?id=`,
    `${analyse}/search/cis/sessions?phone=74950000001`,
    `${analyse}/search/cis/sessions?taskId=${someId}&fields=id`,
    `${analyse}/search/cis/sessions?phone=`,
    `${analyse}/search/cis/sessions?id=${someId}&withoutCount=1`,
    `${cis}/telephony/autoCall?status=HALTED`,
    `${cis}/telephony/autoCall?keyword=nothing`,
    `${cis}/telephony/autoCallCandidate?autoCallId=${taskId}`,
    `${cis}/telephony/providers`,
    `${iam}/users?userId=999999`,
  ];

  test('without entries is 200, an integer and an empty list, never a 404', async () => {
    for (const path of empties(await wire.task())) {
      const answer = await wire.get(path);
      expect([answer.status, answer.json], path).toStrictEqual([200, { count: 0, items: [] }]);
    }
  });

  test('counts all that were found, and gives those that were asked for', async () => {
    const taskId = await wire.task();
    for (let i = 0; i < 3; i += 1) {
      const candidateId = await wire.candidate(taskId, { phone: [`7926123456${i}`] });
      await wire.call({ candidateId, externalId: `crm-${i}` });
    }
    for (const path of [
      `${analyse}/search/cis/calls?taskId=${taskId}&`,
      `${analyse}/search/cis/sessions?taskId=${taskId}&`,
      `${cis}/telephony/autoCallCandidate?autoCallId=${taskId}&`,
    ]) {
      for (const [query, length] of [
        ['limit=2', 2],
        ['limit=2&page=1', 1],
        ['limit=2&offset=1', 2],
        ['limit=2&page=7', 0],
      ] as const) {
        const { count, items } = (await wire.get(`${path}${query}`)).json as { count: unknown; items: unknown };
        expect([count, Array.isArray(items) && items.length], `${path}${query}`).toEqual([3, length]);
      }
    }
  });
});
