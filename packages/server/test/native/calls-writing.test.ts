import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import type { ErasureAction } from '../../src/model/erasure.ts';
import { scopes } from '../../src/model/tenant.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { archiveCall, callInfo } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { NativeClient, startedAt } from '../support/native-client.ts';
import { audited, OperationClient } from '../support/operation-client.ts';

let app: TestApp;
let token: string;
let client: NativeClient;
let writer: OperationClient;
const faults = new HookedFaults();

beforeAll(async () => {
  app = await startApp({ faults });
  token = await app.token();
  client = new NativeClient(app, token);
  writer = new OperationClient(app, token);
});
afterAll(async () => {
  await untilQuiet(app.engine);
  await app.close();
});

const sound = Buffer.from('the sound of it');
const otherSound = Buffer.from('another sound');
const audio = { 'content-type': 'audio/wav' };
const noSuch = '01900000-0000-7000-8000-000000000000';

async function put(id: string, body: Buffer, key?: string): Promise<string> {
  return await writer.outcome('storeRecording', id, { body, headers: audio, ...(key !== undefined && { key }) });
}

async function erase(id: string, action: ErasureAction): Promise<void> {
  const asked = { action, keepRecording: false, callIds: [id] };
  await (await eraseNow(app.engine, app.caller(), asked))?.ended;
}

describe('each write of a call', () => {
  test('leaves one audit row of its own, and none where nothing was stored', async () => {
    const said = { startedAt, sessionId: 'audited' };
    const id = await client.archived(said);
    expect(await client.archived(said)).toBe(id);
    expect(await put(id, sound)).toBe('201');
    expect(await put(id, sound)).toBe('200');
    expect(await put(id, otherSound)).toBe('409 recording_exists');
    for (let i = 0; i < 2; i += 1) expect(await writer.outcome('changeCall', id, { body: { nps: 9 } })).toBe('200');
    expect(await writer.outcome('changeCall', id, { body: { nps: 8, botName: 'Cole' } })).toBe('200');
    expect(await audited(app, id)).toEqual(['call.archived', 'call.changed', 'call.changed', 'recording.stored']);
    const rows = await app.engine.store.reads.audit.page('', 100_000);
    const [, last] = rows.filter((row) => row.event === 'call.changed' && row.subjectId === id);
    expect(last?.detail).toEqual({ artifacts: 2, replaced: 1 });
  });

  test('is told alike by every surface', async () => {
    const id = await archiveCall(app, token, callInfo('creovai-audited'));
    expect(await archiveCall(app, token, callInfo('creovai-audited'))).toBe(id);
    expect(await audited(app, id)).toEqual(['call.archived']);
  });

  test('that fails leaves none', async () => {
    const before = await app.engine.store.reads.audit.page('', 100_000);
    expect((await client.archive({ startedAt, nps: 'x' })).status).toBe(400);
    expect(await put(noSuch, sound)).toBe('404 call_not_found');
    expect(await writer.outcome('changeCall', noSuch, { body: { nps: 1 } })).toBe('404 call_not_found');
    expect(await app.engine.store.reads.audit.page('', 100_000)).toHaveLength(before.length);
  });
});

describe('a recording under a key', () => {
  test('is stored once: the same again answers as before, another is refused', async () => {
    const id = await client.archived({ startedAt });
    expect(await put(id, sound, 'put')).toBe('201');
    expect(await put(id, sound, 'put')).toBe('201');
    expect(await put(id, otherSound, 'put')).toBe('422 idempotency_mismatch');
    expect(await put(id, sound)).toBe('200');
    const elsewhere = await client.archived({ startedAt });
    expect(await put(elsewhere, sound, 'put')).toBe('422 idempotency_mismatch');
    expect(await put(id, sound, 'known-already')).toBe('200');
    expect(await put(id, otherSound, 'known-already')).toBe('422 idempotency_mismatch');
    expect(await audited(app, id)).toEqual(['call.archived', 'recording.stored']);
    expect((await client.recording(id))?.bytes).toEqual(sound);
  });

  test.each(['purge', 'delete-recording'] as const)('answers as before once a %s has erased it', async (action) => {
    const id = await client.archived({ startedAt });
    expect(await put(id, sound, action)).toBe('201');
    await erase(id, action);
    for (const bytes of [sound, otherSound]) expect(await put(id, bytes, action)).toBe('201');
    expect(await client.recording(id)).toBeUndefined();
    expect(await put(id, sound)).toBe(action === 'purge' ? '409 call_erased' : '409 recording_erased');
  });

  test('that failed may be sent again', async () => {
    const id = await client.archived({ startedAt });
    expect(await put(id, Buffer.alloc(0), 'failed')).toBe('400 input_invalid');
    expect(await put(id, sound, 'failed')).toBe('201');
  });

  test('of two requests at once is stored once', async () => {
    const id = await client.archived({ startedAt });
    const outcomes = await Promise.all([put(id, sound, 'twins'), put(id, sound, 'twins')]);
    for (const outcome of outcomes) expect(['201', '503 upload_busy']).toContain(outcome);
    expect(outcomes).toContain('201');
    expect(await put(id, sound, 'twins')).toBe('201');
    expect(await audited(app, id)).toEqual(['call.archived', 'recording.stored']);
  });
});

