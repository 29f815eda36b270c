import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { findOwners } from '../../src/engine/identifiers.ts';
import type { Identifier } from '../../src/model/call.ts';
import { stored } from '../support/capture-client.ts';
import { audio, holdings, post } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { callPart, expectProblem, NativeClient, startedAt } from '../support/native-client.ts';

let app: TestApp;
let client: NativeClient;

beforeAll(async () => {
  app = await startApp();
  client = new NativeClient(app, await app.token(['calls:write', 'calls:read']));
});
afterAll(async () => await app.close());

async function callOf(id: string) {
  return await app.engine.store.reads.calls.find(app.tenant.id, id);
}

async function kindsOf(id: string) {
  const artifacts = await app.engine.store.reads.artifacts.ofOwner(id);
  expect(artifacts.filter(({ sealed }) => sealed === null)).toEqual([]);
  return artifacts.map(({ kind }) => kind).sort();
}

async function foundBy(kind: Identifier['kind'], value: string): Promise<string[]> {
  const { engine, tenant } = app;
  return await findOwners(engine, engine.store.reads, tenant, { kind, value }, { afterId: '', limit: 100 });
}

const full = {
  kind: 'call',
  direction: 'outbound',
  status: 'ANSWERED',
  startedAt,
  endedAt: '2026-01-02T03:05:05Z',
  externalId: 'ours-17',
  botId: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  participants: [
    { role: 'customer', phone: '(512) 555-0142', email: 'Casey@Example.com', name: 'Casey' },
    { role: 'agent', phone: '+15125550100' },
  ],
  ownNumber: '+15125550199',
  botName: 'Reminder',
  variables: { due: '12.50' },
  results: { promise: true },
  transcript: [{ role: 'bot', text: 'Hello', startMs: 0, endMs: 900 }, { text: 'Hi' }],
  callbackData: { order: 7 },
  metadata: { queue: 'q' },
};

describe('a call', () => {
  test.each([false, true])(
    'is archived with its recording, whichever comes first (recording first: %j)',
    async (isRecordingFirst) => {
      const sessionId = `whole-${isRecordingFirst}`;
      const answer = await client.archive(
        { ...full, sessionId },
        { recording: audio, type: 'audio/x-own', isRecordingFirst },
      );
      expect(answer.status, answer.text).toBe(201);
      const id = String(answer.body?.['id']);
      expect(answer.body).toEqual({ id });
      expect(await callOf(id)).toMatchObject({
        kind: 'call',
        source: 'native',
        direction: 'outbound',
        status: 'complete',
        dialStatus: 'ANSWERED',
        startedAt: Date.parse(startedAt),
        endedAt: Date.parse(startedAt) + 60_000,
        durationMs: 60_000,
        candidateId: null,
        taskId: null,
        botId: full.botId,
        uploadUntil: null,
      });
      expect(await kindsOf(id)).toEqual(['correlation', 'details', 'recording', 'transcript']);
      expect(await client.recording(id)).toEqual({ bytes: audio, type: 'audio/x-own' });
      const { participants, variables, results, metadata } = full;
      expect(await stored(app, id, 'details')).toMatchObject({
        participants: [participants[0], { role: 'agent', phone: '+15125550100', email: null, name: null }],
        variables,
        results,
        metadata,
        nps: null,
      });
      expect(await stored(app, id, 'correlation')).toMatchObject({
        sessionId,
        externalId: 'ours-17',
        callbackData: full.callbackData,
        ownNumber: full.ownNumber,
        botName: 'Reminder',
        taskName: null,
      });
      const turn = { participant: null, at: null, extra: {} };
      expect(await stored(app, id, 'transcript')).toEqual({
        turns: [
          { ...turn, role: 'bot', text: 'Hello', startMs: 0, endMs: 900 },
          { ...turn, role: null, text: 'Hi', startMs: null, endMs: null },
        ],
      });
    },
  );

  test('is found by its customers, its session and its external id, and never by its own people or lines', async () => {
    const id = await client.archived({ ...full, sessionId: 'found', externalId: 'found-too' });
    expect(await foundBy('session', 'found')).toEqual([id]);
    expect(await foundBy('external', 'found-too')).toEqual([id]);
    expect(await foundBy('phone', '+1 512 555 0142')).toContain(id);
    expect(await foundBy('email', 'casey@example.COM')).toContain(id);
    for (const own of ['+15125550100', '+15125550199']) expect(await foundBy('phone', own)).not.toContain(id);
  });

  test('needs neither recording nor session, and has keys for what there is alone', async () => {
    const first = await client.archived({ startedAt });
    const second = await client.archived({ startedAt });
    expect(second).not.toBe(first);
    expect(await kindsOf(first)).toEqual(['correlation', 'details']);
    expect(await client.recording(first)).toBeUndefined();
    expect(await kindsOf(await client.archived({ startedAt, kind: 'chat', transcript: [{ text: 'x' }] }))).toEqual([
      ...['correlation', 'details', 'transcript'],
    ]);
  });

  test('without a recording may come as JSON alone, however that is labelled', async () => {
    for (const type of ['application/json', 'Application/JSON; charset=utf-8']) {
      const answer = await client.archiveJson({ startedAt }, { 'content-type': type });
      expect(answer.status, answer.text).toBe(201);
    }
  });

  test('comes in a part that need not be labelled', async () => {
    const disposition = 'Content-Disposition: form-data; name="call"';
    for (const headers of [[disposition], [disposition, 'Content-Type: application/octet-stream']]) {
      expect((await client.form([{ headers, body: JSON.stringify({ startedAt }) }])).status).toBe(201);
    }
  });

  test('that is not over is archived as such', async () => {
    const id = await client.archived({ startedAt, status: 'INPROGRESS' });
    expect(await callOf(id)).toMatchObject({ status: 'complete', dialStatus: 'INPROGRESS' });
  });

  test('that nobody says the type of is kept as bytes', async () => {
    const parts = [
      callPart({ startedAt }),
      { headers: ['Content-Disposition: form-data; name="recording"'], body: audio },
    ];
    const { body } = await client.form(parts);
    expect(await client.recording(String(body?.['id']))).toEqual({ bytes: audio, type: 'application/octet-stream' });
  });
});

