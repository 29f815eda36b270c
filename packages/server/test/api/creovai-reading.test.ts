import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { scopes } from '../../src/model/tenant.ts';
import { archiveCall, audio, callInfo } from '../support/creovai-forms.ts';
import { CreovaiWire, expectJson, expectRefused } from '../support/creovai-wire.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { type RawAnswer, rawRequest, sendRaw } from '../support/raw-http.ts';

let app: TestApp;
let wire: CreovaiWire;
let token: string;

beforeAll(async () => {
  app = await startApp();
  await app.listen();
});
afterAll(async () => await app.close());
beforeEach(async () => {
  wire = await CreovaiWire.start(app);
  token = await app.token(scopes, wire.tenant);
});

const unknownId = '01900000-0000-7000-8000-000000000000';

/** A recording as MP3, or a range of it, as it came over the wire. */
async function audioOf(callId: string, headers: readonly string[] = []): Promise<RawAnswer> {
  const target = `GET /interactions/v2/${callId}/audio.mp3`;
  return await sendRaw(app.http.listeningOrigin, rawRequest(target, [`Authorization: Bearer ${token}`, ...headers]));
}

async function purged(sessionId: string): Promise<string> {
  const id = await wire.archived(sessionId);
  await wire.post('/purge/v1/calls', { ids: [id] });
  return id;
}

