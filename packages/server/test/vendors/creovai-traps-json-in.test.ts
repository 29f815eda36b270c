import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audio } from '../support/creovai-forms.ts';
import { CreovaiWire, expectJson, expectRefused } from '../support/creovai-wire.ts';
import { sendRaw } from '../support/raw-http.ts';
import { exampleOf, nameOf, rows } from './creovai-rows.ts';
import { readRecordings } from './recording.ts';
import { dotNetForm, formRequest } from './sdk.ts';
import { replay, type Stage, sendVariants, startStage } from './stage.ts';

let stage: Stage;
let wire: CreovaiWire;

beforeAll(async () => {
  stage = await startStage();
});
beforeEach(async () => {
  wire = await CreovaiWire.start(stage.app);
});
afterAll(async () => await stage.close());

const recordings = readRecordings('creovai');
/** Every operation that takes JSON, with a recorded request to it that is answered 200. */
const jsonCases = rows
  .map((row) => [nameOf(row), exampleOf(row, recordings).exchange] as const)
  .filter(([, { request }]) => request.json !== undefined);

/** Uploads a call with the bytes of the .NET clients and gives its id. */
async function uploaded(path: '/callCapture/v1/archive' | '/capture/v2/call', info: object): Promise<unknown> {
  const answer = await sendRaw(stage.origins.main, formRequest(path, wire.token, dotNetForm(info, audio)));
  expect(answer.status, `${JSON.stringify(info)} ${answer.body.toString()}`).toBe(200);
  const { callId, id } = JSON.parse(answer.body.toString()) as { callId?: string; id?: string };
  return callId ?? id;
}

/** Posts JSON that must succeed and gives its answer. */
async function posted(path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await wire.post(path, body);
  expect(answer.status, answer.body.toString()).toBe(200);
  return JSON.parse(answer.body.toString()) as Record<string, unknown>;
}

const start = '2024-03-01T10:00:00.000Z';
const end = '2024-03-01T10:02:30.000Z';

/** Renames the properties of a document, but not what is the client's own. */
function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((inner) => renamed(inner, rename));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => {
    const isOwn = name.toLowerCase() === 'metadata';
    return [rename(name), isOwn ? inner : renamed(inner, rename)];
  });
  return Object.fromEntries(entries);
}

const pascal = (name: string) => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

describe('4.12 names are read in any case', () => {
  test('so that one call in the spelling of every client is one call', async () => {
    const people = [
      { referenceId: 'a', firstName: 'Avery', channel: 0, phoneNumber: '+15125550100', type: 'Agent' },
      { referenceId: 'c', lastName: 'Roe', channel: 1, phoneNumber: '+15125551234', type: 'Customer' },
    ];
    const common = { sessionId: 'one', direction: 'Inbound', numberDialed: '+15125550199' };
    const v1 = { ...common, masterCallId: 'M', startTime: start, endTime: end, contacts: people };
    const v2 = { ...common, masterId: 'M', utcStart: start, utcEnd: end, participants: people };
    const own = { Queue: 'billing', notes: { A: [1] } };
    const wav = { format: 'wav' };
    const callId = await uploaded('/callCapture/v1/archive', { ...v1, audio: wav, metadata: own });
    const others = [
      { ...v1, audio: wav, metaData: own },
      { ...v1, Audio: { Format: 'wav' }, metadata: own },
      renamed({ ...v1, audio: wav, metadata: own }, pascal),
      renamed({ ...v1, audio: wav, metadata: own }, (name) => name.toUpperCase()),
    ];
    for (const info of others) expect(await uploaded('/callCapture/v1/archive', info as object)).toBe(callId);
    const newer = [
      { ...v2, audio: wav, metadata: own },
      { ...common, masterId: 'M', utcStart: start, utcEnd: end, Participant: people, audio: wav, metadata: own },
      renamed({ ...v2, audio: wav, metadata: own }, (name) => name.toLowerCase()),
    ];
    for (const info of newer) expect(await uploaded('/capture/v2/call', info as object)).toBe(callId);
  });

  test.each(jsonCases)('%s', async (_name, exchange) => {
    for (const rename of [pascal, (name: string) => name.toUpperCase()]) {
      const request = { ...exchange.request, json: renamed(exchange.request.json, rename) };
      await replay(stage, { ...exchange, request });
    }
  });
});

test('4.13 enumerations are read as names in any case and as numbers, and what is neither is refused', async () => {
  const words = new Map([
    [0, 'Unknown'],
    [1, 'Healthy'],
    [10, 'Warning'],
    [20, 'Error'],
    [30, 'Offline'],
  ]);
  for (const path of ['/callCapture/v1/monitor', '/capture/v2/status/monitor']) {
    for (const [number, word] of words) {
      for (const status of [number, word, word.toLowerCase(), word.toUpperCase()]) {
        const said = stage.app.nextLog(({ event }) => event === 'creovai.monitor');
        expectJson(await wire.post(path, { Status: status, TimeStamp: start, Name: 'BROKER-01' }), {});
        expect(await said).toEqual({ event: 'creovai.monitor', status: word });
      }
    }
    for (const status of [2, '1', 'Fine', true, null])
      expectRefused(await wire.post(path, { status }), 400, /^status /);
  }
  for (const [number, name] of ['Unknown', 'Inbound', 'Outbound', 'Internal'].entries()) {
    const info = { sessionId: name, startTime: start, contacts: [] };
    const callId = await uploaded('/callCapture/v1/archive', { ...info, direction: name });
    for (const direction of [number, name.toLowerCase(), name.toUpperCase()]) {
      expect(await uploaded('/callCapture/v1/archive', { ...info, direction })).toBe(callId);
    }
    expect((await wire.get(`/interactions/v2/${String(callId)}`)).json).toMatchObject({ direction: name });
  }
});

