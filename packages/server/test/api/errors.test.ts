import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendCreovaiError } from '../../src/http/creovai/errors.ts';
import { sendProblem } from '../../src/http/native/errors.ts';
import { buildServer } from '../../src/http/server.ts';
import { AppError, Bug, errorCodes } from '../../src/model/errors.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let server: ReturnType<typeof buildServer>;
let thrown: unknown;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  server = buildServer(app.engine, { trustProxy: [], publicUrl: () => 'http://127.0.0.1' });
  server.get('/fails/creovai', (request, reply) => sendCreovaiError(app.engine, thrown, request, reply));
  server.get('/fails/native', (request, reply) => sendProblem(app.engine, thrown, request, reply));
});
afterAll(async () => {
  await server.close();
  await app.close();
});

describe('every error has an answer in the form of its surface', () => {
  test.each(errorCodes)('%s', async (code) => {
    thrown = new AppError(code, { message: 'words for the caller', detail: 'words for operators' });
    const vendor = await server.inject({ method: 'GET', url: '/fails/creovai' });
    expect(vendor.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(vendor.json()).toEqual({ message: 'words for the caller' });
    const native = await server.inject({ method: 'GET', url: '/fails/native' });
    expect(native.headers['content-type']).toBe('application/problem+json');
    expect(native.json()).toMatchObject({ type: `urn:tacet:error:${code}`, status: native.statusCode, code });
    for (const { statusCode, headers, body } of [vendor, native]) {
      expect(statusCode).toBeGreaterThanOrEqual(400);
      expect(body).not.toContain('operators');
      expect(headers['retry-after'] !== undefined).toBe(statusCode === 503 || statusCode === 429);
      expect(headers['www-authenticate']).toBe(statusCode === 401 ? 'Bearer' : undefined);
    }
  });

  test.each([
    new Bug('a broken invariant'),
    new TypeError('quotes +15125550142'),
    'quotes +15125550142',
    null,
    undefined,
    { statusCode: 'odd' },
    Object.assign(new Error('quotes +15125550142'), { statusCode: 200 }),
  ])('anything else is a 500 in our words: %s', async (error) => {
    thrown = error;
    for (const surface of ['creovai', 'native']) {
      const answer = await server.inject({ method: 'GET', url: `/fails/${surface}` });
      expect(answer.statusCode).toBe(500);
      expect(answer.json<{ message?: string; title?: string }>()).toMatchObject(
        surface === 'creovai' ? { message: 'Something broke on our side' } : { title: 'Something broke on our side' },
      );
    }
    expect(app.logged.join('\n')).not.toContain('5125550142');
    expect(app.logged.at(-2)).toContain('http.failed');
  });
});
