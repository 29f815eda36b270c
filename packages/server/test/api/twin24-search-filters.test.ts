import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { archivePlatformCall, type PlatformSeed } from '../support/platform-calls.ts';
import { idsFound, search, searchAnswer } from '../support/twin-search.ts';

let app: TestApp;
let token: string;
/** By the letters that the tests call them; `a` is the oldest. */
const ids = new Map<string, string>();

const bots = ['6b1f3a52-7c1e-4c8e-9f58-1f6f0d6f1a11', '6b1f3a52-7c1e-4c8e-9f58-1f6f0d6f1a12'] as const;
const tasks = [newId(1_700_000_000_000), newId(1_700_000_000_001)] as const;

function customer(phone: string): NonNullable<PlatformSeed['details']> {
  return { participants: [{ role: 'customer', phone, email: null, name: null }] };
}

const seeds: Record<string, PlatformSeed> = {
  a: {
    direction: 'inbound',
    dialStatus: 'ANSWERED',
    startedAt: Date.parse('2024-03-01T10:00:00.000Z'),
    details: { ...customer('+7 (999) 123-45-67'), results: { a: 1 }, nps: 9 },
    correlation: { externalId: 'x-1', ownNumber: '1001', transferredToOperator: true, taskName: 'März, 2024' },
  },
  b: {
    dialStatus: 'BUSY',
    startedAt: Date.parse('2024-03-01T10:00:00.001Z'),
    botId: bots[0],
    taskId: tasks[0],
    details: { ...customer('79991234567'), nps: 10 },
    correlation: { externalId: 'x-1', price: 1.5 },
  },
  c: { dialStatus: 'NOANSWER', startedAt: Date.parse('2024-03-02T00:00:00Z'), botId: bots[1], taskId: tasks[0] },
  d: {
    direction: 'internal',
    startedAt: Date.parse('2024-03-03T00:00:00Z'),
    durationMs: 60_000,
    botId: bots[1],
    taskId: tasks[1],
    correlation: { externalId: 'x,1' },
  },
};

beforeAll(async () => {
  app = await startApp({ region: 'RU' });
  token = await app.token();
  for (const [letter, seed] of Object.entries(seeds))
    ids.set(letter, await archivePlatformCall(app.engine, app.caller(), seed));
});
afterAll(async () => await app.close());

function idOf(letter: string): string {
  return ids.get(letter) ?? '';
}

/** The calls that a query finds, oldest first, by their letters. */
async function found(query: Record<string, string>): Promise<string> {
  const letters = new Map([...ids].map(([letter, id]) => [id, letter]));
  const some = await idsFound(app, token, { sort: 'startedAt', ...query });
  return some.map((id) => letters.get(String(id))).join('');
}

async function expectRefused(query: string | Record<string, string>, message: RegExp): Promise<void> {
  const answer = await searchAnswer(app, token, query);
  expect(answer.statusCode, answer.payload).toBe(400);
  expect(answer.json()).toEqual({ error: expect.stringMatching(message) });
}