describe('a change under a key', () => {
  const change = { nps: 9, results: { said: 'yes' }, botName: 'Bell' };

  test('is made once, and not again over one that came after it', async () => {
    const id = await client.archived({ startedAt });
    const asked = { body: change, key: 'change' };
    expect(await writer.ask('changeCall', id, asked)).toMatchObject({ status: 200, body: { id } });
    expect(await writer.outcome('changeCall', id, { body: { nps: 3, botName: 'Cole' } })).toBe('200');
    const reordered = { body: { botName: 'Bell', results: { said: 'yes' }, nps: 9, price: null }, key: 'change' };
    expect(await writer.ask('changeCall', id, reordered)).toMatchObject({ status: 200, body: { id } });
    expect((await writer.ask('getCall', id)).body).toMatchObject({ nps: 3, botName: 'Cole' });
    const other = { ...asked, body: { ...change, nps: 8 } };
    expect(await writer.outcome('changeCall', id, other)).toBe('422 idempotency_mismatch');
    const elsewhere = await client.archived({ startedAt });
    expect(await writer.outcome('changeCall', elsewhere, asked)).toBe('422 idempotency_mismatch');
    expect(await audited(app, id)).toEqual(['call.archived', 'call.changed', 'call.changed']);
  });

  test('that changed nothing is remembered too', async () => {
    const id = await client.archived({ startedAt, nps: 9 });
    const asked = { body: { nps: 9 }, key: 'nothing' };
    expect(await writer.outcome('changeCall', id, asked)).toBe('200');
    expect(await writer.outcome('changeCall', id, { body: { nps: 2 } })).toBe('200');
    expect(await writer.outcome('changeCall', id, asked)).toBe('200');
    expect((await writer.ask('getCall', id)).body['nps']).toBe(2);
    expect(await writer.outcome('changeCall', id, { ...asked, body: { nps: 8 } })).toMatch(/^422/);
  });

  test('is known by the details that others have put in place of its own meanwhile', async () => {
    const id = await client.archived({ startedAt, nps: 1 });
    const replaced = faults.next('change:committed', async () => {
      // A second one, lossy as well: the details take another slot before what is kept of the first is sealed.
      expect(await writer.outcome('changeCall', id, { body: { nps: 7 } })).toBe('200');
    });
    const asked = { body: { nps: 5 }, key: 'overtaken' };
    const [outcome] = await Promise.all([writer.outcome('changeCall', id, asked), replaced]);
    expect(outcome).toBe('200');
    expect(await writer.outcome('changeCall', id, asked)).toBe('200');
    expect((await writer.ask('getCall', id)).body['nps']).toBe(7);
    expect(await writer.outcome('changeCall', id, { ...asked, body: { nps: 6 } })).toMatch(/^422/);
  });

  test.each(['purge', 'depersonalize'] as const)(
    'answers as before once a %s has erased what it said',
    async (action) => {
      const id = await client.archived({ startedAt });
      const key = `changed ${action}`.replace(' ', '-');
      expect(await writer.outcome('changeCall', id, { body: change, key })).toBe('200');
      await erase(id, action);
      for (const body of [change, { nps: 1 }])
        expect(await writer.outcome('changeCall', id, { body, key })).toBe('200');
      expect(await writer.outcome('changeCall', id, { body: { nps: 1 } })).toBe('409 call_erased');
    },
  );

  test('of two requests at once is made once', async () => {
    const id = await client.archived({ startedAt });
    const asked = { body: change, key: 'twin-changes' };
    const outcomes = await Promise.all([
      writer.outcome('changeCall', id, asked),
      writer.outcome('changeCall', id, asked),
    ]);
    expect(outcomes).toEqual(['200', '200']);
    expect(await audited(app, id)).toEqual(['call.archived', 'call.changed']);
  });
});

