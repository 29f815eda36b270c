/** However the address of a surface is written, what the router takes there has that surface's headers, limits and errors. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask as askRaw, type BoundedAnswer } from '../support/bounded-http.ts';
import { startApp, type TestApp } from '../support/harness.ts';

const origin = 'https://console.example.com';
let app: TestApp;
let token: string;
/** Addresses go over the wire as they stand here: what makes requests without one would put them in order first. */
let server: string;

beforeAll(async () => {
  app = await startApp({ workers: 0, env: { TACET_CORS_ORIGINS: origin, TACET_RATE_LIMIT: '1000' } });
  token = await app.token();
  server = await app.listen();
});
afterAll(async () => await app.close());

async function ask(method: 'GET' | 'DELETE', path: string, isStranger = false): Promise<BoundedAnswer> {
  const headers = { origin, ...(!isStranger && { authorization: `Bearer ${token}` }) };
  return await askRaw({ origin: server, method, path, headers });
}

type Form = 'problem' | 'error' | 'message' | 'page';

/** How errors of a surface look. */
function formOf({ headers, body }: BoundedAnswer): Form {
  const type = String(headers['content-type']);
  if (type.startsWith('text/html')) return 'page';
  if (type === 'application/problem+json') return 'problem';
  const names = Object.keys(JSON.parse(body.toString()) as object);
  return names.length === 1 && names[0] === 'error' ? 'error' : 'message';
}

const secured = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };

describe('the native API', () => {
  const spelled = [
    '/v1/calls',
    '/%761/calls',
    '/%76%31/calls',
    '/V1/Calls',
    '//v1//calls/',
    '/%561/%63alls',
    '/v1/calls#',
  ];
  test.each([...spelled, 'http://archive.example/%76%31/calls'])('answers at %s as at /v1/calls', async (url) => {
    const answer = await ask('GET', url);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ ...secured, 'access-control-allow-origin': origin });
    expect(answer.headers['ratelimit-limit']).toBe('1000');
    const stranger = await ask('GET', url, true);
    expect([stranger.status, formOf(stranger)]).toEqual([401, 'problem']);
    expect(stranger.headers).toMatchObject(secured);
    const other = await ask('DELETE', url);
    expect([other.status, other.headers['allow'], formOf(other)]).toEqual([405, 'GET, POST', 'problem']);
  });

  test.each(['/%761/nothing', '/%76%31/100%', '/v1/%', '/V1/%E0%A4', '/%76%31', '/v1/calls;x', '/v1/%2576'])(
    'refuses %s in its own words',
    async (url) => {
      const answer = await ask('GET', url);
      expect([answer.status, formOf(answer)]).toEqual([404, 'problem']);
      expect(answer.headers).toMatchObject(secured);
    },
  );

  test.each(['/v1/calls/100%', '/%76%31/calls/100%'])('takes %s for an id that nobody knows', async (url) => {
    const answer = await ask('GET', url);
    const { code } = JSON.parse(answer.body.toString()) as { code: string };
    expect([answer.status, code]).toEqual([404, 'call_not_found']);
  });

  test.each([
    ['/v1/calls/nobody', 'GET, PATCH'],
    ['/v1/calls/a%2Fb', 'GET, PATCH'],
    ['/%76%31/Calls/nobody/Recording', 'GET, HEAD, PUT'],
    ['/v1/erasures/nobody/%65xecute', 'POST'],
    ['/v1/retention/nothing', 'DELETE, PUT'],
  ])('tells at %s which methods there are, whatever stands for the id', async (url, allow) => {
    const method = allow.includes('DELETE') ? 'GET' : 'DELETE';
    const answer = await ask(method, url);
    expect([answer.status, answer.headers['allow'], formOf(answer)]).toEqual([405, allow, 'problem']);
    const stranger = await ask(method, url, true);
    expect([stranger.status, stranger.headers['allow']]).toEqual([401, undefined]);
  });
});

describe('what the router takes nowhere is not the native API:', () => {
  test.each([
    '/v1;x/calls',
    '/v1./calls',
    '/%2576%2531/calls',
    '/v1%2Fcalls',
    '/%2Fv1/calls',
    '/v1%20/calls',
    '/x/../v1/calls',
    '/x/%2e%2e/v1/calls',
    '/v1\\calls',
  ])('%s', async (url) => {
    const answer = await ask('GET', url);
    expect([answer.status, formOf(answer), answer.headers['ratelimit-limit']]).toEqual([404, 'message', undefined]);
  });
});

describe('every other surface has its errors wherever the router finds it:', () => {
  test.each<[url: string, status: number, form: Form]>([
    ['/.well-known/nothing', 404, 'problem'],
    ['/%2Ewell-known/nothing', 404, 'problem'],
    ['/.WELL-%4Bnown//nothing', 404, 'problem'],
    ['/.well-known./jwks.json', 404, 'message'],
    ['/cis/api/v1/nothing', 404, 'error'],
    ['/%63is/api/v1/nothing', 404, 'error'],
    ['//CI%53//api/v1/nothing', 404, 'error'],
    ['/%69am/api/v1/users/100%', 404, 'error'],
    ['/%61pi/v1/nothing', 404, 'error'],
    ['/api;x/v1/nothing', 404, 'message'],
    ['/share/nobody', 404, 'page'],
    ['/%73hare/nobody', 404, 'page'],
    ['/SHAR%45/nobody/nothing', 404, 'page'],
    ['/nothing', 404, 'message'],
    ['/%6Eothing', 404, 'message'],
    ['/%69nteractions/v2/nobody', 404, 'message'],
  ])('%s is %i as %s', async (url, status, form) => {
    const answer = await ask('GET', url);
    expect([answer.status, formOf(answer)]).toEqual([status, form]);
  });

  test('the keys of receipts have their headers however they are asked for', async () => {
    for (const url of ['/.well-known/jwks.json', '/%2ewell-known/jwks%2Ejson']) {
      const answer = await ask('GET', url, true);
      expect([answer.status, answer.headers['x-content-type-options']]).toEqual([200, 'nosniff']);
    }
  });
});
