import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { archiveCall, audio, callInfo, post } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { RawConnection } from '../support/raw-http.ts';

let app: TestApp;
let token: string;
let callId: string;

beforeAll(async () => {
  app = await startApp();
  token = await app.token();
  callId = await archiveCall(app, token, callInfo('recorded'));
});
afterAll(async () => await app.close());

async function get(headers: Record<string, string> = {}, id = callId, method: 'GET' | 'HEAD' = 'GET') {
  const url = `/v1/calls/${id}/recording`;
  return await app.http.inject({ method, url, headers: { authorization: `Bearer ${token}`, ...headers } });
}

describe('a recording', () => {
  test('comes back bit for bit with the type it was archived under', async () => {
    const answer = await get();
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.equals(audio)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'audio/wav',
      'content-length': String(audio.length),
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      'content-disposition': 'attachment',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers).not.toHaveProperty('etag');
  });

  test('answers HEAD with the headers of GET and no body, ranges or not', async () => {
    for (const headers of [{}, { range: 'bytes=1-2' }]) {
      const answer = await get(headers, callId, 'HEAD');
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['content-length']).toBe(String(audio.length));
      expect(answer.headers['content-type']).toBe('audio/wav');
      expect(answer.rawPayload).toHaveLength(0);
    }
  });

  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=10-19', 10, 20],
    ['bytes=200-', 200, audio.length],
    ['bytes=-7', audio.length - 7, audio.length],
    ['bytes=5-99999999', 5, audio.length],
  ])('gives the range %s exactly', async (range, start, endExclusive) => {
    const answer = await get({ range });
    expect(answer.statusCode).toBe(206);
    expect(answer.rawPayload.equals(audio.subarray(start, endExclusive))).toBe(true);
    expect(answer.headers['content-range']).toBe(`bytes ${start}-${endExclusive - 1}/${audio.length}`);
    expect(answer.headers['content-length']).toBe(String(endExclusive - start));
  });

  test.each([
    { range: 'bytes=0-1,4-5' },
    { range: 'items=0-1' },
    { range: 'bytes=9-1' },
    { range: 'bytes=0-1', 'if-range': '"anything"' },
  ])('goes out whole for %j', async (headers) => {
    const answer = await get(headers);
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.equals(audio)).toBe(true);
  });

  test('refuses a range beyond its end with 416, its length and a problem', async () => {
    const answer = await get({ range: `bytes=${audio.length}-` });
    expect(answer.statusCode).toBe(416);
    expect(answer.headers['content-range']).toBe(`bytes */${audio.length}`);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json()).toMatchObject({ status: 416, code: 'range_not_satisfiable' });
  });

  test('is found in whatever case and with slashes doubled, while its id keeps its case', async () => {
    const headers = { authorization: `bearer ${token}` };
    const other = await app.http.inject({ method: 'GET', url: `//V1//Calls/${callId}/RECORDING/`, headers });
    expect(other.statusCode).toBe(200);
    const upper = await app.http.inject({ method: 'GET', url: `/v1/calls/${callId.toUpperCase()}/recording`, headers });
    expect(upper.statusCode).toBe(404);
  });

  test('of no bytes at all is archived and comes back as such', async () => {
    const id = await archiveCall(app, token, callInfo('silent'), Buffer.alloc(0));
    const answer = await get({}, id);
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload).toHaveLength(0);
    expect((await get({ range: 'bytes=0-' }, id)).statusCode).toBe(416);
  });

  test('with a type that is none goes out as octet-stream', async () => {
    const id = await archiveCall(app, token, callInfo('odd'), audio, 'sound of music');
    expect((await get({}, id)).headers['content-type']).toBe('application/octet-stream');
  });
});

describe('who asks for a recording', () => {
  test('needs calls:read, and hears which scope is missing', async () => {
    const writer = await app.token(['calls:write', 'erasures:execute']);
    const answer = await get({ authorization: `Bearer ${writer}` });
    expect(answer.statusCode).toBe(403);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json()).toMatchObject({
      status: 403,
      code: 'scope_missing',
      detail: expect.stringContaining('calls:read'),
    });
  });

  test.each([undefined, 'Bearer', 'Bearer nonsense', 'Basic YTpi'])('needs a token: %j', async (authorization) => {
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await app.http.inject({ method: 'GET', url: `/v1/calls/${callId}/recording`, headers });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.json()).toMatchObject({ status: 401, code: 'token_invalid' });
  });

  test('hears the same of a call of another tenant, an unknown one and a path trick', async () => {
    const stranger = await createTenant(app.engine, { slug: 'stranger', region: 'US' });
    const foreign = await app.token(undefined, stranger);
    const answers = [
      await get({ authorization: `Bearer ${foreign}` }),
      await get({}, '01900000-0000-7000-8000-000000000000'),
      await get({}, '..%2F..%2Fetc%2Fpasswd'),
      await get({}, '%00'),
      await get({}, '__proto__'),
      await get({}, 'a'.repeat(3000)),
    ];
    const seen = new Set(
      answers.map(({ statusCode, headers, body }) => `${statusCode} ${headers['content-type']} ${body}`),
    );
    expect([...seen]).toEqual([
      '404 application/problem+json {"type":"urn:tacet:error:recording_not_found","title":"No such recording","status":404,"code":"recording_not_found"}',
    ]);
  });
});

describe('once a call is purged', () => {
  test('its recording is not there, in the words for an unknown call', async () => {
    const id = await archiveCall(app, token, callInfo('to-go'));
    await post(app, token, '/purge/v1/calls', { ids: [id] });
    const answer = await get({}, id);
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: 'recording_not_found' });
  });

  test('a running download breaks off instead of ending well', async () => {
    let aheadMs = 0;
    const own = await startApp({ clock: { now: () => Date.now() + aheadMs } });
    try {
      const origin = await own.listen();
      const mine = await own.token();
      // More than all buffers between here and there hold, so that the server has to wait for us.
      const id = await archiveCall(own, mine, callInfo('long'), Buffer.alloc(48 * 1024 * 1024, 'tone'));
      const connection = new RawConnection(origin);
      await connection.send(
        `GET /v1/calls/${id}/recording HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${mine}\r\n\r\n`,
      );
      await connection.pauseAtFirstByte();
      const purged = await post(own, mine, '/purge/v1/calls', { ids: [id] });
      expect(purged.json()).toMatchObject({ items: [{ status: 'Purging' }] });
      aheadMs = 2000;
      connection.resume();
      await expect(connection.answer()).rejects.toThrow(/connection ended/);
    } finally {
      await own.close();
    }
  });
});
