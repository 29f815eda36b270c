import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { scopes } from '../../src/model/tenant.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import { archiveCall, callInfo } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { marks } from '../support/marks.ts';
import { NativeClient } from '../support/native-client.ts';
import { OperationClient } from '../support/operation-client.ts';
import { expectUnmarked } from '../support/raw-search.ts';

let app: TestApp;
let token: string;
let client: NativeClient;
let reader: OperationClient;
const recording = Buffer.from('not quite a sound');

beforeAll(async () => {
  app = await startApp();
  token = await app.token();
  client = new NativeClient(app, token);
  reader = new OperationClient(app, token);
});
afterAll(async () => {
  await untilQuiet(app.engine);
  await app.close();
});

const full = {
  kind: 'call',
  direction: 'outbound',
  status: 'ANSWERED',
  startedAt: '2026-03-01T10:00:00.000Z',
  endedAt: '2026-03-01T10:02:30.000Z',
  durationMs: 149_000,
  retainUntil: '2027-03-01T00:00:00.000Z',
  botId: '0e4f1b9a-5a53-4a6e-9d3c-3d1f6f0e4f1b',
  externalId: 'order 17',
  participants: [{ role: 'customer', phone: '+15125550142', email: 'casey@example.com', name: 'Casey' }],
  ownNumber: '+15125550000',
  shortNumber: '4242',
  botName: 'Reminder',
  responder: 'human',
  transferredToOperator: true,
  price: 1.5,
  regionId: 7,
  timezone: 10_800,
  variables: { due: 12 },
  results: [{ promise: true }, null],
  dialogResult: 'agreed',
  nps: 9,
  redirect: { to: 'desk' },
  callbackData: { ticket: [1] },
  logLink: 'https://example.com/log/1',
  metadata: { queue: 'billing' },
};
const transcript = [
  { role: 'bot', text: 'Good morning!', startMs: 0, endMs: 1400 },
  { role: 'customer', text: 'Good morning.', startMs: 1900.5 },
];
const noSuch = '01900000-0000-7000-8000-000000000000';

type Row = { id: string };
const idsOf = (body: Record<string, unknown>) => (body['calls'] as Row[]).map(({ id }) => id);

async function found(body: object, as = reader): Promise<string[]> {
  const answer = await as.ask('searchCalls', '', { body });
  expect(answer.status).toBe(200);
  return idsOf(answer.body);
}

async function listed(query: Record<string, string> = {}, as = reader): Promise<string[]> {
  return idsOf((await as.ask('listCalls', '', { query })).body);
}

describe('a call that is read', () => {
  test('says every field that it was archived with, and what there is beside', async () => {
    const id = await client.archived({ ...full, sessionId: 'read me', transcript }, { recording });
    const { status, body } = await reader.ask('getCall', id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...full, id, sessionId: 'read me' });
    expect(body).toMatchObject({ source: 'native', hasRecording: true, hasTranscript: true, excluded: false });
    const said = (await reader.ask('getTranscript', id)).body;
    const rest = { participant: null, at: null, extra: {} };
    expect(said).toEqual({ turns: transcript.map((turn) => ({ endMs: null, ...turn, ...rest })) });
  });

  test('says null for what was never said', async () => {
    const id = await client.archived({ startedAt: full.startedAt });
    const { body } = await reader.ask('getCall', id);
    const { participants, ...rest } = body;
    expect(participants).toEqual([]);
    const told = Object.entries(rest).flatMap(([name, value]) => (value === null ? [] : [name]));
    const known = ['id', 'kind', 'source', 'direction', 'excluded', 'startedAt', 'createdAt', 'updatedAt'];
    expect(told.sort()).toEqual([...known, 'hasRecording', 'hasTranscript'].sort());
    expect(await reader.outcome('getTranscript', id)).toBe('404 transcript_not_found');
  });

  test('shows what a client of Creovai archived, with the metadata of later events', async () => {
    const id = await archiveCall(app, token, callInfo('from-creovai', { metadata: { first: 1 } }));
    const { statusCode } = await app.http.inject({
      method: 'POST',
      url: '/capture/v2/outofband/interaction',
      headers: { authorization: `Bearer ${token}` },
      payload: { sessionId: 'from-creovai', eventTime: '2026-03-01T10:00:00Z', metadata: { second: 2 } },
    });
    expect(statusCode).toBe(200);
    const { body } = await reader.ask('getCall', id);
    expect(body).toMatchObject({ id, source: 'creovai', sessionId: 'from-creovai', metadata: { first: 1, second: 2 } });
    expect(body['participants']).not.toEqual([]);
  });
});

