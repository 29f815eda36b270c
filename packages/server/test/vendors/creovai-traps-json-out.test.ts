import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CreovaiClient } from '../support/creovai-client.ts';
import { CreovaiWire } from '../support/creovai-wire.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { type RawAnswer, rawRequest, sendRaw } from '../support/raw-http.ts';
import { until } from '../support/until.ts';
import { exampleOf, nameOf, rows } from './creovai-rows.ts';
import { type Exchange, type RecordedRequest, readRecordings } from './recording.ts';
import { type Stage, sendVariants, startStage } from './stage.ts';

let stage: Stage;
const faults = new HookedFaults();

beforeAll(async () => {
  stage = await startStage({ faults });
});
afterAll(async () => await stage.close());

const recordings = readRecordings('creovai');
const cases = rows.map((row) => [nameOf(row), exampleOf(row, recordings).exchange] as const);
const jsonType = 'application/json; charset=utf-8';
/** A word that no answer may repeat. */
const mark = 'Zanzibar';

/** The same request gone wrong in every way that there is an answer of our own for. */
function goneWrong({ line, headers, json, body }: RecordedRequest): RecordedRequest[] {
  const kept = { ...(json === undefined ? {} : { json }), ...(body === undefined ? {} : { body }) };
  const unsigned = headers.filter((header) => !/^(Authorization|Expect):/i.test(header));
  const signed = headers.filter((header) => !/^(Expect|Content-Length):/i.test(header));
  const [method = '', target = ''] = line.split(' ');
  return [
    { line, headers: unsigned, ...kept },
    { line, headers: [...unsigned, `Authorization: Bearer ${mark}`], ...kept },
    { line, headers: [...unsigned, `Authorization: Digest ${mark}`], ...kept },
    { line: `${method} /${mark}${target}`, headers: signed, ...kept },
    { line: `${method} /%zz/${mark}`, headers: signed, ...kept },
    { line: `DELETE ${target}`, headers: signed },
    ...(method === 'POST' ? badBodies(line, signed) : []),
  ];
}

function badBodies(line: string, headers: string[]): RecordedRequest[] {
  return [`{"${mark}": `, `["${mark}"]`, `"${mark}"`, '', '\u0000\u00ff'].map((body) => ({ line, headers, body }));
}

async function answersOf(exchange: Exchange, requests: readonly RecordedRequest[]): Promise<RawAnswer[]> {
  const main = await sendVariants(stage, { ...exchange, listener: 'main' }, requests);
  return [...main, ...(await sendVariants(stage, { ...exchange, listener: 'lenient' }, requests))];
}

