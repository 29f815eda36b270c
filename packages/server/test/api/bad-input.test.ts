import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import {
  customerRoute,
  endScene,
  expectUntouched,
  idRoutes,
  jsonRoutes,
  marked,
  markedCall,
  refused,
  refusedForm,
  type Scene,
  startScene,
  statusRoute,
} from '../support/bad-input-scene.ts';
import { dataPart, formOf, infoPart, post, sendForm } from '../support/creovai-forms.ts';
import { forge } from '../support/forged-tokens.ts';
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

describe('a body that is not JSON is refused', () => {
  test.each(jsonRoutes)('malformed JSON at %s', async (url) => {
    for (const text of [`{"ids": ["${marked.session}"`, '{', 'ids', '[1,]', "{'ids':[]}", '', '\ufeff', 'NaN']) {
      refused(await post(scene.app, token, url, text), 400, /JSON/);
    }
  });

  test.each(jsonRoutes)('JSON that is not an object at %s', async (url) => {
    for (const text of ['null', '[]', '"a"', '1', 'true'])
      refused(await post(scene.app, token, url, text), 400, /object/);
  });

  test.each(jsonRoutes)('bytes that are not UTF-8 at %s', async (url) => {
    refused(await post(scene.app, token, url, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])), 400, /UTF-8/);
  });

  test.each(jsonRoutes)('no body at all at %s', async (url) => {
    const headers = { authorization: `Bearer ${token}` };
    refused(await scene.app.http.inject({ method: 'POST', url, headers }), 400, /object/);
  });
});

describe('a list of ids is refused whole', () => {
  const id = '01900000-0000-7000-8000-000000000000';
  test.each(idRoutes)('when it is missing at %s', async (url) => {
    refused(await post(scene.app, token, url, { id: [callId] }), 400, /ids/);
  });

  test.each(idRoutes)('when it is null at %s', async (url) => {
    refused(await post(scene.app, token, url, { ids: null }), 400, /ids/);
  });

  test.each(idRoutes)('when it is no array at %s', async (url) => {
    for (const ids of [callId, { 0: callId, length: 1 }, 7, true]) {
      refused(await post(scene.app, token, url, { ids }), 400, /ids must be|ids is required/);
    }
  });

  test.each(idRoutes)('when it holds anything but strings at %s', async (url) => {
    for (const wrong of [null, 7, {}, [callId]]) {
      refused(await post(scene.app, token, url, { ids: [callId, marked.session, wrong] }), 400, /ids\[2\]/);
    }
  });

  test.each(idRoutes)('when it is 101 long at %s', async (url) => {
    const ids = [callId, marked.session, ...Array<string>(99).fill(id)];
    refused(await post(scene.app, token, url, { ids }), 400, /at most 100/);
  });

  test('when a status request has no list of session ids', async () => {
    for (const body of [{}, { callSessionIds: null }, { callSessionIds: marked.session }, { callSessionIds: [1] }]) {
      refused(await post(scene.app, token, statusRoute, body), 400, /callSessionIds/);
    }
  });
});

describe('a customer purge is refused', () => {
  test('without a phone number', async () => {
    for (const body of [{}, { phoneNumber: null }, { phoneNumber: 15125550142 }, { phoneNumber: [marked.phone] }]) {
      refused(await post(scene.app, token, customerRoute, body), 400, /phoneNumber/);
    }
  });

  test('with a number in which there is no digit', async () => {
    for (const phoneNumber of ['', '+', 'anonymous', '() -', '\u0000']) {
      refused(await post(scene.app, token, customerRoute, { phoneNumber }), 400, /digit/);
    }
  });
});

describe('what-if is refused, never taken for a real purge', () => {
  const values = ['maybe', '1', 'yes', 'tru', 'true,true', '%00', 'true&whatIf=false', 'true&WHATIF=true'];
  test.each(values)('whatIf=%s', async (value) => {
    const bodies = [{ ids: [callId] }, { ids: [marked.session] }, { phoneNumber: marked.phone }];
    for (const [i, url] of [...idRoutes, customerRoute].entries()) {
      refused(await post(scene.app, token, `${url}?whatIf=${value}`, bodies[i]), 400, /whatIf/);
    }
  });
});

