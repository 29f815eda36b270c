import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, disableClient, rotateClient } from '../../src/engine/access/clients.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { buildServer } from '../../src/http/server.ts';
import { post } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let aheadMs = 0;
const frozenAt = Date.now();

beforeAll(async () => {
  // Time moves only when a test says so, and then forward.
  app = await startApp({
    clock: { now: () => frozenAt + aheadMs },
    env: { TACET_TRUST_PROXY: '127.0.0.1' },
    workers: 0,
  });
});
afterAll(async () => await app.close());

const routes = ['/Token', '/v1/token'];
const formType = 'application/x-www-form-urlencoded';
type Form = string | Record<string, string>;

async function ask(url: string, form: Form, headers: Record<string, string> = {}) {
  const payload = typeof form === 'string' ? form : new URLSearchParams(form).toString();
  return await app.http.inject({ method: 'POST', url, headers: { 'content-type': formType, ...headers }, payload });
}

async function newClient() {
  return await createClient(app.engine, app.tenant, { scopes: ['calls:read'], actor: operator });
}

function grant({ clientId, clientSecret }: { clientId: string; clientSecret: string }) {
  return { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
}

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
const statusOf = async (token: string, spaces = ' ') =>
  await app.http.inject({
    method: 'POST',
    url: '/callCapture/v1/status',
    headers: { authorization: `Bearer${spaces}${token}` },
    payload: '{"callSessionIds":[]}',
  });

describe.each(routes)('%s', (url) => {
  test('gives a token that opens every surface, to be kept by nobody on the way', async () => {
    const answer = await ask(url, grant(app.client));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      pragma: 'no-cache',
    });
    const body = answer.json<{ access_token: string }>();
    expect(body).toStrictEqual({ access_token: expect.any(String), token_type: 'bearer', expires_in: 1799 });
    for (const spaces of [' ', '  ', '    ']) expect((await statusOf(body.access_token, spaces)).statusCode).toBe(200);
    const native = await app.http.inject({
      method: 'GET',
      url: '/v1/calls/01900000-0000-7000-8000-000000000000/recording',
      headers: { authorization: `bearer ${body.access_token}` },
    });
    expect(native.statusCode).toBe(404);
  });

  test('gives a new token each time, revokes none, and never tires of the right secret', async () => {
    const tokens = new Set<string>();
    for (let i = 0; i < 100; i += 1) {
      tokens.add((await ask(url, grant(app.client))).json<{ access_token: string }>().access_token);
    }
    expect(tokens.size).toBe(100);
    const [first = ''] = tokens;
    expect((await statusOf(first)).statusCode).toBe(200);
  });

  test('takes its path in any case, slashes doubled, and parameters in any order', async () => {
    const { clientId, clientSecret } = app.client;
    const form = `client_secret=${clientSecret}&scope=x&grant_type=client_credentials&client_id=${clientId}`;
    for (const path of [url.toUpperCase(), `/${url}`, `${url}/`, url.toLowerCase()]) {
      expect((await ask(path, form)).statusCode).toBe(200);
    }
    expect((await ask(url, form, { 'content-type': `${formType}; charset=utf-8` })).statusCode).toBe(200);
  });

  test('takes HTTP Basic too, its halves form-encoded, and a client_id that says the same', async () => {
    const secret = 'a:b %+\u00e9&=';
    const taken = { clientId: `own-${url.length}`, secret };
    await createClient(app.engine, app.tenant, { scopes: ['calls:read'], actor: operator, takeOver: taken });
    const encoded = encodeURIComponent(secret);
    const headers = { authorization: basic(taken.clientId, encoded) };
    expect((await ask(url, 'grant_type=client_credentials', headers)).statusCode).toBe(200);
    const named = `grant_type=client_credentials&client_id=${taken.clientId}`;
    expect((await ask(url, named, headers)).statusCode).toBe(200);
    const twice = await ask(url, grant({ clientId: taken.clientId, clientSecret: secret }), headers);
    expect([twice.statusCode, twice.json()]).toMatchObject([400, { error: 'invalid_request' }]);
    const other = await ask(url, `${named}x`, headers);
    expect([other.statusCode, other.json()]).toMatchObject([400, { error: 'invalid_request' }]);
  });

  test('refuses wrong, unknown, disabled, rotated and expired credentials in the same words', async () => {
    const disabled = await newClient();
    await disableClient(app.engine, app.tenant, disabled.clientId, operator);
    const rotated = await newClient();
    const renewed = await rotateClient(app.engine, app.tenant, rotated.clientId, operator);
    expect((await ask(url, grant(renewed))).statusCode).toBe(200);
    const expired = await newClient();
    aheadMs += 365 * 24 * 3_600_000;
    const answers = [
      await ask(url, grant({ ...renewed, clientSecret: 'wrong' })),
      await ask(url, grant({ clientId: 'nobody', clientSecret: 'wrong' })),
      await ask(url, grant({ clientId: '\u0000', clientSecret: '\u0000' })),
      await ask(url, grant(disabled)),
      await ask(url, grant(rotated)),
      await ask(url, grant(expired)),
      await ask(url, 'grant_type=client_credentials', { authorization: basic('nobody', '%') }),
      await ask(url, 'grant_type=client_credentials', { authorization: 'Basic ????' }),
    ];
    const seen = new Set(
      answers.map((answer) => `${answer.statusCode} ${answer.body} ${answer.headers['www-authenticate']}`),
    );
    expect([...seen]).toEqual(['401 {"error":"invalid_client"} Basic realm="tacet"']);
    app.client = await createClient(app.engine, app.tenant, { scopes: ['calls:read'], actor: operator });
  });

  test('refuses other grants, and bodies that are no form, with unsupported_grant_type', async () => {
    const json = JSON.stringify(grant(app.client));
    const answers = [
      await ask(url, { ...grant(app.client), grant_type: 'password' }),
      await ask(url, { ...grant(app.client), grant_type: '' }),
      await ask(url, json, { 'content-type': 'application/json' }),
      await ask(url, json, { 'content-type': 'text/plain' }),
      await app.http.inject({ method: 'POST', url }),
    ];
    for (const answer of answers) {
      expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'unsupported_grant_type' }]);
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });

  test('refuses missing and repeated parameters with invalid_request', async () => {
    const { clientId, clientSecret } = app.client;
    const whole = new URLSearchParams(grant(app.client)).toString();
    for (const form of [
      '',
      `client_id=${clientId}&client_secret=${clientSecret}`,
      `grant_type=client_credentials&client_secret=${clientSecret}`,
      `grant_type=client_credentials&client_id=${clientId}`,
      `${whole}&client_id=${clientId}`,
      `${whole}&grant_type=client_credentials`,
      '%zz=%',
    ]) {
      const answer = await ask(url, form);
      expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'invalid_request' }]);
      expect(answer.body).not.toContain(clientId);
    }
    const long = await ask(url, `${whole}&padding=${'a'.repeat(20_000)}`);
    expect([long.statusCode, long.json()]).toMatchObject([413, { error: 'invalid_request' }]);
  });
});

