/** Values at the ends of what can be said: years beyond four digits, numbers longer than any. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let token: string;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  token = await app.token();
});
afterAll(async () => await app.close());

async function send(method: 'GET' | 'POST', url: string, payload?: object) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await app.http.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

describe('a time out of the years 0000 to 9999 of UTC is refused', () => {
  const outside = [
    '9999-12-31T23:59:59-00:01',
    '9999-12-31T23:59:59.999-23:59',
    '0000-01-01T00:00:00+00:01',
    '+010000-01-01T00:00:00Z',
    '-000001-12-31T23:59:59Z',
    '10000-01-01T00:00:00Z',
  ];
  const subject = { phones: ['+15125550142'] };
  const startedAt = '2026-01-02T03:04:05Z';
  const asked: Readonly<Record<string, (time: string) => ReturnType<typeof send>>> = {
    'the end of a hold': async (to) => await send('POST', '/v1/holds', { subject: { to }, reason: 'Claim' }),
    'the start of a hold': async (from) => await send('POST', '/v1/holds', { subject: { from }, reason: 'Claim' }),
    'the review of a hold': async (reviewAt) => await send('POST', '/v1/holds', { subject, reason: 'Claim', reviewAt }),
    'the start of a call': async (startedAt) => await send('POST', '/v1/calls', { startedAt }),
    'the retention of a call': async (retainUntil) => await send('POST', '/v1/calls', { startedAt, retainUntil }),
    'the start of a list of calls': async (time) => await send('GET', `/v1/calls?from=${encodeURIComponent(time)}`),
    'the end of a list of calls': async (time) => await send('GET', `/v1/calls?to=${encodeURIComponent(time)}`),
    'the start of a list of the audit': async (time) => await send('GET', `/v1/audit?from=${encodeURIComponent(time)}`),
    'the end of an export': async (time) => await send('GET', `/v1/audit/export?to=${encodeURIComponent(time)}`),
  };

  test.each(Object.keys(asked))('as %s', async (name) => {
    for (const time of outside) {
      const { status, body } = (await asked[name]?.(time)) ?? {};
      expect([status, body?.['code']], time).toEqual([400, 'input_invalid']);
      expect(JSON.stringify(body)).not.toContain(time);
    }
  });

  test('and what lies within them is taken, and told as it was', async () => {
    for (const [to, told] of [
      ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
      ['9999-12-31T23:59:59+00:01', '9999-12-31T23:58:59.000Z'],
    ]) {
      const made = await send('POST', '/v1/holds', { subject: { ...subject, to }, reason: 'Claim', reviewAt: to });
      expect(made.status).toBe(201);
      const { body } = await send('GET', `/v1/holds/${String(made.body['id'])}`);
      expect(body['reviewAt']).toBe(told);
    }
  });
});

describe('a number longer than any call may have', () => {
  const digits = '5125550142'.repeat(6);
  const long = [`+1${digits}777`, `${digits} ${digits}`, '9'.repeat(512), `+15125550142${' '.repeat(60)}`];

  test('is not understood in a plan, and fails nothing beside it', async () => {
    const phones = ['(512) 555-0142', ...long, `${digits}1234`];
    const { status, body } = await send('POST', '/v1/erasures', { action: 'purge', subject: { phones } });
    expect(status).toBe(201);
    expect(body['identifiers']).toEqual([
      { given: phones[0], kind: 'phone', understoodAs: '+15125550142', items: 0 },
      ...long.map((given) => ({ given, kind: 'phone', understoodAs: null, items: 0 })),
      { given: `${digits}1234`, kind: 'phone', understoodAs: `${digits}1234`, items: 0 },
    ]);
  });
});

test('a body under a Content-Encoding is refused, and nothing of it is kept', async () => {
  const { reads } = app.engine.store;
  const before = (await reads.calls.page('', 100)).length;
  for (const [type, coding] of [
    ['application/json', 'gzip'],
    ['application/json', 'br, gzip'],
    ['audio/wav', 'gzip'],
  ]) {
    const headers = { authorization: `Bearer ${token}`, 'content-type': type, 'content-encoding': coding };
    const payload = gzipSync('{"startedAt":"2026-01-02T03:04:05Z"}');
    const answer = await app.http.inject({ method: 'POST', url: '/v1/calls', headers, payload });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([415, 'media_type_unsupported']);
    expect(answer.headers['accept-encoding']).toBe('identity');
  }
  expect(await reads.calls.page('', 100)).toHaveLength(before);
  const headers = { authorization: `Bearer ${token}`, 'content-encoding': 'identity' };
  const payload = { startedAt: '2026-01-02T03:04:05Z' };
  expect((await app.http.inject({ method: 'POST', url: '/v1/calls', headers, payload })).statusCode).toBe(201);
});