test('4.14 dates are read with none to seven digits of a second, Z or an offset, hyphens or slashes', async () => {
  const same = [
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((digits) => `2024-03-01T10:00:00${digits === 0 ? '' : `.${'0'.repeat(digits)}`}Z`),
    '2024-03-01T10:00:00+00:00',
    '2024-03-01T10:00:00.0000000+00:00',
    '2024/03/01T10:00:00.000Z',
    '2024-03-01T10:00:00',
    '2024-03-01T15:30:00+05:30',
    '2024-03-01T02:00:00.0000009-08:00',
  ];
  const routes = [
    ['/chatCapture/v1', 'contacts', 'callId'],
    ['/capture/v2/chat', 'participants', 'id'],
  ] as const;
  const ids = new Set<unknown>();
  for (const utcStart of same) {
    for (const [path, people, idName] of routes) {
      const messages = [{ content: 'Hello', utcTimestamp: utcStart }];
      const chat = { sessionId: 'dates', utcStart, utcEnd: utcStart, [people]: [{ type: 'Customer', messages }] };
      ids.add((await posted(path, chat))[idName]);
    }
    const event = { sessionId: 'dates', eventTime: utcStart, metadata: {} };
    expect((await wire.post('/callEvent/v1/outofband/event', event)).status, utcStart).toBe(200);
  }
  expect(ids.size).toBe(1);
  const [callId] = ids;
  expect((await wire.get(`/interactions/v2/${String(callId)}`)).json).toMatchObject({ utcStart: start });
  for (const utcStart of [
    '2024-03-01',
    '01/03/2024 10:00:00',
    '2024-02-30T10:00:00Z',
    '/Date(1709287200000)/',
    '',
    1,
  ]) {
    expectRefused(await wire.post('/capture/v2/chat', { sessionId: 'no', utcStart }), 400, /^utcStart /);
  }
});

test('4.15 an end may be the start, before it or missing, and messages older than their chat', async () => {
  const ends = [start, '2024-03-01T09:00:00Z', '0001-01-01T00:00:00', null];
  for (const [at, utcEnd] of ends.entries()) {
    const v1 = { startTime: start, endTime: utcEnd, contacts: [] };
    await uploaded('/callCapture/v1/archive', { sessionId: `v1-${at}`, ...v1 });
    await uploaded('/capture/v2/call', { sessionId: `v2-${at}`, utcStart: start, utcEnd, participants: [] });
    const messages = [{ content: 'Hello', utcTimestamp: '2024-02-29T10:00:00Z' }];
    const person = { type: 'Customer', referenceId: 'C1', messages };
    const span = { utcStart: start, utcEnd };
    await posted('/chatCapture/v1', { sessionId: `chat1-${at}`, ...span, contacts: [person] });
    await posted('/capture/v2/chat', { sessionId: `chat2-${at}`, ...span, participants: [person] });
    await posted('/caseCapture/v1', {
      referenceId: `case1-${at}`,
      ...span,
      messages,
      contacts: [{ referenceId: 'C1' }],
    });
    await posted('/capture/v2/case', { sessionId: `case2-${at}`, ...span, messages, participants: [] });
    const sessions = ['v1', 'v2', 'chat1', 'chat2', 'case1', 'case2'].map((name) => `${name}-${at}`);
    // No duration can be told, and so none is.
    const items = sessions.map((sessionId) => ({ status: 'Complete', callId: expect.any(String), sessionId }));
    expectJson(await wire.post('/callCapture/v1/status', { callSessionIds: sessions }), { callSessions: items });
  }
});

describe('4.16 an explicit null is an absent property', () => {
  test.each(jsonCases)('%s', async (_name, exchange) => {
    const json = { ...(exchange.request.json as Record<string, unknown>) };
    const names = Object.keys(json);
    const withNull = names.map((name) => ({ ...exchange.request, json: { ...json, [name]: null } }));
    const without = names.map((name) => {
      const { [name]: _left, ...rest } = json;
      return { ...exchange.request, json: rest };
    });
    const verdict = (answer: { status: number; body: Buffer }) =>
      answer.status === 200 ? 200 : [answer.status, answer.body.toString()];
    const nulls = await sendVariants(stage, exchange, withNull);
    const absents = await sendVariants(stage, exchange, without);
    expect(nulls.map(verdict)).toEqual(absents.map(verdict));
  });

  test('in the info of an upload, where all of it is one and the same call', async () => {
    const nothing = {
      masterCallId: null,
      masterId: null,
      caseReferenceId: null,
      collectionId: null,
      numberDialed: null,
    };
    const more = { direction: null, audio: null, metadata: null };
    const nobody = { referenceId: null, firstName: null, lastName: null, channel: null, phoneNumber: null, type: null };
    const v1 = { sessionId: 'nulls', startTime: start, contacts: [{}] };
    const callId = await uploaded('/callCapture/v1/archive', v1);
    const full = { ...v1, ...nothing, ...more, endTime: null, contacts: [nobody] };
    expect(await uploaded('/callCapture/v1/archive', full)).toBe(callId);
    const v2 = { sessionId: 'nulls', utcStart: start, utcEnd: null, participants: [nobody], ...nothing, ...more };
    expect(await uploaded('/capture/v2/call', v2)).toBe(callId);
  });
});