describe('failed logins', () => {
  test('are slowed with 429 and the time to wait, while the right client elsewhere is not', async () => {
    const client = await newClient();
    const from = (address: string, clientSecret = client.clientSecret) =>
      ask('/Token', grant({ ...client, clientSecret }), { 'x-forwarded-for': address });
    for (let i = 0; i < 3; i += 1) expect((await from('203.0.113.7', 'wrong')).statusCode).toBe(401);
    const slowed = await from('203.0.113.7');
    expect(slowed.statusCode).toBe(429);
    expect(slowed.json()).toEqual({ error: 'slow_down', error_description: expect.any(String) });
    expect(slowed.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect((await from('203.0.113.8')).statusCode).toBe(200);
    // Its secret is remembered now, so that it is let in even from the address of the failures.
    expect((await from('203.0.113.7')).statusCode).toBe(200);
    aheadMs += 1000;
    expect((await from('203.0.113.7', 'wrong')).statusCode).toBe(401);
  });

  test('count for the address of the connection where no proxy is trusted', async () => {
    const client = await newClient();
    const bare = buildServer(app.engine, { trustProxy: [], publicUrl: () => 'http://127.0.0.1' });
    const from = async (forwarded: string, clientSecret: string) =>
      await bare.inject({
        method: 'POST',
        url: '/Token',
        remoteAddress: '198.51.100.9',
        headers: { 'content-type': formType, 'x-forwarded-for': forwarded },
        payload: new URLSearchParams(grant({ ...client, clientSecret })).toString(),
      });
    for (let i = 0; i < 3; i += 1) expect((await from(`203.0.113.${i}`, 'wrong')).statusCode).toBe(401);
    expect((await from('203.0.113.99', client.clientSecret)).statusCode).toBe(429);
    await bare.close();
  });
});

describe('a token', () => {
  test('lives 1799 seconds to the millisecond', async () => {
    const token = await app.token(['calls:read']);
    const bornAheadMs = aheadMs;
    // Born at a whole second of its clock, which may lie up to a second back.
    aheadMs = bornAheadMs + 1_798_000;
    expect((await statusOf(token)).statusCode).toBe(200);
    aheadMs = bornAheadMs + 1_799_000;
    expect((await statusOf(token)).statusCode).toBe(401);
  });

  test('dies at once with its client', async () => {
    const client = await newClient();
    const { access_token: token } = (await ask('/Token', grant(client))).json<{ access_token: string }>();
    expect((await statusOf(token)).statusCode).toBe(200);
    await disableClient(app.engine, app.tenant, client.clientId, operator);
    expect((await statusOf(token)).statusCode).toBe(401);
  });

  test('and a secret are in no log line', async () => {
    const client = await newClient();
    const { access_token: token } = (await ask('/Token', grant(client))).json<{ access_token: string }>();
    await post(app, token, '/purge/v1/calls', { ids: [] });
    const logged = app.logged.join('\n');
    for (const secret of [token, client.clientSecret, app.client.clientSecret]) expect(logged).not.toContain(secret);
  });
});