describe('the list', () => {
  test('is newest first, each once over its pages, and by every condition', async () => {
    const tenant = await createTenant(app.engine, { slug: 'listing', region: 'US' });
    const of = await app.token(scopes, tenant);
    const own = new OperationClient(app, of);
    const platform = new NativeClient(app, of);
    const at = (minute: number) => new Date(Date.UTC(2026, 2, 1, 10, minute)).toISOString();
    const ids: string[] = [];
    for (const minute of [0, 1, 1, 2, 3, 3, 4]) ids.push(await platform.archived({ startedAt: at(minute) }));
    const chat = await platform.archived({ startedAt: at(9), kind: 'chat', direction: 'inbound' });
    const seen: string[] = [];
    for (let cursor: unknown; cursor !== null; ) {
      const query = { limit: '3', ...(typeof cursor === 'string' && { cursor }) };
      const { body } = await own.ask('listCalls', '', { query });
      seen.push(...idsOf(body));
      cursor = body['next'];
    }
    expect(seen).toHaveLength(8);
    expect(new Set(seen)).toEqual(new Set([...ids, chat]));
    expect(seen[0]).toBe(chat);
    expect(seen.indexOf(ids[0] ?? '')).toBe(7);
    expect(await listed({ kind: 'chat' }, own)).toEqual([chat]);
    expect(await listed({ direction: 'inbound' }, own)).toEqual([chat]);
    expect(await listed({ source: 'creovai' }, own)).toEqual([]);
    expect(await listed({ taskId: noSuch }, own)).toEqual([]);
    expect(await listed({ candidateId: 'no id of ours' }, own)).toEqual([]);
    expect((await listed({ from: at(3), to: at(4) }, own)).sort()).toEqual([ids[4], ids[5]].sort());
  });

  test.each([
    ['cursor', 'x'],
    ['cursor', '1.2'],
    ['limit', '0'],
    ['limit', '1001'],
    ['limit', 'ten'],
    ['kind', 'mail'],
    ['source', 'other'],
    ['direction', 'up'],
    ['from', 'yesterday'],
    ['phone', '+15125550142'],
  ])('refuses %s=%s without repeating it', async (name, value) => {
    const { status, body } = await reader.ask('listCalls', '', { query: { [name]: value } });
    expect([status, body['code']]).toEqual([400, 'input_invalid']);
    expect(body['detail']).not.toContain(value);
  });
});

