import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import {
  archiveCall,
  audio,
  callInfo,
  dataPart,
  formOf,
  formType,
  holdings,
  infoPart,
  post,
  sendForm,
  type TestPart,
} from '../support/creovai-forms.ts';
import { forge } from '../support/forged-tokens.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';

/** What must never come back in an error, whoever sent it. */
const marked = {
  phone: '+15125550142',
  digits: '5125550142',
  session: 'marked-session-77',
  metadata: 'marked-metadata-78',
};
const limitBytes = 64 * 1024;

let app: TestApp;
let clockAheadMs = 0;
let origin: string;
let token: string;
let callId: string;
let before: Awaited<ReturnType<typeof holdings>>;
let onNamed: () => void = () => undefined;

beforeAll(async () => {
  const clock = { now: () => Date.now() + clockAheadMs };
  const faults = { at: (point: string) => (point === 'archive:named' ? onNamed() : undefined) };
  app = await startApp({ clock, faults, env: { TACET_MAX_UPLOAD: String(limitBytes) }, workers: 0 });
  origin = await app.listen();
  token = await app.token();
  callId = await archiveCall(app, token, markedCall(marked.session));
});
afterAll(async () => {
  await app.close();
  for (const mark of Object.values(marked)) expect(app.logged.join('\n')).not.toContain(mark);
});
beforeEach(async () => {
  before = await holdings(app);
});
afterEach(async () => {
  clockAheadMs = 0;
  // Whatever was refused: nothing was stored, nothing erased, and the call that was there still plays.
  expect(await holdings(app)).toEqual(before);
  const headers = { authorization: `Bearer ${await app.token(['calls:read'])}` };
  const recording = await app.http.inject({ method: 'GET', url: `/v1/calls/${callId}/recording`, headers });
  expect(recording.rawPayload.equals(audio)).toBe(true);
});

function markedCall(sessionId: string, change: Record<string, unknown> = {}) {
  return callInfo(sessionId, { metadata: { note: marked.metadata }, ...change });
}

type Answer = { statusCode: number; headers: Record<string, unknown>; body: string };

function refused(answer: Answer, status: number, words?: RegExp): void {
  expect(answer.statusCode, answer.body).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  const { message, ...rest } = JSON.parse(answer.body) as Record<string, unknown>;
  expect(typeof message === 'string' && message.length > 0).toBe(true);
  expect(rest).toEqual({});
  if (words !== undefined) expect(message).toMatch(words);
  for (const mark of [...Object.values(marked), callId]) expect(answer.body).not.toContain(mark);
}

async function refusedForm(parts: readonly TestPart[], status: number, words: RegExp): Promise<void> {
  refused(await sendForm(app, token, formOf(parts)), status, words);
}

const idRoutes = ['/purge/v1/calls', '/purge/v1/calls/sessions'];
const customer = '/purge/v1/calls/customer';
const status = '/callCapture/v1/status';
const jsonRoutes = [...idRoutes, customer, status];

describe('a body that is not JSON is refused', () => {
  test.each(jsonRoutes)('malformed JSON at %s', async (url) => {
    for (const text of [`{"ids": ["${marked.session}"`, '{', 'ids', '[1,]', "{'ids':[]}", '', '\ufeff', 'NaN']) {
      refused(await post(app, token, url, text), 400, /JSON/);
    }
  });

  test.each(jsonRoutes)('JSON that is not an object at %s', async (url) => {
    for (const text of ['null', '[]', '"a"', '1', 'true']) refused(await post(app, token, url, text), 400, /object/);
  });

  test.each(jsonRoutes)('bytes that are not UTF-8 at %s', async (url) => {
    refused(await post(app, token, url, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])), 400, /UTF-8/);
  });

  test.each(jsonRoutes)('no body at all at %s', async (url) => {
    const headers = { authorization: `Bearer ${token}` };
    refused(await app.http.inject({ method: 'POST', url, headers }), 400, /object/);
  });
});

describe('a list of ids is refused whole', () => {
  const id = '01900000-0000-7000-8000-000000000000';
  test.each(idRoutes)('when it is missing at %s', async (url) => {
    refused(await post(app, token, url, { id: [callId] }), 400, /ids/);
  });

  test.each(idRoutes)('when it is null at %s', async (url) => {
    refused(await post(app, token, url, { ids: null }), 400, /ids/);
  });

  test.each(idRoutes)('when it is no array at %s', async (url) => {
    for (const ids of [callId, { 0: callId, length: 1 }, 7, true]) {
      refused(await post(app, token, url, { ids }), 400, /ids must be|ids is required/);
    }
  });

  test.each(idRoutes)('when it holds anything but strings at %s', async (url) => {
    for (const wrong of [null, 7, {}, [callId]]) {
      refused(await post(app, token, url, { ids: [callId, marked.session, wrong] }), 400, /ids\[2\]/);
    }
  });

  test.each(idRoutes)('when it is 101 long at %s', async (url) => {
    const ids = [callId, marked.session, ...Array<string>(99).fill(id)];
    refused(await post(app, token, url, { ids }), 400, /at most 100/);
  });

  test('when a status request has no list of session ids', async () => {
    for (const body of [{}, { callSessionIds: null }, { callSessionIds: marked.session }, { callSessionIds: [1] }]) {
      refused(await post(app, token, status, body), 400, /callSessionIds/);
    }
  });
});