describe('the details of a call', () => {
  test('are everything that was archived, under the names of the client model', async () => {
    const ids = { masterCallId: 'm-1', caseReferenceId: 'c-1', collectionId: 'k-1' };
    const id = await wire.archived('s-1', ids);
    const answer = await wire.get(`/interactions/v2/${id}`);
    const common = { flowParticipantId: 0, interactionId: id, refId: null, email: null, lastName: null };
    const empty = { segments: [], utterances: [] };
    expectJson(answer, {
      id,
      sessionId: 's-1',
      masterId: 'm-1',
      caseReferenceId: 'c-1',
      collectionId: 'k-1',
      language: null,
      country: null,
      tethrUri: null,
      utcStart: '2024-03-01T10:00:00.000Z',
      utcEnd: '2024-03-01T10:02:30.000Z',
      durationMs: 150_000,
      audioDurationMs: 0,
      displayName: null,
      customGroups: [],
      metadata: { queue: 'billing' },
      classifications: [],
      textHits: [],
      participants: [
        {
          ...common,
          ...empty,
          participantId: 0,
          refType: 'agent',
          contactId: '1',
          phoneNumber: '+15125550100',
          firstName: 'Avery',
          displayName: 'Avery',
          isInternal: true,
        },
        {
          ...common,
          ...empty,
          participantId: 1,
          refType: 'Customer',
          contactId: '2',
          phoneNumber: '+15125550142',
          firstName: 'Casey',
          displayName: 'Casey',
          isInternal: false,
        },
      ],
      numberDialed: '+15125550199',
      direction: 'Inbound',
      participantIdentificationConfidence: null,
      hadDiarization: false,
      interactionType: 'Call',
      flowTypeId: null,
      flows: [],
      customTexts: [],
      customStrings: [],
      customLongs: [],
      customDoubles: [],
      customDateTimes: [],
      evaluatedCustomFields: [],
      matchedCustomFields: [],
      lastUpdatedUtc: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      internalTalkTimeMs: 0,
      externalTalkTimeMs: 0,
      silenceTimeMs: 0,
      startSilenceTimeMs: 0,
      endSilenceTimeMs: 0,
      silencePercent: 0,
      internalTalkPercent: 0,
      externalTalkPercent: 0,
      transcriptConfidence: null,
      transcriptionAbTestName: null,
    });
  });

  test('of a chat hold its messages, each with who wrote it', async () => {
    const chat = await wire.post('/capture/v2/chat', {
      sessionId: 'chat-1',
      utcStart: '2024-03-01T10:00:00Z',
      participants: [
        {
          type: 'Agent',
          firstName: 'Avery',
          messages: [{ content: 'Hello', utcTimestamp: '2024-03-01T10:00:05Z' }],
        },
        { type: 'Customer', email: 'casey@example.com', messages: [{ content: 'Hi' }, { content: 'Bye' }] },
      ],
    });
    const { id } = chat.json as { id: string };
    const answer = await wire.get(`/interactions/v2/${id}`);
    expect(answer.json).toMatchObject({
      interactionType: 'Chat',
      direction: 'Unknown',
      participants: [
        { isInternal: true, utterances: [{ text: 'Hello', startMs: 5000, utcStart: '2024-03-01T10:00:05.000Z' }] },
        { email: 'casey@example.com', utterances: [{ text: 'Hi', startMs: 0 }, { text: 'Bye' }] },
      ],
    });
  });

  test('include what events said later, and when the last of them came', async () => {
    const id = await wire.archived('with-events');
    const before = await wire.get(`/interactions/v2/${id}`);
    const event = (eventTime: string, metadata: object) => ({ sessionId: 'with-events', eventTime, metadata });
    await wire.post('/callEvent/v1/outofband/event', event('2024-03-01T12:00:00Z', { result: 'sold', queue: 'late' }));
    await wire.post('/callEvent/v1/outofband/event', event('2024-03-01T11:00:00Z', { queue: 'early', by: 'me' }));
    const after = await wire.get(`/interactions/v2/${id}`);
    expect(after.json).toMatchObject({ metadata: { result: 'sold', queue: 'late', by: 'me' } });
    const updated = (answer: typeof after) => (answer.json as { lastUpdatedUtc: string }).lastUpdatedUtc;
    expect(updated(after) >= updated(before)).toBe(true);
  });

  test.each(['&isFlow=true', '&ISFLOW=True', '?isFlow=true', '/'])('are found with %s behind the id', async (tail) => {
    const id = await wire.archived('flow');
    for (const path of ['/interactions/v2/', '//Interactions//V2/']) {
      expect((await wire.get(`${path}${id}${tail}`)).json).toMatchObject({ id, interactionType: 'Call' });
    }
  });

  test('of an excluded call are still there', async () => {
    const id = await wire.archived('excluded');
    await wire.post('/callCapture/v1/status/exclude', { callSessionIds: ['excluded'] });
    expect((await wire.get(`/interactions/v2/${id}`)).json).toMatchObject({ id });
  });

  test('are the same 404 for every call that there is not', async () => {
    const stranger = await CreovaiWire.start(app);
    const foreign = await stranger.archived('theirs');
    await wire.post('/callEvent/v1/outofband/event', {
      sessionId: 'to-come',
      eventTime: '2024-03-01T10:00:00Z',
      metadata: { a: 1 },
    });
    const rows = await app.engine.store.reads.calls.page('', 1000);
    const awaited = rows.find(({ status, tenantId }) => status === 'awaited' && tenantId === wire.tenant.id)?.id;
    expect(awaited).toBeDefined();
    const ids = [unknownId, foreign, awaited, await purged('gone'), 'x', '%00', 'a/b', '..%2f..', 'a'.repeat(3000)];
    const seen = new Set<string>();
    for (const id of ids) {
      const answer = await wire.get(`/interactions/v2/${id}`);
      expectRefused(answer, 404);
      seen.add(answer.body.toString());
    }
    expect([...seen]).toEqual(['{"message":"No such call"}']);
  });
});