describe('a session', () => {
  const call = { ...full, sessionId: 'again', externalId: 'again' };

  test('that comes again with the same content is the same call, and nothing more is stored', async () => {
    const id = await client.archived(call, { recording: audio });
    const before = await holdings(app);
    for (const isRecordingFirst of [false, true]) {
      const answer = await client.archive(call, { recording: audio, isRecordingFirst });
      expect(answer).toMatchObject({ status: 201, body: { id } });
    }
    expect(await holdings(app)).toEqual(before);
  });

  test.each([
    ['another description', { ...call, ownNumber: '+15125550000' }, audio],
    ['another time', { ...call, startedAt: '2026-01-02T03:04:06Z' }, audio],
    ['another status', { ...call, status: 'BUSY' }, audio],
    ['another recording', call, Buffer.from('other')],
    ['no recording', call, undefined],
  ])('that comes again with %s is taken, and nothing changes', async (_what, other, recording) => {
    const before = await holdings(app);
    const answer = await client.archive(other, recording === undefined ? {} : { recording });
    expectProblem(answer, 409, 'session_taken');
    expect(await holdings(app)).toEqual(before);
  });

  test.each([
    ['depersonalize', true, 'call_erased'],
    ['depersonalize', false, 'call_erased'],
    ['delete-recording', false, 'recording_erased'],
  ] as const)(
    'that comes again after %s (recording kept: %j) hears that it was erased, and not to take another session id',
    async (action, keepRecording, code) => {
      const sessionId = `${action}-${keepRecording}`;
      const said = { ...full, externalId: sessionId, sessionId };
      const id = await client.archived(said, { recording: audio });
      const asked = { action, keepRecording, callIds: [id] } as const;
      await (await eraseNow(app.engine, app.caller(), asked))?.ended;
      const before = await holdings(app);
      for (const isRecordingFirst of [false, true]) {
        const answer = await client.archive(said, { recording: audio, isRecordingFirst });
        expectProblem(answer, 409, code);
        expect(answer.text).not.toMatch(/[Aa]nother|different/);
      }
      const withoutRecording = await client.archive({ ...said, price: 2 });
      expectProblem(withoutRecording, 409, action === 'depersonalize' ? code : 'session_taken');
      expect(await holdings(app)).toEqual(before);
    },
  );

  test('of a purged call is refused, with its external id', async () => {
    const gone = { startedAt, sessionId: 'gone', externalId: 'gone-too' };
    const id = await client.archived(gone, { recording: audio });
    await purge(app.engine, app.caller(), { by: 'calls', ids: [id] }, { whatIf: false, waitMs: 10_000 });
    const before = await holdings(app);
    for (const isRecordingFirst of [false, true]) {
      expectProblem(await client.archive(gone, { recording: audio, isRecordingFirst }), 409, 'call_erased');
      const other = { startedAt, externalId: 'gone-too' };
      expectProblem(await client.archive(other, { recording: audio, isRecordingFirst }), 409, 'call_erased');
    }
    expect((await holdings(app)).calls).toEqual(before.calls);
    expect((await holdings(app)).blobs).toEqual(before.blobs);
  });
});

test('what came natively is read on the surface of Creovai in its words', async () => {
  const id = await client.archived({ ...full, sessionId: 'read', externalId: 'read' });
  const headers = { authorization: `Bearer ${await app.token()}` };
  const answer = await app.http.inject({ method: 'GET', url: `/interactions/v2/${id}`, headers });
  expect(answer.json()).toMatchObject({
    id,
    sessionId: 'read',
    direction: 'Outbound',
    durationMs: 60_000,
    metadata: { queue: 'q' },
    participants: [
      {
        refType: 'customer',
        phoneNumber: '(512) 555-0142',
        email: 'Casey@Example.com',
        displayName: 'Casey',
        isInternal: false,
      },
      { refType: 'agent', phoneNumber: '+15125550100', displayName: null, isInternal: true },
    ],
  });
  const status = await post(app, await app.token(), '/callCapture/v1/status', { callSessionIds: ['read'] });
  expect(status.json()).toMatchObject({ callSessions: [{ status: 'Complete', callId: id }] });
});