describe('a customer purge is refused', () => {
  test('without a phone number', async () => {
    for (const body of [{}, { phoneNumber: null }, { phoneNumber: 15125550142 }, { phoneNumber: [marked.phone] }]) {
      refused(await post(app, token, customer, body), 400, /phoneNumber/);
    }
  });

  test('with a number in which there is no digit', async () => {
    for (const phoneNumber of ['', '+', 'anonymous', '() -', '\u0000']) {
      refused(await post(app, token, customer, { phoneNumber }), 400, /digit/);
    }
  });
});

describe('what-if is refused, never taken for a real purge', () => {
  const values = ['maybe', '1', 'yes', 'tru', 'true,true', '%00', 'true&whatIf=false', 'true&WHATIF=true'];
  test.each(values)('whatIf=%s', async (value) => {
    const bodies = [{ ids: [callId] }, { ids: [marked.session] }, { phoneNumber: marked.phone }];
    for (const [i, url] of [...idRoutes, customer].entries()) {
      refused(await post(app, token, `${url}?whatIf=${value}`, bodies[i]), 400, /whatIf/);
    }
  });
});

describe('a token opens nothing', () => {
  const asked: [string, unknown][] = [
    ['/purge/v1/calls', { ids: [marked.session] }],
    ['/purge/v1/calls/sessions', { ids: [marked.session] }],
    [customer, { phoneNumber: marked.phone }],
    [status, { callSessionIds: [marked.session] }],
  ];

  async function unauthorised(given: string | undefined): Promise<void> {
    const answers = [];
    for (const [url, body] of asked) answers.push(await post(app, given, url, body));
    answers.push(await sendForm(app, given ?? '', formOf([infoPart(markedCall('unauthorised')), dataPart()])));
    for (const answer of answers) {
      refused(answer, 401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  }

  test('when it is missing', async () => await unauthorised(undefined));

  test('when it has expired', async () => {
    clockAheadMs = 1_799_000;
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
    const stranger = await createTenant(app.engine, { slug: 'stranger', region: 'US' });
    const foreign = await app.token(undefined, stranger);
    const notFound = (item: object) => ({ items: [{ ...item, status: 'NotFound', errorMsg: null }] });
    const byCall = await post(app, foreign, '/purge/v1/calls', { ids: [callId] });
    expect(byCall.json()).toEqual(notFound({ callId, sessionId: null }));
    const bySession = await post(app, foreign, '/purge/v1/calls/sessions', { ids: [marked.session] });
    expect(bySession.json()).toEqual(notFound({ callId: null, sessionId: marked.session }));
    const byPhone = await post(app, foreign, customer, { phoneNumber: marked.phone });
    expect(byPhone.json()).toEqual({ items: [] });
    const seen = await post(app, foreign, status, { callSessionIds: [marked.session] });
    expect(seen.json()).toEqual({ callSessions: [{ status: 'NotFound', sessionId: marked.session }] });
  });
});

describe('a client without erasures:execute', () => {
  const purges: [string, object][] = [
    ['/purge/v1/calls', { ids: [marked.session] }],
    ['/purge/v1/calls/sessions', { ids: [marked.session] }],
    [customer, { phoneNumber: marked.phone }],
  ];

  test('may not purge', async () => {
    const previewer = await app.token(['calls:read', 'calls:write', 'erasures:preview', 'holds:write', 'admin']);
    for (const [url, body] of purges) refused(await post(app, previewer, url, body), 403, /erasures:execute/);
    refused(await post(app, previewer, '/purge/v1/calls', { ids: [callId] }), 403);
  });

  test('may preview with erasures:preview', async () => {
    const previewer = await app.token(['erasures:preview']);
    const answer = await post(app, previewer, `${customer}?whatIf=true`, { phoneNumber: '(512) 555-0142' });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      items: [{ callId, sessionId: marked.session, status: 'WhatIf', errorMsg: null }],
    });
  });

  test('may not even preview without that', async () => {
    const reader = await app.token(['calls:read', 'calls:write']);
    for (const [url, body] of purges) refused(await post(app, reader, `${url}?whatIf=true`, body), 403);
  });

  test('a client without calls:write may not archive, one without calls:read and calls:write not ask', async () => {
    const eraser = await app.token(['erasures:execute']);
    refused(await sendForm(app, eraser, formOf([infoPart(markedCall('no-scope')), dataPart()])), 403, /calls:write/);
    refused(await post(app, eraser, status, { callSessionIds: [marked.session] }), 403, /calls:read/);
  });
});