describe('a filter', () => {
  test.each<[Record<string, string>, string]>([
    [{ taskId: tasks[0] }, 'bc'],
    [{ taskId: `${tasks[0]},${tasks[1]}` }, 'bcd'],
    [{ taskId: tasks[0].toUpperCase() }, 'bc'],
    [{ autoCallId: tasks[0] }, 'bc'],
    [{ autoCallId: tasks[0], taskId: tasks[1] }, ''],
    [{ 'taskId[0]': tasks[0], 'taskId[1]': tasks[1] }, 'bcd'],
    [{ 'taskId[]': tasks[1] }, 'd'],
    [{ botId: bots[1].toUpperCase() }, 'cd'],
    [{ botId: bots[1] }, 'cd'],
    [{ taskId: tasks[0], botId: bots[1] }, 'c'],
    [{ status: 'BUSY, NOANSWER' }, 'bc'],
    [{ currentStatusName: 'ANSWERED' }, 'a'],
    [{ status: 'BUSY,ANSWERED', currentStatusName: 'BUSY' }, 'b'],
    [{ status: 'SLEEPING' }, ''],
    [{ isIncoming: 'true' }, 'a'],
    [{ isIncoming: '0' }, 'bcd'],
    [{ isIncoming: 'maybe' }, ''],
    [{ type: 'OUTGOING' }, 'bcd'],
    [{ type: 'INCOMING', isIncoming: '0' }, ''],
    [{ phone: '79991234567' }, 'ab'],
    [{ number: '+7 999 123-45-67' }, 'ab'],
    [{ phone: '8 (999) 123-45-67' }, 'ab'],
    [{ phone: '9991234567' }, 'ab'],
    [{ phone: '1001' }, ''],
    [{ phone: 'nobody' }, ''],
    [{ clientExternalId: 'x-1' }, 'ab'],
    [{ clientExternalId: 'x,1' }, 'd'],
    [{ clientExternalId: 'x-1', phone: '79991234567', status: 'BUSY' }, 'b'],
    [{ nps: '9' }, 'a'],
    [{ nps: '10.0' }, 'b'],
    [{ price: '1.5' }, 'b'],
    [{ duration: '60' }, 'd'],
    [{ transferredToOperator: 'true' }, 'a'],
    [{ taskName: 'März, 2024' }, 'a'],
    [{ resultsString: '{"a":1}' }, 'a'],
    [{ results: '{"a":1}' }, 'a'],
    [{ callFrom: '79991234567' }, 'a'],
    [{ callTo: '79991234567' }, 'b'],
    [{ startedAt: '2024-03-02T00:00:00.000Z' }, 'c'],
    [{ linkToLog: 'null' }, ''],
    [{ from: '2024-03-01T10:00:00.001Z' }, 'bcd'],
    [{ from: '2024-03-01T13:00:00.001+03:00', to: '2024-03-03' }, 'bc'],
    [{ to: '2024-03-01T10:00:00.001Z' }, 'a'],
    [{ from: '2024-03-02', nps: '9' }, ''],
    [{ timezone: '10800', language: 'ru', group: 'x', offsetField: 'id', offsetValue: '1', _: '17' }, 'abcd'],
  ])('%o finds %s', async (query, letters) => {
    expect(await found(query)).toBe(letters);
  });

  test('by company finds all of it, or nothing', async () => {
    expect(await found({ companyId: String(app.tenant.number) })).toBe('abcd');
    expect(await found({ companyId: String(app.tenant.number + 1) })).toBe('');
  });

  test('by ids takes a list, and passes over what is malformed or not there', async () => {
    const list = [idOf('c'), ' ', 'nothing', newId(Date.now()), '{id}', idOf('a'), idOf('a')].join(',');
    expect(await found({ id: list })).toBe('ac');
    expect(await found({ id: idOf('c').toUpperCase() })).toBe('c');
    expect(await search(app, token, { id: '../../etc' })).toEqual({ count: 0, items: [] });
  });

  test('understands a time with its plus sign unencoded', async () => {
    const { count } = await search(app, token, 'from=2024-03-01T13:00:00.001+03:00&fields=id');
    expect(count).toBe(3);
  });

  test.each([
    'id',
    'taskId',
    'botId',
    'autoCallCandidateId',
    'status',
    'currentStatusName',
    'type',
    'isIncoming',
    'phone',
    'number',
    'clientExternalId',
    'nps',
    'taskName',
    'transferredToOperator',
    'autoCallId',
  ])('by an empty %s finds nothing, not everybody', async (name) => {
    expect(await search(app, token, `${name}=&fields=id`)).toEqual({ count: 0, items: [] });
  });

  test('that is not known is refused by its place, as its name may be anything, and told what is known', async () => {
    await expectRefused(
      'fields=id&79991234567',
      /^Parameter 2 of the query is not known; known are id, .*, autoCallId, .*, withoutItems, /,
    );
    await expectRefused({ taskID: tasks[0] }, /^Parameter 1 /);
    await expectRefused({ autoCallTemplateId: tasks[0] }, /^Parameter 1 /);
    await expectRefused('__proto__=1', /^Parameter 1 /);
    await expectRefused('constructor=1', /^Parameter 1 /);
  });

  test('given twice is refused where one is meant', async () => {
    await expectRefused('phone=1&phone=2', /^phone must be given once$/);
    await expectRefused('nps=1&nps=2', /^nps must be given once$/);
    expect((await search(app, token, `id=${idOf('a')}&id=${idOf('b')}&fields=id`)).count).toBe(2);
  });

  test('by a number that is longer than any is refused', async () => {
    await expectRefused({ phone: '7'.repeat(65) }, /^phone must have at most 64 characters$/);
  });
});

