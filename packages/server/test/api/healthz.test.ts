import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
});
afterAll(async () => await app.close());

describe('health', () => {
  test.each([
    ['/healthz', 'ok'],
    ['/readyz', 'ready'],
  ])('%s says %s, without a token', async (url, status) => {
    const answer = await app.http.inject({ method: 'GET', url });
    expect([answer.statusCode, answer.json()]).toEqual([200, { status }]);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const head = await app.http.inject({ method: 'HEAD', url });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });
});

describe('the access log', () => {
  test('has one line per request: pattern, status, time; nothing of path, query or body', async () => {
    const from = app.logged.length;
    const payload = '{"phoneNumber":"+15125550142"}';
    const headers = { authorization: `Bearer ${await app.token()}` };
    const before = app.logged.length;
    await app.http.inject({
      method: 'POST',
      url: '/PURGE//v1/calls/customer?whatIf=true&a=5125550142',
      headers,
      payload,
    });
    await app.http.inject({ method: 'GET', url: '/v1/calls/5125550142/recording', headers });
    await app.http.inject({ method: 'GET', url: '/v1/calls/%zz/recording?n=5125550142' });
    await app.http.inject({ method: 'GET', url: '/purge/%zz?n=5125550142' });
    await app.http.inject({ method: 'GET', url: '/5125550142?n=5125550142' });
    const lines = app.logged.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>);
    const ms = expect.any(Number);
    expect(lines.filter(({ event }) => event === 'http')).toEqual([
      { event: 'http', method: 'POST', route: '/purge/v1/calls/customer', status: 200, ms },
      { event: 'http', method: 'GET', route: '/v1/calls/:id/recording', status: 404, ms },
      { event: 'http', method: 'GET', route: '/v1/calls/:id/recording', status: 401, ms },
      { event: 'http', method: 'GET', route: 'unmatched', status: 400, ms },
      { event: 'http', method: 'GET', route: 'unmatched', status: 404, ms },
    ]);
    expect(app.logged.slice(from).join('\n')).not.toContain('5125550142');
  });
});
