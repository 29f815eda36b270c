/** How many requests a client may send in a minute. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { expectProblem, NativeClient } from '../support/native-client.ts';

const limit = 3;
let app: TestApp;

beforeAll(async () => {
  app = await startApp({ workers: 0, env: { TACET_RATE_LIMIT: String(limit) } });
});
afterAll(async () => await app.close());

async function asked(token: string, url = '/v1/calls') {
  return await app.http.inject({ method: 'GET', url, headers: { authorization: `Bearer ${token}` } });
}

describe('a client', () => {
  test('is told what is left, and refused above its limit with when to come again', async () => {
    const token = await app.token();
    for (const left of [2, 1, 0]) {
      const answer = await asked(token);
      expect(answer.statusCode).toBe(200);
      const { 'ratelimit-limit': most, 'ratelimit-remaining': remaining, 'ratelimit-reset': reset } = answer.headers;
      expect([Number(most), Number(remaining)]).toEqual([limit, left]);
      expect(Number(reset)).toBeGreaterThan(0);
      expect(Number(reset)).toBeLessThanOrEqual(60);
    }
    const refused = await new NativeClient(app, token).send('GET', '/v1/calls', '');
    expectProblem(refused, 429, 'rate_limited');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers['ratelimit-remaining']).toBe('0');
  });

  test('has one limit for all operations, refused ones included, whatever its tokens', async () => {
    const made = await app.http.inject({
      method: 'POST',
      url: '/v1/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `grant_type=client_credentials&client_id=${app.client.clientId}&client_secret=${app.client.clientSecret}`,
    });
    const { access_token: token } = made.json<{ access_token: string }>();
    expect((await asked(token, '/v1/erasures/nobody')).statusCode).toBe(404);
    expect((await asked(token, '/v1/calls?limit=0')).statusCode).toBe(400);
    expect((await asked(token, '/v1/holds')).statusCode).toBe(200);
    expect((await asked(token, '/v1/calls')).statusCode).toBe(429);
  });

  test('without the scope is counted, too', async () => {
    const narrow = await app.token(['holds:write']);
    const statuses: number[] = [];
    for (let n = 0; n <= limit; n++) statuses.push((await asked(narrow)).statusCode);
    expect(statuses).toEqual([403, 403, 403, 429]);
  });

  test('takes nothing from another', async () => {
    const [first, second] = [await app.token(), await app.token()];
    for (let n = 0; n < limit + 2; n++) await asked(first);
    expect((await asked(first)).statusCode).toBe(429);
    expect((await asked(second)).headers['ratelimit-remaining']).toBe(String(limit - 1));
  });
});

test('strangers, requests for tokens, the reference and the vendors are not counted', async () => {
  for (let n = 0; n < limit + 2; n++) {
    expect((await asked('nobody')).statusCode).toBe(401);
    expect((await app.http.inject({ method: 'GET', url: '/v1/openapi.json' })).statusCode).toBe(200);
    const token = await app.http.inject({
      method: 'POST',
      url: '/v1/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `grant_type=client_credentials&client_id=${app.client.clientId}&client_secret=${app.client.clientSecret}`,
    });
    expect(token.statusCode).toBe(200);
    expect(token.headers['ratelimit-limit']).toBeUndefined();
  }
  const token = await app.token();
  for (let n = 0; n < limit + 2; n++) {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await app.http.inject({ method: 'GET', url: '/sources/v1/recordingSettings', headers });
    expect([answer.statusCode, answer.headers['ratelimit-limit']]).toEqual([200, undefined]);
  }
});

test('without a limit nothing is told of one', async () => {
  const free = await startApp({ workers: 0, env: { TACET_RATE_LIMIT: '0' } });
  try {
    const headers = { authorization: `Bearer ${await free.token()}` };
    for (let n = 0; n < 20; n++) {
      const answer = await free.http.inject({ method: 'GET', url: '/v1/calls', headers });
      expect([answer.statusCode, answer.headers['ratelimit-limit']]).toEqual([200, undefined]);
    }
  } finally {
    await free.close();
  }
});
