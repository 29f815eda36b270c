/** What every answer under /v1 carries, and what is answered where there is nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildServer } from '../../src/http/server.ts';
import { TlsListeners } from '../../src/http/tls.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { makeCertificate } from '../support/tls-certificates.ts';

let app: TestApp;
let token: string;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  token = await app.token();
});
afterAll(async () => await app.close());

const secure = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

type Sent = { method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'; url: string; isStranger?: boolean };

async function send({ method, url, isStranger }: Sent) {
  const headers = isStranger ? {} : { authorization: `Bearer ${token}` };
  return await app.http.inject({ method, url, headers });
}

const answers: (readonly [Sent, number])[] = [
  [{ method: 'GET', url: '/v1/calls' }, 200],
  [{ method: 'GET', url: '/v1/calls', isStranger: true }, 401],
  [{ method: 'GET', url: '/v1/calls?limit=0' }, 400],
  [{ method: 'GET', url: '/v1/calls/nobody' }, 404],
  [{ method: 'GET', url: '/v1/nothing' }, 404],
  [{ method: 'GET', url: '/v1' }, 404],
  [{ method: 'GET', url: '/V1//nothing', isStranger: true }, 404],
  [{ method: 'PUT', url: '/v1/calls' }, 405],
  [{ method: 'POST', url: '/v1/token', isStranger: true }, 400],
  [{ method: 'OPTIONS', url: '/v1/calls' }, 405],
];

test.each(answers)('%o is answered %i, and no answer is kept, framed, guessed or run', async (sent, status) => {
  const { statusCode, headers, body } = await send(sent);
  expect(statusCode, body).toBe(status);
  expect(headers).toMatchObject(secure);
  expect(headers['cache-control']).toBe('no-store');
  expect(headers['strict-transport-security']).toBeUndefined();
});

test('the keys of receipts carry them, and may be kept', async () => {
  const { headers } = await send({ method: 'GET', url: '/.well-known/jwks.json', isStranger: true });
  expect(headers).toMatchObject(secure);
  expect(headers['cache-control']).toMatch(/^public, max-age=/);
});

describe('where there is nothing under /v1', () => {
  test.each([
    ['/v1/nothing', true],
    ['/v1/nothing', false],
    ['/v1/calls/0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708/nothing', true],
    ['/v1', true],
    ['/v1/', false],
  ])('%s is problem details, to a stranger: %s', async (url, isStranger) => {
    const { statusCode, headers, body } = await send({ method: 'GET', url, isStranger });
    expect([statusCode, headers['content-type']]).toEqual([404, 'application/problem+json']);
    const title = 'Not found';
    expect(JSON.parse(body)).toEqual({ type: 'urn:tacet:error:not_found', title, status: 404, code: 'not_found' });
  });

  test('another method is told which there are, to whoever may come in', async () => {
    const known = await send({ method: 'DELETE', url: '/v1/calls' });
    expect([known.statusCode, known.headers['allow']]).toEqual([405, 'GET, POST']);
    expect(known.json()).toMatchObject({ code: 'method_not_allowed', status: 405 });
    const stranger = await send({ method: 'DELETE', url: '/v1/calls', isStranger: true });
    expect([stranger.statusCode, stranger.headers['allow']]).toEqual([401, undefined]);
    const open = await send({ method: 'DELETE', url: '/v1/docs', isStranger: true });
    expect([open.statusCode, open.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });
});

test('over TLS browsers are told to stay with it', async () => {
  const server = buildServer(app.engine, {
    trustProxy: [],
    publicUrl: () => 'https://archive.example.com',
    tls: new TlsListeners(await makeCertificate(app.folder, 'archive')),
  });
  try {
    const { headers } = await server.inject({ method: 'GET', url: '/v1/openapi.json' });
    expect(headers['strict-transport-security']).toBe('max-age=31536000');
    const vendor = await server.inject({ method: 'GET', url: '/healthz' });
    expect(vendor.headers['strict-transport-security']).toBeUndefined();
  } finally {
    await server.close();
  }
});