describe('an upload is refused and nothing of it stays', () => {
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
    await refusedForm([infoPart(markedCall('a', { contacts: undefined })), dataPart()], 400, /contacts/);
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
    for (const [body, type] of bodies) refused(await sendForm(app, token, body, type), 400);
  });

  const half = Buffer.alloc(limitBytes / 2, 1);
  const cutForms: [string, Buffer][] = [
    ['info first', formOf([infoPart(markedCall('cut-off')), dataPart(half)])],
    ['data first', formOf([dataPart(half), infoPart(markedCall('cut-off'))])],
  ];
  test.each(cutForms)('cut off in the middle, %s, by a client that stops sending', async (_order, form) => {
    for (const share of [0.1, 0.5, 0.99]) {
      const givenUp = app.nextLog(({ event }) => event === 'upload.given_up');
      const connection = new RawConnection(origin);
      const request = archiveRequest(form);
      await connection.send(request.subarray(0, Math.floor(request.length * share)));
      connection.finish();
      const answer = await connection.answer();
      expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/json; charset=utf-8']);
      expect(await givenUp).toMatchObject({ code: 'upload_cut' });
      expect(await holdings(app)).toEqual(before);
    }
  });

  test('cut off in the middle by a connection that breaks', async () => {
    const givenUp = app.nextLog(({ event }) => event === 'upload.given_up');
    const logged = app.nextLog(({ event }) => event === 'http');
    const named = new Promise<void>((resolve) => {
      onNamed = resolve;
    });
    const connection = new RawConnection(origin);
    const request = archiveRequest(formOf([infoPart(markedCall('broken-line')), dataPart(half)]));
    await connection.send(request.subarray(0, Math.floor(request.length / 2)));
    await named;
    // The upload has its row and its slots by now, and they go again.
    expect(await holdings(app)).not.toEqual(before);
    connection.cut();
    expect(await givenUp).toMatchObject({ code: 'upload_cut' });
    expect(await logged).toMatchObject({ route: '/callCapture/v1/archive', isCut: true });
  });

  test('larger than the limit, announced or not', async () => {
    const form = formOf([infoPart(markedCall('large')), dataPart(Buffer.alloc(limitBytes + 1))]);
    refused(await sendForm(app, token, form), 413, /larger/);
    const turned = formOf([dataPart(Buffer.alloc(limitBytes + 1)), infoPart(markedCall('large'))]);
    refused(await sendForm(app, token, turned), 413, /larger/);
    const announced = rawRequest('POST /callCapture/v1/archive', [`Authorization: Bearer ${token}`], '')
      .toString()
      .replace('Content-Length: 0', 'Content-Length: 99999999999');
    const answer = await sendRaw(origin, announced);
    expect([answer.status, answer.headers.get('connection')]).toEqual([413, 'close']);
  });

  test('of exactly the limit is taken, and one byte more is not', async () => {
    const own = await startApp({ env: { TACET_MAX_UPLOAD: '1000' }, workers: 0 });
    try {
      const mine = await own.token();
      await archiveCall(own, mine, callInfo('fits'), Buffer.alloc(1000));
      const answer = await sendForm(own, mine, formOf([infoPart(callInfo('over')), dataPart(Buffer.alloc(1001))]));
      refused(answer, 413);
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
    for (const form of changed) refused(await sendForm(app, token, form), 400, /session id/);
  });

  test('with a session id that a call with the same content has, it is that call', async () => {
    const { metadata, ...rest } = markedCall(marked.session);
    for (const form of [
      formOf([infoPart(markedCall(marked.session)), dataPart()]),
      formOf([dataPart(), infoPart({ metadata, ...rest })]),
    ]) {
      const answer = await sendForm(app, token, form);
      expect(answer.statusCode, answer.body).toBe(200);
      expect(answer.json()).toEqual({ callId });
    }
  });
});

function archiveRequest(form: Buffer): Buffer {
  const headers = [`Authorization: Bearer ${token}`, `Content-Type: ${formType}`];
  return rawRequest('POST /callCapture/v1/archive', headers, form);
}

/** The same part under a name that nobody reads. */
function renamed({ headers, body }: TestPart): TestPart {
  return { headers: headers.map((line) => line.replace('"data"', '"other"')), body };
}

