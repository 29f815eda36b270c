/** Which pages of other origins may call the native API: none, but for those that are configured. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';

const origin = 'https://console.example.com';
const stranger = 'https://elsewhere.example.com';
let app: TestApp;
let token: string;

beforeAll(async () => {
  app = await startApp({ workers: 0, env: { TACET_CORS_ORIGINS: `${origin},https://second.example.com` } });
  token = await app.token();
});
afterAll(async () => await app.close());

type Method = 'GET' | 'POST' | 'OPTIONS';

async function from(page: string | undefined, method: Method, url: string, more: Record<string, string> = {}) {
  const headers = { ...(page !== undefined && { origin: page }), ...more };
  return await app.http.inject({ method, url, headers });
}

const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };

test('a preflight from a page that may is answered without a token', async () => {
  const { statusCode, headers, body } = await from(origin, 'OPTIONS', '/v1/erasures', preflight);
  expect([statusCode, body]).toEqual([204, '']);
  expect(headers['access-control-allow-origin']).toBe(origin);
  expect(headers['access-control-allow-methods']).toBe('GET, HEAD, POST, PUT, PATCH, DELETE');
  expect(headers['access-control-allow-headers']).toMatch(/Authorization.*Idempotency-Key/);
  expect(headers['access-control-max-age']).toBe('600');
  expect(headers['access-control-allow-credentials']).toBeUndefined();
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(String(headers['vary'])).toContain('Origin');
});

test.each([
  [stranger, preflight],
  ['null', preflight],
])('a page of %s is told nothing that would let it in', async (page, more) => {
  const asked = await from(page, 'OPTIONS', '/v1/erasures', more);
  expect(asked.headers['access-control-allow-origin']).toBeUndefined();
  const sent = await from(page, 'GET', '/v1/openapi.json');
  expect([sent.statusCode, sent.headers['access-control-allow-origin']]).toEqual([200, undefined]);
});

test('a page that may hears every answer, refusals and what is not there included', async () => {
  const authorization = `Bearer ${token}`;
  for (const [method, url, more, status] of [
    ['GET', '/v1/calls', { authorization }, 200],
    ['GET', '/v1/calls', {}, 401],
    ['GET', '/v1/calls/nobody', { authorization }, 404],
    ['GET', '/v1/nothing', {}, 404],
    ['POST', '/v1/docs', {}, 405],
    ['OPTIONS', '/v1/calls', { authorization }, 405],
  ] as const) {
    const page = method === 'OPTIONS' ? undefined : origin;
    const { statusCode, headers } = await from(page, method, url, more);
    expect([statusCode, url]).toEqual([status, url]);
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    if (page === undefined) continue;
    expect(headers['access-control-allow-origin'], url).toBe(origin);
    expect(String(headers['access-control-expose-headers'])).toContain('RateLimit-Remaining');
  }
});

test('the vendors, share links and health know no pages', async () => {
  for (const url of ['/Token', '/cis/api/v1/telephony/autoCall', '/share/x', '/healthz']) {
    const asked = await from(origin, 'OPTIONS', url, preflight);
    expect([asked.statusCode >= 400, asked.headers['access-control-allow-origin']], url).toEqual([true, undefined]);
    const sent = await from(origin, 'GET', url);
    expect(sent.headers['access-control-allow-origin'], url).toBeUndefined();
  }
});

test('with no origin configured there is no answer to a preflight', async () => {
  const closed = await startApp({ workers: 0 });
  try {
    const asked = await closed.http.inject({ method: 'OPTIONS', url: '/v1/docs', headers: { origin, ...preflight } });
    expect([asked.statusCode, asked.headers['access-control-allow-origin']]).toEqual([405, undefined]);
    const sent = await closed.http.inject({ method: 'GET', url: '/v1/docs', headers: { origin } });
    expect([sent.statusCode, sent.headers['access-control-allow-origin']]).toEqual([200, undefined]);
  } finally {
    await closed.close();
  }
});