describe('a search', () => {
  test('finds by any identifier, however it is written, each call once, and none of the tenant\u0027s own lines', async () => {
    const said = { startedAt: full.startedAt, ownNumber: '+15125550888' };
    const customer = { role: 'customer', phone: '+15125550777', email: 'Dana@Example.com' };
    const agent = { role: 'agent', phone: '+15125550666' };
    const first = await client.archived({ ...said, sessionId: 's-1', participants: [customer, agent] });
    const second = await client.archived({ ...said, externalId: 'e-1', participants: [customer] });
    const both = [second, first];
    expect(await found({ phones: ['(512) 555-0777'] })).toEqual(both);
    expect(await found({ emails: [' dana@example.COM '] })).toEqual(both);
    expect(await found({ sessions: ['s-1'], externalIds: ['e-1'] })).toEqual(both);
    expect(await found({ sessions: ['s-1'], phones: ['5125550777'], kind: 'call' })).toEqual(both);
    expect(await found({ phones: ['+15125550777'], kind: 'chat' })).toEqual([]);
    expect(await found({ phones: ['+15125550777'], from: '2026-03-01T10:00:00.001Z' })).toEqual([]);
    expect(await found({ phones: ['+15125550888', '+15125550666', '', 'no number'] })).toEqual([]);
    expect(await found({ sessions: ['', 'S-1'] })).toEqual([]);
    expect(await found({})).toEqual([]);
    const page = await reader.ask('searchCalls', '', { body: { phones: ['5125550777'], limit: 1 } });
    expect(idsOf(page.body)).toEqual([second]);
    const cursor = String(page.body['next']);
    const last = await reader.ask('searchCalls', '', { body: { phones: ['5125550777'], limit: 1, cursor } });
    expect([idsOf(last.body), last.body['next']]).toEqual([[first], null]);
  });

  test('finds the calls of a candidate by any of their numbers', async () => {
    const task = await createTask(app.engine, app.caller(), { name: 'spring', settings: {}, botId: null });
    const asked = [newCandidate(task, 'c-search', ['+15125550555', '+15125550556'])];
    const [candidateId = ''] = await addCandidates(app.engine, app.caller(), asked, { start: true });
    const id = await client.archived({ startedAt: full.startedAt, candidateId });
    expect(await found({ phones: ['+15125550556'] })).toEqual([id]);
    expect(await listed({ candidateId })).toEqual([id]);
    expect(await listed({ taskId: task })).toEqual([id]);
  });

  test.each([
    ['a list that is none', { phones: '+15125550142' }],
    ['a number that is none of text', { phones: [15125550142] }],
    ['too many', { sessions: Array.from({ length: 101 }, (_, i) => `s${i}`) }],
    ['a field that is not known', { names: ['Casey'] }],
    ['a cursor that is none', { cursor: 'x' }],
    ['a time that is none', { to: 'tomorrow' }],
  ])('is refused with %s', async (_what, body) => {
    expect(await reader.outcome('searchCalls', '', { body })).toBe('400 input_invalid');
  });

  test('takes JSON alone, and not too much of it', async () => {
    const headers = { 'content-type': 'text/plain' };
    expect(await reader.outcome('searchCalls', '', { body: 'x', headers })).toBe('415 media_type_unsupported');
    const large = JSON.stringify({ phones: ['x'.repeat(2 ** 20)] });
    expect(await reader.outcome('searchCalls', '', { body: large })).toBe('413 upload_too_large');
  });

  test('leaves no word of what was asked in log or audit', async () => {
    await found({ phones: [marks.phone], emails: [marks.email], sessions: [marks.session] });
    await reader.outcome('searchCalls', '', { body: { phones: [marks.badInput], cursor: marks.badInput } });
    await reader.outcome('listCalls', '', { query: { cursor: marks.badInput } });
    await reader.outcome('getCall', marks.badInput);
    await reader.outcome('getTranscript', marks.badInput);
    expectUnmarked('log', app.logged.join('\n'));
    expectUnmarked('audit', JSON.stringify(await app.engine.store.reads.audit.page('', 100_000)));
  });
});

describe('whoever may not', () => {
  const reads = ['listCalls', 'searchCalls', 'getCall', 'getTranscript'];

  test.each(reads)('is refused by %s: 401 without a token, 403 without the scope', async (operationId) => {
    const id = await client.archived({ startedAt: full.startedAt, transcript });
    const rest = scopes.filter((scope) => scope !== 'calls:read');
    expect(await (await OperationClient.within(app, rest)).outcome(operationId, id)).toBe('403 scope_missing');
    expect(await new OperationClient(app, '').outcome(operationId, id)).toBe('401 token_invalid');
  });

  test('is told of another tenant\u0027s calls what is told of none', async () => {
    const tenant = await createTenant(app.engine, { slug: 'stranger', region: 'US' });
    const stranger = new OperationClient(app, await app.token(scopes, tenant));
    const participants = [{ phone: '+15125550321' }];
    const id = await client.archived({ startedAt: full.startedAt, sessionId: 'mine', participants, transcript });
    for (const operationId of ['getCall', 'getTranscript']) {
      const answers = new Set<string>();
      for (const unknown of [id, noSuch, 'x', '%00']) {
        answers.add(JSON.stringify((await stranger.ask(operationId, unknown)).body));
      }
      expect([...answers]).toEqual([expect.stringContaining('_not_found"')]);
    }
    expect(await listed({}, stranger)).toEqual([]);
    expect(await found({ phones: ['+15125550321'], sessions: ['mine'] }, stranger)).toEqual([]);
  });
});