describe('names and ids that attack', () => {
  test('prototype-polluting keys are keys like any other', async () => {
    for (const body of [
      '{"__proto__": {"ids": ["marked-session-77"], "phoneNumber": "1"}}',
      '{"constructor": {"prototype": {"ids": ["marked-session-77"]}}}',
      '{"ids": {"__proto__": []}}',
    ]) {
      for (const url of idRoutes) refused(await post(app, token, url, body), 400, /ids/);
      refused(await post(app, token, customer, body), 400, /phoneNumber/);
    }
    const answer = await post(app, token, `${customer}?__proto__[whatIf]=true&whatIf=true`, { phoneNumber: '999' });
    expect(answer.json()).toEqual({ items: [] });
    expect(Object.hasOwn(Object.prototype, 'ids') || Object.hasOwn(Object.prototype, 'whatIf')).toBe(false);
    const info =
      '{"__proto__": {"sessionId": "marked-session-77"}, "contacts": [], "startTime": "2024-01-01T00:00:00Z"}';
    await refusedForm([infoPart(info), dataPart()], 400, /sessionId/);
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
      const answer = await post(app, token, url, { ids });
      expect(answer.statusCode).toBe(200);
      const { items } = answer.json<{ items: Record<string, unknown>[] }>();
      expect(items.map((item) => item['status'])).toEqual(ids.map(() => 'NotFound'));
      expect(items.map((item) => item['callId'] ?? item['sessionId'])).toEqual(ids);
    }
  });

  test('NUL bytes are refused in ids', async () => {
    for (const url of idRoutes) {
      refused(await post(app, token, url, { ids: [`${marked.session}\u0000`] }), 400, /NUL/);
      refused(await post(app, token, url, { ids: [`${callId}\u0000`] }), 400, /NUL/);
    }
    refused(await post(app, token, status, { callSessionIds: ['\u0000'] }), 400, /NUL/);
    await refusedForm([infoPart(markedCall('a\u0000b')), dataPart()], 400, /sessionId/);
  });

  test('lone surrogates are refused in ids', async () => {
    for (const url of idRoutes) refused(await post(app, token, url, '{"ids":["\\ud800"]}'), 400, /surrogates/);
    refused(await post(app, token, status, '{"callSessionIds":["a\\udfff"]}'), 400, /surrogates/);
    await refusedForm([infoPart(markedCall('a\ud800b')), dataPart()], 400, /sessionId/);
  });

  test('URLs that cannot be decoded, or name nothing, are answered in JSON', async () => {
    for (const path of ['/%zz', '/purge/v1/%E0%A4%A', `/nothing/${marked.digits}`, '/%00', '/purge/v1/calls/../x']) {
      const answer = await sendRaw(origin, rawRequest(`POST ${path}`, [`Authorization: Bearer ${token}`]));
      expect([400, 404]).toContain(answer.status);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(JSON.parse(answer.body.toString())).toEqual({ message: expect.any(String) });
      expect(answer.body.toString()).not.toContain(marked.digits);
    }
    const native = await sendRaw(origin, rawRequest('GET /v1/calls/%zz/recording', [`Authorization: Bearer ${token}`]));
    expect([native.status, native.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
  });

  test('a Content-Type that is none is refused where it matters and ignored where it does not', async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': ';;' };
    const payload = JSON.stringify({ ids: [] });
    refused(await app.http.inject({ method: 'POST', url: '/purge/v1/calls', headers, payload }), 400);
    const unlabelled = { ...headers, 'content-type': 'text/plain' };
    const answer = await app.http.inject({ method: 'POST', url: '/purge/v1/calls', headers: unlabelled, payload });
    expect(answer.json()).toEqual({ items: [] });
  });
});

describe('a JSON body of 10 MB', () => {
  const body = JSON.stringify({ ids: [], padding: 'a'.repeat(10_000_000) });

  test('is answered readably', async () => {
    for (const url of jsonRoutes) refused(await post(app, token, url, body), 413, /larger than 1024 KiB/);
  });

  test('is answered before the connection closes, to a client that sends it all first', async () => {
    const headers = [`Authorization: Bearer ${token}`, 'Content-Type: application/json'];
    const answer = await sendRaw(origin, rawRequest('POST /purge/v1/calls', headers, body));
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body.toString())).toEqual({ message: expect.stringContaining('larger') });
  });

  test('is answered when it comes in chunks of unknown number', async () => {
    const connection = new RawConnection(origin);
    const head = `POST /purge/v1/calls HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    await connection.send(head);
    await connection.send(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    expect((await connection.answer()).status).toBe(413);
    await connection.closed;
  });

  test('that nests a million deep is refused without harm', async () => {
    const deep = '['.repeat(400_000) + ']'.repeat(400_000);
    refused(await post(app, token, '/purge/v1/calls', `{"ids": ${deep}}`), 400, /ids/);
    await refusedForm(
      [infoPart(markedCall('deep', { metadata: { a: JSON.parse('['.repeat(99) + ']'.repeat(99)) } })), dataPart()],
      400,
      /nested/,
    );
  });
});
