import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import { audio, holdings } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { expectProblem, NativeClient, startedAt } from '../support/native-client.ts';
import { filesOf } from '../support/raw-search.ts';

let app: TestApp;
let client: NativeClient;
let lapsedMs = 0;

beforeAll(async () => {
  app = await startApp({ clock: { now: () => Date.now() + lapsedMs } });
  client = new NativeClient(app, await app.token());
});
afterAll(async () => await app.close());

const call = { startedAt, participants: [{ phone: '+15125550142' }] };

async function erase(id: string, action: 'purge' | 'depersonalize' | 'delete-recording'): Promise<void> {
  const asked = { action, keepRecording: false, callIds: [id] } as const;
  await (await eraseNow(app.engine, app.caller(), asked))?.ended;
}

describe('a request under a key', () => {
  test('is carried out once: the same again, in whatever order of parts and fields, gives the same id', async () => {
    const key = 'once';
    const id = await client.archived(call, { recording: audio, key });
    const before = await holdings(app);
    const reordered = { participants: call.participants, startedAt: '2026-01-02T04:04:05+01:00', endedAt: null };
    for (const isRecordingFirst of [false, true]) {
      for (const same of [call, reordered]) {
        const answer = await client.archive(same, { recording: audio, key, isRecordingFirst });
        expect(answer).toMatchObject({ status: 201, body: { id } });
      }
    }
    expect(await holdings(app)).toEqual(before);
  });

  test('is carried out once where it is JSON alone', async () => {
    const headers = { 'idempotency-key': '"a-quoted-key"' };
    const first = await client.archiveJson(call, headers);
    expect(await client.archiveJson(call, headers)).toMatchObject({ status: 201, body: first.body });
  });

  test.each([
    ['another call', { ...call, price: 1 }, audio],
    ['another recording', call, Buffer.from('other')],
    ['no recording', call, undefined],
  ])('is not taken for one with %s, of which nothing is stored', async (_what, other, recording) => {
    const key = `other-${_what}`.replaceAll(' ', '-');
    await client.archived(call, { recording: audio, key });
    const before = await holdings(app);
    for (const isRecordingFirst of [false, true]) {
      const answer = await client.archive(other, { key, isRecordingFirst, ...(recording && { recording }) });
      expectProblem(answer, 422, 'idempotency_mismatch');
    }
    expect(await holdings(app)).toEqual(before);
  });

  test('that was refused may be sent again, put right', async () => {
    const key = 'put-right';
    expectProblem(
      await client.archive({ ...call, price: 'x' }, { recording: audio, key, isRecordingFirst: true }),
      400,
      'input_invalid',
    );
    await client.archived(call, { recording: audio, key, isRecordingFirst: true });
  });

  test('is that of its sender alone', async () => {
    const key = 'shared';
    const other = new NativeClient(app, await app.token());
    expect(await other.archived(call, { key })).not.toBe(await client.archived(call, { key }));
  });

  test('that repeats a session finds its call, and is remembered by its key', async () => {
    const session = { ...call, sessionId: 'twin' };
    const id = await client.archived(session, { recording: audio });
    expect(await client.archived(session, { recording: audio, key: 'twin' })).toBe(id);
    expectProblem(
      await client.archive({ ...session, price: 2 }, { recording: audio, key: 'twin' }),
      422,
      'idempotency_mismatch',
    );
  });
});

describe('after changes of the call that replace what it said', () => {
  const key = 'changed';
  const said = { ...call, sessionId: key, results: { promise: false } };

  test('a key is still that of its own request alone, until a depersonalization', async () => {
    const sending = { recording: audio, key };
    const id = await client.archived(said, sending);
    for (const results of [{ promise: true }, 'none', [1]]) {
      expect((await client.patch(id, { results })).status).toBe(200);
      expect(await client.archived(said, sending)).toBe(id);
      const before = await holdings(app);
      for (const other of [
        { ...call, sessionId: 'another' },
        { ...said, results },
      ]) {
        expectProblem(await client.archive(other, sending), 422, 'idempotency_mismatch');
      }
      expectProblem(await client.archive(said, { key }), 422, 'idempotency_mismatch');
      expect(await holdings(app)).toEqual(before);
    }
    await erase(id, 'depersonalize');
    expect(await client.archived({ ...call, sessionId: 'another' }, sending)).toBe(id);
  });
});

describe('after an erasure', () => {
  test.each(['purge', 'depersonalize'] as const)(
    'by %s the key gives the same id, whatever comes with it, and nothing comes back',
    async (action) => {
      const key = `after-${action}`;
      const sending = { recording: audio, key };
      const id = await client.archived({ ...call, sessionId: key }, sending);
      await erase(id, action);
      const before = await holdings(app);
      expect(await client.archived({ ...call, sessionId: key }, sending)).toBe(id);
      expect(await client.archived({ ...call, price: 3 }, { key })).toBe(id);
      expect((await client.archiveJson('no JSON', { 'idempotency-key': key })).body).toEqual({ id });
      expect(await holdings(app)).toEqual(before);
    },
  );

  test('of its recording the request is still known by all that it said, and the recording does not come back', async () => {
    const key = 'after-delete-recording';
    const id = await client.archived(call, { recording: audio, key });
    await erase(id, 'delete-recording');
    expect(await client.archived(call, { recording: audio, key })).toBe(id);
    expect(await client.recording(id)).toBeUndefined();
    expectProblem(await client.archive(call, { key }), 422, 'idempotency_mismatch');
  });
});

describe('a key', () => {
  test.each(['', ' ', 'a b', 'ключ', 'x'.repeat(256), 'a, b', 'tab\tbed'])('of the form %j is refused', async (key) => {
    const before = await holdings(app);
    const answer = await client.archiveJson(call, { 'idempotency-key': Buffer.from(key).toString('latin1') });
    expectProblem(answer, 400, 'input_invalid', /Idempotency-Key/);
    expect(await holdings(app)).toEqual(before);
  });

  test('of 255 visible characters is taken', async () => {
    const key = '!~'.repeat(127).padEnd(255, 'x');
    expect(await client.archived(call, { key })).toBe(await client.archived(call, { key }));
  });

  test('is not in the database, nor is what it was sent with', async () => {
    const key = 'key-5550199123';
    await client.archived({ startedAt, sessionId: 'said-5550199123' }, { key });
    const files = filesOf(app.folder).map((file) => readFileSync(file));
    expect(files.length).toBeGreaterThan(3);
    for (const word of [key, '5550199123']) expect(files.filter((bytes) => bytes.includes(word))).toEqual([]);
  });

  test('is forgotten after a day', async () => {
    const id = await client.archived(call, { key: 'a-day' });
    const upkeep = new Upkeep(app.engine);
    const passes = async (ms: number) => {
      lapsedMs = ms;
      await upkeep.once();
      // Back, since the client's token has not a day to live.
      lapsedMs = 0;
    };
    await passes(24 * 3_600_000 - 60_000);
    expect(await client.archived(call, { key: 'a-day' })).toBe(id);
    await passes(24 * 3_600_000 + 60_000);
    expect(await client.archived(call, { key: 'a-day' })).not.toBe(id);
  });
});
