/** Requests on the native surface that are odd in their address, method, headers or rights rather than in what they say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { audio, formType } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { expectProblem, NativeClient, startedAt } from '../support/native-client.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';

let app: TestApp;
let client: NativeClient;
let origin: string;
let token: string;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  origin = await app.listen();
  token = await app.token();
  client = new NativeClient(app, token);
});
afterAll(async () => await app.close());

/** One request as it stands, without a token unless one is given. */
async function ask(line: string, headers: readonly string[] = [], body: string | Buffer = '') {
  const answer = await sendRaw(origin, rawRequest(line, headers, body));
  const text = answer.body.toString();
  const parsed = JSON.parse(text) as Record<string, unknown>;
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: parsed, text };
}

const bearer = () => [`Authorization: Bearer ${token}`];

describe('an id that does not decode', () => {
  const lines = ['100%', '%ff', '%zz', '%20%'].flatMap((id) => [
    `GET /v1/calls/${id}/recording`,
    `PUT /v1/calls/${id}/recording`,
    `PATCH http://archive.example//V1/calls/${id}`,
  ]);

  test('is unknown like any other, and tells nothing to whoever has no token', async () => {
    for (const line of lines) {
      const answer = await ask(line, bearer(), '{}');
      expect(answer.body['code'], answer.text).toMatch(/^(call|recording)_not_found$/);
      expectProblem(answer, 404, String(answer.body['code']));
      expectProblem(await ask(line, [], '{}'), 401, 'token_invalid');
    }
  });
});

describe('a method that a known address does not have', () => {
  test('is 405 with the methods that it has, and 401 without a token', async () => {
    const id = await client.archived({ startedAt });
    const addresses = [
      ['/v1/calls', 'GET, POST'],
      [`/v1/calls/${id}`, 'GET, PATCH'],
      [`http://archive.example/V1//calls/${id}/recording/`, 'GET, HEAD, PUT'],
    ] as const;
    for (const [address, allow] of addresses) {
      for (const method of ['DELETE', 'OPTIONS']) {
        const answer = await ask(`${method} ${address}`, bearer());
        expectProblem(answer, 405, 'method_not_allowed');
        expect(answer.headers['allow']).toBe(allow);
        expectProblem(await ask(`${method} ${address}`), 401, 'token_invalid');
      }
    }
    const open = await ask('GET /v1/token');
    expectProblem(open, 405, 'method_not_allowed');
    expect(open.headers['allow']).toBe('POST');
    expectProblem(await ask('GET /v1/calls/search/no', bearer()), 404, 'not_found');
  });
});

describe('a Content-Type', () => {
  const others = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'json',
    '',
    '; charset=utf-8',
  ];

  test.each(others)('of a new call that is neither a form nor JSON (%j) is 415', async (type) => {
    const answer = await ask('POST /v1/calls', [...bearer(), `Content-Type: ${type}`], JSON.stringify({ startedAt }));
    expectProblem(answer, 415, 'media_type_unsupported', /Content-Type/);
  });

  test('of a new call must be there', async () => {
    const answer = await ask('POST /v1/calls', bearer(), JSON.stringify({ startedAt }));
    expectProblem(answer, 415, 'media_type_unsupported', /multipart\/form-data, or application\/json/);
  });

  test('of a change is JSON or absent; anything else is 415, and nothing changes', async () => {
    const id = await client.archived({ startedAt, status: 'DIAL' });
    const body = '{"status":"BUSY"}';
    const line = `PATCH /v1/calls/${id}`;
    const status = async () => (await app.engine.store.reads.calls.find(app.tenant.id, id))?.dialStatus;
    for (const type of [...others.filter((one) => one !== ''), formType]) {
      expectProblem(await ask(line, [...bearer(), `Content-Type: ${type}`], body), 415, 'media_type_unsupported');
    }
    expect(await status()).toBe('DIAL');
    const taken = [[], ['Content-Type: application/json'], ['Content-Type: Application/JSON ; charset="utf-8"']];
    for (const headers of taken) expect((await ask(line, [...bearer(), ...headers], body)).status).toBe(200);
    expect(await status()).toBe('BUSY');
  });

  test.each(['', 'wav', 'audio/wav, audio/wav', 'audio/wav; codec=\u00e9'])(
    'of a recording that is no type (%j) is kept as bytes',
    async (type) => {
      const id = await client.archived({ startedAt });
      const answer = await ask(`PUT /v1/calls/${id}/recording`, [...bearer(), `Content-Type: ${type}`], audio);
      expect(answer.status, answer.text).toBe(201);
      expect(await client.recording(id)).toEqual({ bytes: audio, type: 'application/octet-stream' });
    },
  );

  test.each([formType, 'multipart/form-data', 'multipart/', 'Multipart/form-data; boundary=;'])(
    'of a recording that is a form (%s) is refused',
    async (type) => {
      const id = await client.archived({ startedAt });
      const answer = await ask(`PUT /v1/calls/${id}/recording`, [...bearer(), `Content-Type: ${type}`], audio);
      expectProblem(answer, 415, 'media_type_unsupported');
      expect(await client.recording(id)).toBeUndefined();
    },
  );
});

describe('whoever may not write', () => {
  test('is told so, whatever was sent', async () => {
    const id = await client.archived({ startedAt });
    const reader = await app.token(['calls:read']);
    const headers = [`Authorization: Bearer ${reader}`, 'Content-Type: json', 'Idempotency-Key: a b'];
    for (const line of ['POST /v1/calls', `PUT /v1/calls/${id}/recording`, `PATCH /v1/calls/${id}`]) {
      expectProblem(await ask(line, headers, '{'), 403, 'scope_missing', /calls:write/);
    }
  });
});

test('a new call is answered with its id alone: there is no address to point to', async () => {
  const answer = await client.archiveJson({ startedAt });
  expect([answer.status, answer.headers['location']]).toEqual([201, undefined]);
});
