import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  endScene,
  expectUntouched,
  limitBytes,
  marked,
  markedCall,
  refused,
  renamed,
  type Scene,
  startScene,
} from '../support/bad-input-scene.ts';
import {
  archiveCall,
  callInfo,
  dataPart,
  formOf,
  formType,
  holdings,
  infoPart,
  type TestPart,
} from '../support/creovai-forms.ts';
import { startApp } from '../support/harness.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';

let scene: Scene;
let token: string;
let callId: string;

beforeAll(async () => {
  scene = await startScene();
  ({ token, callId } = scene);
});
afterEach(async () => await expectUntouched(scene));
afterAll(async () => await endScene(scene));

describe.each(['/callCapture/v1/archive', '/capture/v2/call'])(
  '%s refuses an upload, and nothing of it stays,',
  (path) => {
    const refusedForm = async (parts: readonly TestPart[], status: number, words: RegExp) =>
      refused(await send(formOf(parts)), status, words);
    /** Sends a form to the route and answers whatever comes back. */
    const send = async (payload: Buffer, type: string = formType, from = { app: scene.app, token }) => {
      const headers = { authorization: `Bearer ${from.token}`, 'content-type': type };
      return await from.app.http.inject({ method: 'POST', url: path, headers, payload });
    };
    const requestOf = (form: Buffer) =>
      rawRequest(`POST ${path}`, [`Authorization: Bearer ${token}`, `Content-Type: ${formType}`], form);

    test('without a session id', async () => {
      for (const sessionId of [undefined, null, '', 7]) {
        await refusedForm([infoPart(markedCall('', { sessionId })), dataPart()], 400, /sessionId/);
        await refusedForm([dataPart(), infoPart(markedCall('', { sessionId }))], 400, /sessionId/);
      }
    });

    test('without info', async () => await refusedForm([dataPart()], 400, /info is missing/));

    test('without data', async () => await refusedForm([infoPart(markedCall('no-data'))], 400, /data is missing/));

    test('with two infos, or two recordings', async () => {
      const info = infoPart(markedCall('twice'));
      await refusedForm([info, info, dataPart()], 400, /info is repeated/);
      await refusedForm([info, dataPart(), dataPart()], 400, /data is repeated/);
      await refusedForm([dataPart(), dataPart(), info], 400, /data is repeated/);
    });

    test('with an info that is not JSON, or not of a call', async () => {
      await refusedForm([infoPart('{"sessionId": "marked-session-77'), dataPart()], 400, /info must be JSON/);
      await refusedForm([infoPart('[]'), dataPart()], 400, /info must be a JSON object/);
      await refusedForm([infoPart(markedCall('a', { startTime: 'soon' })), dataPart()], 400, /startTime/);
      await refusedForm([infoPart(markedCall('a', { direction: 'sideways' })), dataPart()], 400, /direction/);
      await refusedForm([infoPart(markedCall('a', { contacts: 7 })), dataPart()], 400, /contacts/);
    });

    test('with an info that is longer than a mebibyte', async () => {
      const info = infoPart(markedCall('long', { metadata: { note: 'a'.repeat(1024 * 1024) } }));
      await refusedForm([info, dataPart()], 413, /info is larger than 1024 KiB/);
    });

    test('with broken multipart', async () => {
      const whole = formOf([infoPart(markedCall('broken')), dataPart()]);
      const info = infoPart(markedCall('broken'));
      const nameless = { headers: ['Content-Disposition: form-data'], body: 'x' };
      const headless = { headers: ['no header at all'], body: 'x' };
      const bodies: [Buffer, string][] = [
        [Buffer.from(''), formType],
        [Buffer.from('neither parts nor boundary'), formType],
        [whole, 'multipart/form-data; boundary=another'],
        [whole, 'multipart/form-data'],
        [whole, 'application/json'],
        [whole.subarray(0, whole.length - 8), formType],
        [formOf([info, nameless, dataPart()]), formType],
        [formOf([info, headless, dataPart()]), formType],
        [
          formOf([
            info,
            ...Array<TestPart>(70)
              .fill(dataPart(Buffer.alloc(1)))
              .map(renamed),
          ]),
          formType,
        ],
      ];
      for (const [body, type] of bodies) refused(await send(body, type), 400);
    });

    const half = Buffer.alloc(limitBytes / 2, 1);
    const cutForms: [string, Buffer][] = [
      ['info first', formOf([infoPart(markedCall('cut-off')), dataPart(half)])],
      ['data first', formOf([dataPart(half), infoPart(markedCall('cut-off'))])],
    ];
    test.each(cutForms)('cut off in the middle, %s, by a client that stops sending', async (_order, form) => {
      for (const share of [0.1, 0.5, 0.99]) {
        const givenUp = scene.app.nextLog(({ event }) => event === 'upload.given_up');
        const connection = new RawConnection(scene.origin);
        const request = requestOf(form);
        await connection.send(request.subarray(0, Math.floor(request.length * share)));
        connection.finish();
        const answer = await connection.answer();
        expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/json; charset=utf-8']);
        expect(await givenUp).toMatchObject({ code: 'upload_cut' });
        await expectUntouched(scene);
      }
    });

    test('cut off in the middle by a connection that breaks', async () => {
      const givenUp = scene.app.nextLog(({ event }) => event === 'upload.given_up');
      const logged = scene.app.nextLog(({ event }) => event === 'http');
      const named = new Promise<void>((resolve) => {
        scene.onNamed = resolve;
      });
      const connection = new RawConnection(scene.origin);
      const request = requestOf(formOf([infoPart(markedCall('broken-line')), dataPart(half)]));
      await connection.send(request.subarray(0, Math.floor(request.length / 2)));
      await named;
      // The upload has its row and its slots by now, and they go again.
      expect((await holdings(scene.app)).calls).toHaveLength(scene.before.calls.length + 1);
      connection.cut();
      expect(await givenUp).toMatchObject({ code: 'upload_cut' });
      expect(await logged).toMatchObject({ route: path, isCut: true });
    });

    test('larger than the limit, announced or not', async () => {
      const form = formOf([infoPart(markedCall('large')), dataPart(Buffer.alloc(limitBytes + 1))]);
      refused(await send(form), 413, /larger/);
      const turned = formOf([dataPart(Buffer.alloc(limitBytes + 1)), infoPart(markedCall('large'))]);
      refused(await send(turned), 413, /larger/);
      const announced = rawRequest(`POST ${path}`, [`Authorization: Bearer ${token}`], '')
        .toString()
        .replace('Content-Length: 0', 'Content-Length: 99999999999');
      const answer = await sendRaw(scene.origin, announced);
      expect([answer.status, answer.headers.get('connection')]).toEqual([413, 'close']);
    });

    test('of exactly the limit is taken, and one byte more is not', async () => {
      const own = await startApp({ env: { TACET_MAX_UPLOAD: '1000' }, workers: 0 });
      try {
        const mine = await own.token();
        await archiveCall(own, mine, callInfo('fits'), Buffer.alloc(1000));
        const over = formOf([infoPart(callInfo('over')), dataPart(Buffer.alloc(1001))]);
        refused(await send(over, formType, { app: own, token: mine }), 413);
      } finally {
        await own.close();
      }
    });

    test('with a session id that a call with other content has', async () => {
      const info = infoPart(markedCall(marked.session));
      const changed = [
        formOf([info, dataPart(Buffer.from('other audio'))]),
        formOf([dataPart(Buffer.from('other audio')), info]),
        formOf([infoPart(markedCall(marked.session, { metadata: {} })), dataPart()]),
        formOf([infoPart(markedCall(marked.session, { masterCallId: 'm' })), dataPart()]),
      ];
      for (const form of changed) refused(await send(form), 400, /session id/);
    });

    test('with a session id that a call with the same content has, it is that call', async () => {
      const { metadata, ...rest } = markedCall(marked.session);
      for (const form of [
        formOf([infoPart(markedCall(marked.session)), dataPart()]),
        formOf([dataPart(), infoPart({ metadata, ...rest })]),
      ]) {
        const answer = await send(form);
        expect(answer.statusCode, answer.body).toBe(200);
        expect(Object.values(answer.json<object>())).toEqual([callId]);
      }
    });
  },
);
