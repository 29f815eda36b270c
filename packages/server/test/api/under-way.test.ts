import { afterEach, describe, expect, test } from 'vitest';
import {
  archiveCall,
  callInfo,
  dataPart,
  formOf,
  formType,
  infoPart,
  post,
  sendForm,
} from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { RawConnection, rawRequest } from '../support/raw-http.ts';

let app: TestApp;

afterEach(async () => await app.close());

/** A gate at a named point: `reached` resolves when the product stands before it, and `open` lets it go on. */
function gateAt(name: string) {
  let open: () => void = () => undefined;
  let arrive: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const at = async (point: string) => {
    if (point !== name) return;
    arrive();
    await opened;
  };
  return { faults: { at }, reached, open };
}

async function statusOf(token: string, sessionId: string) {
  const answer = await post(app, token, '/callCapture/v1/status', { callSessionIds: [sessionId] });
  return answer.json<{ callSessions: [Record<string, unknown>] }>().callSessions[0];
}

describe('while an upload is under way', () => {
  test('its session is InProgress, busy for another upload, and a purge makes it fail', async () => {
    const gate = gateAt('archive:named');
    app = await startApp({ faults: gate.faults });
    const origin = await app.listen();
    const token = await app.token();
    const form = formOf([infoPart(callInfo('under-way')), dataPart()]);
    const headers = [`Authorization: Bearer ${token}`, `Content-Type: ${formType}`];
    const connection = new RawConnection(origin);
    await connection.send(rawRequest('POST /callCapture/v1/archive', headers, form));
    await gate.reached;

    const callId: unknown = expect.any(String);
    // The duration is known from the description already.
    const inProgress = { status: 'InProgress', callId, sessionId: 'under-way', durationSec: 150 };
    expect(await statusOf(token, 'under-way')).toStrictEqual(inProgress);

    const second = await sendForm(app, token, form);
    expect(second.statusCode).toBe(503);
    expect(second.headers['retry-after']).toBe('5');
    expect(second.json()).toEqual({ message: expect.stringContaining('under way') });

    const purged = await post(app, token, '/purge/v1/calls/sessions', { ids: ['under-way'] });
    expect(purged.json()).toMatchObject({ items: [{ sessionId: 'under-way', status: 'Purging', errorMsg: null }] });
    gate.open();
    const answer = await connection.answer();
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString())).toEqual({ message: expect.stringContaining('erased') });
    connection.close();
    expect((await sendForm(app, token, form)).statusCode).toBe(400);
  });
});

describe('while a call is being erased', () => {
  test('it keeps its last status and a repeated purge says Purging, until it is gone and both say NotFound', async () => {
    const gate = gateAt('erase:sealed');
    app = await startApp({ faults: gate.faults, workers: 0 });
    const token = await app.token();
    const callId = await archiveCall(app, token, callInfo('going'));
    const purge = async (url: string, id: string) =>
      (await post(app, token, url, { ids: [id] })).json<{ items: [Record<string, unknown>] }>().items[0];
    const first = { callId, sessionId: 'going', status: 'Purging', errorMsg: null };
    expect(await purge('/purge/v1/calls', callId)).toStrictEqual(first);
    await gate.reached;

    // Nothing of the call can be opened any more; only that its bytes are gone has not been seen yet.
    expect(await statusOf(token, 'going')).toStrictEqual({ status: 'Complete', callId, sessionId: 'going' });
    expect(await purge('/purge/v1/calls/sessions', 'going')).toStrictEqual(first);
    expect(await purge('/purge/v1/calls', callId)).toMatchObject({ callId, status: 'Purging' });
    expect(await purge('/purge/v1/calls?whatIf=true', callId)).toMatchObject({ callId, status: 'Purging' });

    gate.open();
    await Promise.all(app.engine.background);
    expect(await statusOf(token, 'going')).toStrictEqual({ status: 'NotFound', sessionId: 'going' });
    expect(await purge('/purge/v1/calls', callId)).toMatchObject({ callId, status: 'NotFound' });
    expect(await purge('/purge/v1/calls/sessions', 'going')).toMatchObject({ sessionId: 'going', status: 'NotFound' });
  });
});