describe('the audio of a call as MP3', () => {
  const mpeg = { audio: { format: 'mp3' } };

  test('is what was archived, to the byte, as audio/mpeg', async () => {
    const id = await wire.archived('mp3', mpeg);
    const answer = await audioOf(id);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(audio)).toBe(true);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'audio/mpeg',
      'content-length': String(audio.length),
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
    });
  });

  test('is found by the label of its bytes where its client named no format', async () => {
    const id = await archiveCall(app, token, callInfo('labelled', { audio: null }), audio, 'audio/x-mp3; rate=8000');
    const answer = await audioOf(id);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'audio/mpeg']);
  });

  test('comes in ranges too, and a range beyond its end is refused with its length', async () => {
    const id = await wire.archived('range', mpeg);
    const part = await audioOf(id, ['Range: bytes=10-19']);
    expect([part.status, part.headers.get('content-type')]).toEqual([206, 'audio/mpeg']);
    expect(part.headers.get('content-range')).toBe(`bytes 10-19/${audio.length}`);
    expect(part.body.equals(audio.subarray(10, 20))).toBe(true);
    const beyond = await audioOf(id, [`Range: bytes=${audio.length}-`]);
    expectRefused({ ...beyond, json: JSON.parse(beyond.body.toString()) }, 416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${audio.length}`);
  });

  test('answers HEAD with the headers alone', async () => {
    const id = await wire.archived('head', mpeg);
    const headers = { authorization: `Bearer ${token}` };
    const url = `${app.http.listeningOrigin}/interactions/v2/${id}/audio.mp3`;
    const answer = await fetch(url, { method: 'HEAD', headers });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'audio/mpeg']);
    expect(answer.headers.get('content-length')).toBe(String(audio.length));
    expect((await answer.arrayBuffer()).byteLength).toBe(0);
  });

  test('is refused for audio of another kind, in words that quote nobody', async () => {
    const id = await wire.archived('wav', { audio: { format: 'x-marked-format' } });
    const answer = await wire.get(`/interactions/v2/${id}/audio.mp3`);
    expectRefused(answer, 404, /^The recording was not archived as MPEG audio$/);
  });

  test('is the same 404 for every recording that there is not', async () => {
    const foreign = await (await CreovaiWire.start(app)).archived('theirs', mpeg);
    const chat = await wire.post('/capture/v2/chat', { sessionId: 'c', utcStart: '2024-03-01T10:00:00Z' });
    const { id } = chat.json as { id: string };
    for (const callId of [unknownId, foreign, id, await purged('gone-audio'), 'x', '%00']) {
      const answer = await wire.get(`/interactions/v2/${callId}/audio.mp3`);
      expectRefused(answer, 404, /^No such recording$/);
    }
  });
});

describe('what this archive does not do', () => {
  test.each([
    ['/sources/v1/recordingSettings', []],
    ['/processing/v2/categories', { results: [] }],
    ['/processing/v2/customFields', { customFields: [] }],
    ['/processing/v2/ParticipantRefTypes', { types: [] }],
    ['/PROCESSING/v2/participantreftypes', { types: [] }],
  ])('is an empty list: %s', async (path, expected) => {
    for (const scope of ['calls:read', 'calls:write'] as const) {
      expectJson(await (await wire.within([scope])).get(path), expected);
    }
    expectRefused(await (await wire.within(['audit:read'])).get(path), 403, /calls:read or calls:write/);
    expectRefused(await wire.withToken('nonsense').get(path), 401);
  });
});

describe('who reads', () => {
  test('needs calls:read, and hears so', async () => {
    const id = await wire.archived('scoped', { audio: { format: 'mp3' } });
    const writer = await wire.within(['calls:write', 'erasures:execute', 'audit:read']);
    for (const path of [`/interactions/v2/${id}`, `/interactions/v2/${id}/audio.mp3`]) {
      expectRefused(await writer.get(path), 403, /calls:read/);
    }
  });

  test('needs a token', async () => {
    const id = await wire.archived('tokened', { audio: { format: 'mp3' } });
    for (const path of [`/interactions/v2/${id}`, `/interactions/v2/${id}/audio.mp3`]) {
      expectRefused(await wire.withToken('nonsense').get(path), 401);
    }
  });
});