describe('4.17 JSON is labelled application/json; charset=utf-8 to the letter', () => {
  test.each(cases)('%s', async (_name, exchange) => {
    for (const answer of await answersOf(exchange, [exchange.request, ...goneWrong(exchange.request)])) {
      const type = answer.headers.get('content-type');
      if (answer.body.length === 0) expect(type).toBeUndefined();
      else expect(type, answer.body.toString()).toBe(answer.status === 200 && type === 'audio/mpeg' ? type : jsonType);
    }
  });

  test('what is no HTTP', async () => {
    for (const origin of Object.values(stage.origins)) {
      for (const request of [`${mark}\r\n\r\n`, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`]) {
        const answer = await sendRaw(origin, request);
        expect(answer.headers.get('content-type')).toBe(jsonType);
        const { error, ...body } = JSON.parse(answer.body.toString()) as Record<string, unknown>;
        expect(body).toEqual({ message: expect.stringMatching(/./) });
        // Whose client it is, the server cannot know: another vendor's looks for this name.
        expect(error).toBe(body['message']);
      }
    }
  });
});

describe('4.18 success is exactly 200, the first time and the second', () => {
  test.each(cases)('%s', async (_name, exchange) => {
    const answers = await sendVariants(stage, exchange, [exchange.request, exchange.request]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('4.19 keys are in exact camelCase', () => {
  test.each(cases)('%s', async (name, exchange) => {
    const [answer] = await sendVariants(stage, exchange, [exchange.request]);
    if (answer?.headers.get('content-type') !== jsonType) return;
    const keys = keysOf(JSON.parse(answer.body.toString()));
    const form = name.endsWith('/Token') ? /^(access_token|token_type|expires_in)$/ : /^[a-z]+([A-Z][a-z]*)*$/;
    for (const key of keys) expect(key).toMatch(form);
    // The C++ client looks for these two by their very names.
    if (name.endsWith('/callCapture/v1/archive')) expect(keys).toEqual(['callId']);
    if (name.endsWith('/callCapture/v1/status')) expect(keys).toContain('callSessions');
  });
});

/** Every key of an answer, but not those within metadata, which are the client's. */
function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...(key === 'metadata' ? [] : keysOf(inner))]);
}

/** One session in each state that there is, with the words that it may be told in. */
async function everyState() {
  const wire = await CreovaiWire.start(stage.app);
  const upload = new CreovaiClient(stage.origins.main, wire.token).slowUpload('under-way', '+15125551234');
  upload.answer.catch(() => undefined);
  await until(async () => (await wire.statusOf('under-way')) === 'InProgress');
  for (const session of ['complete', 'excluded', 'erasing', 'gone']) await wire.archived(session);
  await wire.archived('endless', { endTime: null });
  await wire.post('/capture/v2/status/exclude', { sessionIds: ['excluded'] });
  await wire.post('/capture/v2/outofband/interaction', { sessionId: 'only-events', metadata: {} });
  await wire.post('/purge/v1/calls/sessions', { ids: ['gone'] });
  await until(async () => (await wire.statusOf('gone')) === 'NotFound');
  const erasing = faults.stop('erase:sealed');
  await wire.post('/purge/v1/calls/sessions', { ids: ['erasing'] });
  await erasing.reached;
  const words = new Map([
    ['unknown', 'NotFound'],
    ['only-events', 'NotFound'],
    ['gone', 'NotFound'],
    ['under-way', 'InProgress'],
    ['complete', 'Complete'],
    ['endless', 'Complete'],
    ['erasing', 'Complete'],
    ['excluded', 'Excluded'],
  ]);
  const end = () => {
    erasing.goOn();
    upload.upload.destroy();
  };
  return { wire, words, end };
}

/** What every route of a version says of every state, one after the other. */
async function saidOf({ wire, words }: Awaited<ReturnType<typeof everyState>>, version: 1 | 2) {
  const sessionIds = [...words.keys()];
  const base = version === 1 ? '/callCapture/v1' : '/capture/v2';
  const body = { [version === 1 ? 'callSessionIds' : 'sessionIds']: sessionIds };
  const answers = [
    await wire.post(`${base}/status`, body),
    ...(await Promise.all(sessionIds.map(async (id) => await wire.get(`${base}/status/${id}`)))),
  ];
  const items = answers.flatMap(({ json }) => {
    const { callSessions, sessions } = json as { callSessions?: object[]; sessions?: object[] };
    return callSessions ?? sessions ?? [json as object];
  });
  return items as { status: string; sessionId: string }[];
}

test('4.20 of what is not known, version 1 leaves a key out, and version 2 says null', async () => {
  const states = await everyState();
  try {
    for (const item of await saidOf(states, 1)) {
      expect(Object.values(item)).not.toContain(null);
      const { sessionId, status } = item;
      if (status === 'NotFound') expect(item).toStrictEqual({ status, sessionId });
      const hasDuration = ['complete', 'excluded'].includes(sessionId);
      expect(Object.keys(item).includes('durationSec'), sessionId).toBe(hasDuration);
    }
    for (const item of await saidOf(states, 2)) {
      expect(Object.keys(item).sort()).toEqual(['durationSec', 'id', 'sessionId', 'status']);
      const { sessionId, status } = item;
      if (status === 'NotFound') expect(item).toStrictEqual({ status, id: null, sessionId, durationSec: null });
    }
  } finally {
    states.end();
  }
});

test('4.21 in every state of a call its status is a word that every client knows', async () => {
  const states = await everyState();
  try {
    for (const version of [1, 2] as const) {
      const items = await saidOf(states, version);
      expect(items).toHaveLength(2 * states.words.size);
      for (const { sessionId, status } of items)
        expect([sessionId, status]).toEqual([sessionId, states.words.get(sessionId)]);
    }
  } finally {
    states.end();
  }
});

test('4.22 enumerations are written as names', async () => {
  const wire = await CreovaiWire.start(stage.app);
  const callId = await wire.archived('names', { direction: 2 });
  const details = (await wire.get(`/interactions/v2/${callId}`)).json;
  expect(details).toMatchObject({ direction: 'Outbound', interactionType: 'Call' });
  expect((await wire.get('/capture/v2/status/names')).json).toMatchObject({ status: 'Complete' });
  expect((await wire.get('/callCapture/v1/status/names')).json).toMatchObject({ status: 'Complete' });
  const purged = await wire.post('/interactions/v2/purge?whatIf=true', { ids: [callId, 'bbqfbbbow'] });
  expect(purged.json).toMatchObject({ items: [{ status: 'WhatIf' }, { status: 'NotFound' }] });
});

describe('4.24 an error is a readable message as JSON, and repeats nothing of the request', () => {
  test.each(cases)('%s', async (name, exchange) => {
    for (const answer of await answersOf(exchange, goneWrong(exchange.request))) {
      const text = answer.body.toString();
      // Some of these are good requests of their own, such as an id with more behind it.
      if (answer.status === 200) continue;
      expect([400, 401, 404], text).toContain(answer.status);
      expect(text).not.toContain(mark);
      const body = JSON.parse(text) as { message?: unknown; error?: unknown };
      if (name.endsWith('/Token') && answer.status !== 404) expect(body.message ?? body.error).toMatch(/^\w/);
      else expect(body).toEqual({ message: expect.stringMatching(/^[A-Za-z]\w+ \w+/) });
    }
  });

  test('of what is too large', async () => {
    const wire = await CreovaiWire.start(stage.app);
    const body = JSON.stringify({ ids: ['x'.repeat(2 * 1024 * 1024)] });
    const bearer = `Authorization: Bearer ${wire.token}`;
    const answer = await sendRaw(stage.origins.main, rawRequest('POST /purge/v1/calls', [bearer], body));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([413, jsonType]);
    expect(JSON.parse(answer.body.toString())).toEqual({ message: 'The body is larger than 1024 KiB' });
  });
});