describe('a token opens nothing', () => {
  const asked: [string, unknown][] = [
    ['/purge/v1/calls', { ids: [marked.session] }],
    ['/purge/v1/calls/sessions', { ids: [marked.session] }],
    [customerRoute, { phoneNumber: marked.phone }],
    [statusRoute, { callSessionIds: [marked.session] }],
  ];

  async function unauthorised(given: string | undefined): Promise<void> {
    const answers = [];
    for (const [url, body] of asked) answers.push(await post(scene.app, given, url, body));
    answers.push(await sendForm(scene.app, given ?? '', formOf([infoPart(markedCall('unauthorised')), dataPart()])));
    for (const answer of answers) {
      refused(answer, 401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  }

  test('when it is missing', async () => await unauthorised(undefined));

  test('when it has expired', async () => {
    scene.aheadMs = 1_799_000;
    await unauthorised(token);
  });

  test('when it is forged', async () => {
    const [header = '', claims = '', signature = ''] = token.split('.');
    const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
    const kind = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
    const fakes = [
      forge(kind, said, 'guess'),
      forge({ ...kind, alg: 'none' }, said),
      `${header}.${claims}.`,
      `${header}.${claims}`,
      `${header}.${Buffer.from(JSON.stringify({ ...said, scope: 'admin' })).toString('base64url')}.${signature}`,
      'null',
      `${'a'.repeat(9000)}`,
    ];
    for (const fake of fakes) await unauthorised(fake);
  });

  test('when another archive has made it', async () => {
    const other = await startApp({ workers: 0 });
    try {
      await unauthorised(await other.token());
    } finally {
      await other.close();
    }
  });

  test('of the calls of another tenant: they answer like unknown ones', async () => {
    const stranger = await createTenant(scene.app.engine, { slug: 'stranger', region: 'US' });
    const foreign = await scene.app.token(undefined, stranger);
    const notFound = (item: object) => ({ items: [{ ...item, status: 'NotFound', errorMsg: null }] });
    const byCall = await post(scene.app, foreign, '/purge/v1/calls', { ids: [callId] });
    expect(byCall.json()).toEqual(notFound({ callId, sessionId: null }));
    const bySession = await post(scene.app, foreign, '/purge/v1/calls/sessions', { ids: [marked.session] });
    expect(bySession.json()).toEqual(notFound({ callId: null, sessionId: marked.session }));
    const byPhone = await post(scene.app, foreign, customerRoute, { phoneNumber: marked.phone });
    expect(byPhone.json()).toEqual({ items: [] });
    const seen = await post(scene.app, foreign, statusRoute, { callSessionIds: [marked.session] });
    expect(seen.json()).toEqual({ callSessions: [{ status: 'NotFound', sessionId: marked.session }] });
  });
});

describe('a client without erasures:execute', () => {
  const purges: [string, object][] = [
    ['/purge/v1/calls', { ids: [marked.session] }],
    ['/purge/v1/calls/sessions', { ids: [marked.session] }],
    [customerRoute, { phoneNumber: marked.phone }],
  ];

  test('may not purge', async () => {
    const previewer = await scene.app.token(['calls:read', 'calls:write', 'erasures:preview', 'holds:write', 'admin']);
    for (const [url, body] of purges) refused(await post(scene.app, previewer, url, body), 403, /erasures:execute/);
    refused(await post(scene.app, previewer, '/purge/v1/calls', { ids: [callId] }), 403);
  });

  test('may preview with erasures:preview', async () => {
    const previewer = await scene.app.token(['erasures:preview']);
    const answer = await post(scene.app, previewer, `${customerRoute}?whatIf=true`, { phoneNumber: '(512) 555-0142' });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      items: [{ callId, sessionId: marked.session, status: 'WhatIf', errorMsg: null }],
    });
  });

  test('may not even preview without that', async () => {
    const reader = await scene.app.token(['calls:read', 'calls:write']);
    for (const [url, body] of purges) refused(await post(scene.app, reader, `${url}?whatIf=true`, body), 403);
  });

  test('a client without calls:write may not archive, one without calls:read and calls:write not ask', async () => {
    const eraser = await scene.app.token(['erasures:execute']);
    refused(
      await sendForm(scene.app, eraser, formOf([infoPart(markedCall('no-scope')), dataPart()])),
      403,
      /calls:write/,
    );
    refused(await post(scene.app, eraser, statusRoute, { callSessionIds: [marked.session] }), 403, /calls:read/);
  });
});

describe('a JSON body of 10 MB', () => {
  const body = JSON.stringify({ ids: [], padding: 'a'.repeat(10_000_000) });

  test('is answered readably', async () => {
    for (const url of jsonRoutes) refused(await post(scene.app, token, url, body), 413, /larger than 1024 KiB/);
  });

  test('is answered before the connection closes, to a client that sends it all first', async () => {
    const headers = [`Authorization: Bearer ${token}`, 'Content-Type: application/json'];
    const answer = await sendRaw(scene.origin, rawRequest('POST /purge/v1/calls', headers, body));
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body.toString())).toEqual({ message: expect.stringContaining('larger') });
  });

  test('is answered when it comes in chunks of unknown number', async () => {
    const connection = new RawConnection(scene.origin);
    const head = `POST /purge/v1/calls HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    await connection.send(head);
    await connection.send(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    expect((await connection.answer()).status).toBe(413);
    await connection.closed;
  });

  test('that nests a million deep is refused without harm', async () => {
    const deep = '['.repeat(400_000) + ']'.repeat(400_000);
    refused(await post(scene.app, token, '/purge/v1/calls', `{"ids": ${deep}}`), 400, /ids/);
    await refusedForm(
      scene,
      [infoPart(markedCall('deep', { metadata: { a: JSON.parse('['.repeat(99) + ']'.repeat(99)) } })), dataPart()],
      400,
      /nested/,
    );
  });
});