describe('until when a call is retained', () => {
  const until = '2030-01-01T00:00:00.000Z';

  test('is said with it or later, shown, and moved by nothing else', async () => {
    const id = await client.archived({ startedAt, retainUntil: '2030-01-01T03:00:00+03:00' });
    expect((await writer.ask('getCall', id)).body['retainUntil']).toBe(until);
    const later = '2031-01-01T00:00:00.000Z';
    expect(await writer.outcome('changeCall', id, { body: { retainUntil: later } })).toBe('200');
    expect(await writer.outcome('changeCall', id, { body: { retainUntil: null, nps: 1 } })).toBe('200');
    expect((await writer.ask('getCall', id)).body['retainUntil']).toBe(later);
    const silent = await client.archived({ startedAt });
    expect((await writer.ask('getCall', silent)).body['retainUntil']).toBeNull();
  });

  test('stands from the commit that makes a call visible, whichever of its parts came first', async () => {
    for (const isRecordingFirst of [true, false]) {
      const id = await client.archived({ startedAt, retainUntil: until }, { recording: sound, isRecordingFirst });
      expect((await writer.ask('getCall', id)).body['retainUntil']).toBe(until);
    }
  });

  test('is refused where it is no time', async () => {
    for (const retainUntil of ['soon', 5, '2030-01-01', '', '9999-12-31T23:59:59-05:00']) {
      expect((await client.archive({ startedAt, retainUntil })).status).toBe(400);
      const id = await client.archived({ startedAt });
      expect(await writer.outcome('changeCall', id, { body: { retainUntil } })).toBe('400 input_invalid');
    }
  });
});

describe('whoever may not', () => {
  const writes = ['archiveCall', 'storeRecording', 'changeCall'];

  test.each(writes)('is refused by %s: 401 without a token, 403 without the scope', async (operationId) => {
    const id = await client.archived({ startedAt });
    const rest = scopes.filter((scope) => scope !== 'calls:write');
    expect(await (await OperationClient.within(app, rest)).outcome(operationId, id)).toBe('403 scope_missing');
    expect(await new OperationClient(app, '').outcome(operationId, id)).toBe('401 token_invalid');
    expect(await audited(app, id)).toEqual(['call.archived']);
  });

  test('is told of another tenant\u0027s calls what is told of none', async () => {
    const tenant = await createTenant(app.engine, { slug: 'writing-stranger', region: 'US' });
    const stranger = new OperationClient(app, await app.token(scopes, tenant));
    const id = await client.archived({ startedAt });
    for (const key of [undefined, 'strange']) {
      const said = { body: { nps: 1 }, ...(key && { key }) };
      expect(await stranger.outcome('changeCall', id, said)).toBe('404 call_not_found');
      const bytes = { body: sound, headers: audio, ...(key && { key }) };
      expect(await stranger.outcome('storeRecording', id, bytes)).toBe('404 call_not_found');
    }
    expect(await audited(app, id)).toEqual(['call.archived']);
  });

  test('sends what is of another type, or too much', async () => {
    const id = await client.archived({ startedAt });
    const text = { body: 'x', headers: { 'content-type': 'text/plain' } };
    for (const operationId of ['archiveCall', 'changeCall']) {
      expect(await writer.outcome(operationId, id, text)).toBe('415 media_type_unsupported');
      const body = `{"startedAt": "${'x'.repeat(16 * 2 ** 20)}"}`;
      expect(await writer.outcome(operationId, id, { body })).toBe('413 upload_too_large');
    }
    const form = { body: 'x', headers: { 'content-type': 'multipart/form-data; boundary=b' } };
    expect(await writer.outcome('storeRecording', id, form)).toBe('415 media_type_unsupported');
    expect(await writer.outcome('changeCall', id, { body: { nps: 1 }, key: 'a blank' })).toBe('400 input_invalid');
  });

  test('changes what a hold keeps as it is', async () => {
    const id = await client.archived({ startedAt, nps: 1 });
    const hold = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a case' };
    await placeHold(app.engine, app.caller(), { ...hold, callIds: [id] });
    expect(await writer.outcome('changeCall', id, { body: { nps: 2 } })).toBe('409 item_held');
    expect(await writer.outcome('changeCall', id, { body: { botName: 'Bell' } })).toBe('200');
  });
});
