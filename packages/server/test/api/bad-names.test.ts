import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  customerRoute,
  endScene,
  expectUntouched,
  idRoutes,
  marked,
  markedCall,
  refused,
  refusedForm,
  type Scene,
  startScene,
  statusRoute,
} from '../support/bad-input-scene.ts';
import { dataPart, infoPart, post } from '../support/creovai-forms.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';

let scene: Scene;
let token: string;
let callId: string;

beforeAll(async () => {
  scene = await startScene();
  ({ token, callId } = scene);
});
afterEach(async () => await expectUntouched(scene));
afterAll(async () => await endScene(scene));

describe('names and ids that attack', () => {
  test('prototype-polluting keys are keys like any other', async () => {
    for (const body of [
      '{"__proto__": {"ids": ["marked-session-77"], "phoneNumber": "1"}}',
      '{"constructor": {"prototype": {"ids": ["marked-session-77"]}}}',
      '{"ids": {"__proto__": []}}',
    ]) {
      for (const url of idRoutes) refused(await post(scene.app, token, url, body), 400, /ids/);
      refused(await post(scene.app, token, customerRoute, body), 400, /phoneNumber/);
    }
    const answer = await post(scene.app, token, `${customerRoute}?__proto__[whatIf]=true&whatIf=true`, {
      phoneNumber: '999',
    });
    expect(answer.json()).toEqual({ items: [] });
    expect(Object.hasOwn(Object.prototype, 'ids') || Object.hasOwn(Object.prototype, 'whatIf')).toBe(false);
    const info =
      '{"__proto__": {"sessionId": "marked-session-77"}, "contacts": [], "startTime": "2024-01-01T00:00:00Z"}';
    await refusedForm(scene, [infoPart(info), dataPart()], 400, /sessionId/);
  });

  test('path tricks in ids find nothing', async () => {
    const ids = [
      '../../etc/passwd',
      '..\\..\\',
      '%2e%2e%2f',
      '/',
      '.',
      '*',
      "' or 1=1 --",
      '',
      '%',
      callId.toUpperCase(),
    ];
    for (const url of idRoutes) {
      const answer = await post(scene.app, token, url, { ids });
      expect(answer.statusCode).toBe(200);
      const { items } = answer.json<{ items: Record<string, unknown>[] }>();
      expect(items.map((item) => item['status'])).toEqual(ids.map(() => 'NotFound'));
      expect(items.map((item) => item['callId'] ?? item['sessionId'])).toEqual(ids);
    }
  });

  test('NUL bytes are refused in ids', async () => {
    for (const url of idRoutes) {
      refused(await post(scene.app, token, url, { ids: [`${marked.session}\u0000`] }), 400, /NUL/);
      refused(await post(scene.app, token, url, { ids: [`${callId}\u0000`] }), 400, /NUL/);
    }
    refused(await post(scene.app, token, statusRoute, { callSessionIds: ['\u0000'] }), 400, /NUL/);
    await refusedForm(scene, [infoPart(markedCall('a\u0000b')), dataPart()], 400, /sessionId/);
  });

  test('lone surrogates are refused in ids', async () => {
    for (const url of idRoutes) refused(await post(scene.app, token, url, '{"ids":["\\ud800"]}'), 400, /surrogates/);
    refused(await post(scene.app, token, statusRoute, '{"callSessionIds":["a\\udfff"]}'), 400, /surrogates/);
    await refusedForm(scene, [infoPart(markedCall('a\ud800b')), dataPart()], 400, /sessionId/);
  });

  test('URLs that cannot be decoded, or name nothing, are answered in JSON', async () => {
    for (const path of ['/%zz', '/purge/v1/%E0%A4%A', `/nothing/${marked.digits}`, '/%00', '/purge/v1/calls/../x']) {
      const answer = await sendRaw(scene.origin, rawRequest(`POST ${path}`, [`Authorization: Bearer ${token}`]));
      expect([400, 404]).toContain(answer.status);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(JSON.parse(answer.body.toString())).toEqual({ message: expect.any(String) });
      expect(answer.body.toString()).not.toContain(marked.digits);
    }
    const native = await sendRaw(
      scene.origin,
      rawRequest('GET /v1/calls/%zz/recording', [`Authorization: Bearer ${token}`]),
    );
    expect([native.status, native.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
  });

  test('a Content-Type that is none is refused where it matters and ignored where it does not', async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': ';;' };
    const payload = JSON.stringify({ ids: [] });
    refused(await scene.app.http.inject({ method: 'POST', url: '/purge/v1/calls', headers, payload }), 400);
    const unlabelled = { ...headers, 'content-type': 'text/plain' };
    const answer = await scene.app.http.inject({
      method: 'POST',
      url: '/purge/v1/calls',
      headers: unlabelled,
      payload,
    });
    expect(answer.json()).toEqual({ items: [] });
  });
});
