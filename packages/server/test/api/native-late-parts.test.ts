/** What comes after its call over the native API: routes and answers. What the verbs do is in test/journeys. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { deleteRecording, depersonalizeCall } from '../../src/engine/erasure/depersonalize.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { scopes } from '../../src/model/tenant.ts';
import { stored } from '../support/capture-client.ts';
import { audio, formType, holdings } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { expectProblem, NativeClient, startedAt } from '../support/native-client.ts';

let app: TestApp;
let client: NativeClient;
const unknown = '01900000-0000-7000-8000-000000000000';
const waitMs = 10_000;

beforeAll(async () => {
  app = await startApp();
  client = new NativeClient(app, await app.token(['calls:write', 'calls:read']));
});
afterAll(async () => await app.close());

async function purged(): Promise<string> {
  const id = await client.archived({ startedAt });
  await purge(app.engine, app.caller(), { by: 'calls', ids: [id] }, { whatIf: false, waitMs });
  return id;
}

describe('a recording that comes later', () => {
  test('is stored once: 201, then 200 for the same bytes and 409 for others', async () => {
    const id = await client.archived({ startedAt });
    expect(await client.putRecording(id, audio, 'audio/x-own')).toMatchObject({ status: 201, body: { id } });
    expect(await client.recording(id)).toEqual({ bytes: audio, type: 'audio/x-own' });
    const before = await holdings(app);
    expect(await client.putRecording(id, audio)).toMatchObject({ status: 200, body: { id } });
    expectProblem(await client.putRecording(id, Buffer.from('other')), 409, 'recording_exists');
    expect(await holdings(app)).toEqual(before);
    expect(await client.recording(id)).toEqual({ bytes: audio, type: 'audio/x-own' });
  });

  test('may be one that nobody says the type of, as curl sends it', async () => {
    for (const headers of [{}, { 'content-type': 'application/x-www-form-urlencoded' }]) {
      const id = await client.archived({ startedAt });
      expect((await client.send('PUT', `/v1/calls/${id}/recording`, audio, headers)).status).toBe(201);
      expect(await client.recording(id)).toEqual({ bytes: audio, type: 'application/octet-stream' });
    }
  });

  test('is refused for a call that is unknown, of another tenant or malformed, all alike', async () => {
    const tenant = await createTenant(app.engine, { slug: 'stranger', region: 'US' });
    const stranger = new NativeClient(app, await app.token(undefined, tenant));
    const id = await client.archived({ startedAt });
    const texts = new Set([(await stranger.putRecording(id, audio)).text]);
    for (const other of [unknown, 'x', `%7B${id}%7D`, id.toUpperCase()]) {
      const answer = await client.putRecording(other, audio);
      expectProblem(answer, 404, 'call_not_found');
      texts.add(answer.text);
    }
    expect(texts.size).toBe(1);
  });

  test('is refused once it was erased, or its call', async () => {
    const muted = await client.archived({ startedAt });
    await deleteRecording(app.engine, app.caller(), muted, { waitMs });
    expectProblem(await client.putRecording(muted, audio), 409, 'recording_erased');
    expectProblem(await client.putRecording(await purged(), audio), 409, 'call_erased');
    const kept = await client.archived({ startedAt });
    await depersonalizeCall(app.engine, app.caller(), kept, { keepRecording: true, waitMs });
    expect((await client.putRecording(kept, audio)).status).toBe(201);
  });

  test.each([
    ['of no bytes', Buffer.alloc(0), 'audio/wav', 400, 'input_invalid', 'The recording is empty'],
    ['in a form', audio, formType, 415, 'media_type_unsupported', 'The body must be the recording itself, not a form'],
  ])('is refused %s, and its call takes another', async (_how, bytes, type, status, code, detail) => {
    const id = await client.archived({ startedAt });
    const before = await holdings(app);
    expectProblem(await client.putRecording(id, bytes, type), status, code, detail);
    expect(await holdings(app)).toEqual(before);
    expect((await client.putRecording(id, audio)).status).toBe(201);
  });
});

describe('what is said later', () => {
  test('is kept with the call, and said again changes nothing', async () => {
    const id = await client.archived({ startedAt, status: 'INPROGRESS', sessionId: 'later' });
    const change = {
      status: 'ANSWERED',
      endedAt: '2026-01-02T03:05:05Z',
      results: { promise: true },
      price: 0.5,
      transcript: [{ role: 'bot', text: 'Hello' }],
      botName: null,
    };
    for (let time = 0; time < 2; time += 1) {
      expect(await client.patch(id, change)).toMatchObject({ status: 200, body: { id } });
      expect(await app.engine.store.reads.calls.find(app.tenant.id, id)).toMatchObject({
        dialStatus: 'ANSWERED',
        endedAt: Date.parse(change.endedAt),
        durationMs: 60_000,
      });
      expect(await stored(app, id, 'details')).toMatchObject({ results: { promise: true } });
      expect(await stored(app, id, 'correlation')).toMatchObject({ sessionId: 'later', price: 0.5, botName: null });
      expect(await stored(app, id, 'transcript')).toMatchObject({ turns: [{ role: 'bot', text: 'Hello' }] });
    }
    expect((await client.patch(id, {})).status).toBe(200);
  });

  test('is refused where it is no change, in words that say why', async () => {
    const id = await client.archived({ startedAt, status: 'ANSWERED' });
    expectProblem(
      await client.patch(id, { sessionId: 'x' }),
      400,
      'input_invalid',
      /^The body has a field that is not known/,
    );
    expectProblem(await client.patch(id, { nps: '9' }), 400, 'input_invalid', 'nps must be a number');
    expectProblem(await client.patch(id, []), 400, 'input_invalid', 'The body must be a JSON object');
    expectProblem(await client.patch(id, { status: 'DIAL' }), 400, 'input_invalid');
    expectProblem(await client.patch(id, { endedAt: '2026-01-02T03:04:04Z' }), 400, 'input_invalid');
    expectProblem(
      await client.send('PATCH', `/v1/calls/${id}`, '{'),
      400,
      'input_invalid',
      'The body must be JSON in UTF-8',
    );
  });

  test('is refused for what is unknown or was erased', async () => {
    expectProblem(await client.patch(unknown, { price: 1 }), 404, 'call_not_found');
    expectProblem(await client.patch(await purged(), { price: 1 }), 409, 'call_erased');
    const id = await client.archived({ startedAt });
    await depersonalizeCall(app.engine, app.caller(), id, { keepRecording: false, waitMs });
    expectProblem(await client.patch(id, { results: 1 }), 409, 'call_erased');
    expect((await client.patch(id, { price: 1 })).status).toBe(200);
  });
});

test('whoever adds to a call needs calls:write, and hears so before anything is read', async () => {
  const reader = new NativeClient(app, await app.token(scopes.filter((scope) => scope !== 'calls:write')));
  const id = await client.archived({ startedAt });
  expectProblem(await reader.patch(id, 'no object'), 403, 'scope_missing', /calls:write/);
  expectProblem(await reader.putRecording(id, Buffer.alloc(0), formType), 403, 'scope_missing', /calls:write/);
});