describe('a list', () => {
  test('begins with the newest, unless it is told otherwise', async () => {
    expect(await found({ sort: '' })).toBe('dcba');
    expect(await found({ sort: '-startedAt' })).toBe('dcba');
    expect(await found({ sort: 'createdAt' })).toBe('abcd');
    expect(await found({ sort: '-createdAt' })).toBe('dcba');
  });

  test.each([
    ['phone', 'dcba'],
    ['-updatedAt', 'dcba'],
    ['--startedAt', 'dcba'],
    ['startedat', 'dcba'],
    ['startedAt,-createdAt', 'abcd'],
    ['-price,createdAt', 'abcd'],
  ])('sorted by %s is so by the first name that it knows, and else begins with the newest', async (sort, letters) => {
    expect(await found({ sort })).toBe(letters);
  });

  test('is given in parts, and counted whole', async () => {
    const part = { sort: 'startedAt', fields: 'id', limit: '2' };
    const some = async (query: Record<string, string>) => await search(app, token, { ...part, ...query });
    expect(await some({})).toEqual({ count: 4, items: [{ id: idOf('a') }, { id: idOf('b') }] });
    expect(await some({ page: '1' })).toEqual({ count: 4, items: [{ id: idOf('c') }, { id: idOf('d') }] });
    expect(await some({ offset: '3' })).toEqual({ count: 4, items: [{ id: idOf('d') }] });
    expect(await some({ offset: '4' })).toEqual({ count: 4, items: [] });
    expect(await some({ clientExternalId: 'x-1', offset: '1' })).toEqual({ count: 2, items: [{ id: idOf('b') }] });
    expect(await some({ transferredToOperator: 'false', page: '1' })).toEqual({ count: 3, items: [{ id: idOf('d') }] });
  });

  test('comes without its count, which is then that of its rows, or without its items', async () => {
    const part = { sort: 'startedAt', fields: 'id', limit: '2' };
    const rows = [{ id: idOf('a') }, { id: idOf('b') }];
    expect(await search(app, token, { ...part, withoutCount: '1' })).toEqual({ count: 2, items: rows });
    expect(await search(app, token, { ...part, withoutCount: 'true', isIncoming: '0', nps: '10' })).toEqual({
      count: 1,
      items: [{ id: idOf('b') }],
    });
    expect(await search(app, token, { ...part, withoutCount: 'false' })).toEqual({ count: 4, items: rows });
    expect(await search(app, token, { ...part, withoutItems: '' })).toEqual({ count: 4, items: [] });
  });

  test.each([
    ['page=0&offset=0', /both/],
    ['limit=0', /^limit must be from 1 to 50000$/],
    ['limit=50001', /^limit /],
    ['limit=x', /^limit /],
    ['offset=-1', /^offset /],
    ['from=yesterday', /^from must be a time/],
  ])('is refused for %s', async (query, message) => {
    await expectRefused(query, message);
  });
});
