/**
 * Text that PostgreSQL takes into no column (NUL, half a character), that ends where it should not, or that is far too long, at
 * every place where a surface takes text: whatever it is answered, nothing breaks.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isJsonObject } from '../../src/http/json-in.ts';
import { openapiOf, operationsIn } from '../../src/http/native/openapi.ts';
import { operations } from '../../src/http/native/operations.ts';
import { company } from '../support/bad-twin-scene.ts';
import { ask as askCreovai, goodRequest } from '../support/creovai-asking.ts';
import { namedBy } from '../support/creovai-bodies.ts';
import { creovaiRoutes } from '../support/creovai-routes.ts';
import { type FuzzScene, startFuzzScene } from '../support/fuzz-scene.ts';
import { goodTwinRequest, type TwinNamed, twinRoutes } from '../support/twin24-routes.ts';

const nobody = '0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708';
const long = '9'.repeat(3000);
/** As they stand in JSON. */
const texts = ['a\0b', `${nobody}\0`, '\ud800', '\uffff', long];
/** As they stand in an address: encoded, encoded twice, and such as is no UTF-8. */
const encodedTexts = ['999999999999999', 'a%00b', `${nobody}%00`, '%2500', '%ED%A0%80', '%EF%BF%BF', '%FF', '%', long];

let scene: FuzzScene;
let named: TwinNamed;
let twinToken: string;

beforeAll(async () => {
  scene = await startFuzzScene({ env: { TACET_RATE_LIMIT: '0' } });
  await scene.app.listen();
  const made = await company(scene.app);
  named = made.named;
  twinToken = made.wire.token;
}, 120_000);
afterAll(async () => await scene.close(), 60_000);

type Sent = { method: string; url: string; headers?: Record<string, string>; payload?: string; token?: string };

/** Each time from elsewhere, so that nobody has failed too often to be answered. */
let sent = 0;

async function send({ method, url, headers = {}, payload, token = scene.token }: Sent) {
  sent += 1;
  const remoteAddress = `10.0.${sent >> 8}.${sent & 255}`;
  const all = { authorization: `Bearer ${token}`, ...headers };
  const asked = {
    method: method as 'GET',
    url,
    headers: all,
    remoteAddress,
    ...(payload !== undefined && { payload }),
  };
  return await scene.app.http.inject(asked);
}

function expectWhole(answer: { statusCode: number; body: string }, where: string): void {
  expect(answer.statusCode, `${where} ${answer.body.slice(0, 200)}`).toBeLessThan(500);
}

/** The same JSON with one text in it replaced: each text in turn. */
function* withText(value: unknown, text: string): Generator<unknown> {
  if (typeof value === 'string') yield text;
  if (Array.isArray(value)) {
    for (const [at, one] of value.entries()) for (const odd of withText(one, text)) yield value.with(at, odd);
  } else if (isJsonObject(value)) {
    for (const [name, one] of Object.entries(value)) {
      for (const odd of withText(one, text)) yield { ...value, [name]: odd };
    }
  }
}

describe('the native API', () => {
  const listed = operationsIn(openapiOf(operations));

  test.each(listed.filter(({ path }) => path.includes('{')))(
    '$method $path knows nobody of such a name',
    async (one) => {
      for (const id of encodedTexts) {
        const url = one.path.replace(/\{\w+\}/, id);
        const answer = await send({ method: one.method, url, ...(one.method !== 'GET' && { payload: '' }) });
        expectWhole(answer, url.slice(0, 100));
        expect([400, 404, 415], `${url.slice(0, 100)} ${answer.body}`).toContain(answer.statusCode);
        if (one.method !== 'GET') continue;
        expect(answer.statusCode, url.slice(0, 100)).toBe(404);
        const waits = one.operation.parameters?.some((of) => 'name' in of && of.name === 'wait');
        if (waits) expect((await send({ method: 'GET', url: `${url}?wait=1` })).statusCode).toBe(404);
      }
    },
  );

  const queried = listed.flatMap(({ method, path, operation }) =>
    (operation.parameters ?? []).flatMap((of) =>
      '$ref' in of || of.in !== 'query' ? [] : [{ method, path, name: of.name }],
    ),
  );
  test.each(queried)('$method $path refuses it as $name', async ({ method, path, name }) => {
    const [, noun = ''] = /^\/v1\/(\w+)/.exec(path) ?? [];
    const [, ids] = Object.entries(scene.own).find(([one]) => one === noun) ?? [];
    const url = path.replace('{id}', Array.isArray(ids) ? String(ids[0]) : nobody);
    for (const text of ['a%00b', `${nobody}%00`, '%00']) {
      const asked = { method, url: `${url}?${name}=${text}`, ...(method !== 'GET' && { payload: '{}' }) };
      const answer = await send({ ...asked, headers: { 'content-type': 'application/json' } });
      expect(answer.statusCode, `${asked.url} ${answer.body}`).toBe(400);
      expect(answer.json()).toMatchObject({ code: 'input_invalid' });
    }
    for (const text of encodedTexts) expectWhole(await send({ method, url: `${url}?${name}=${text}` }), name);
  });

  test('reads it in no header that it goes by', async () => {
    const [call, erasure] = [scene.own.calls[5], scene.own.erasures[0]];
    for (const odd of ['\x80', '\xff', 'a b', long, `"${long}"`]) {
      const headers = { range: odd, 'if-none-match': odd, accept: odd, 'last-event-id': odd };
      for (const url of [`/v1/calls/${call}/recording`, `/v1/erasures/${erasure}/events`, '/v1/audit', '/v1/docs']) {
        expectWhole(await send({ method: 'GET', url, headers }), url);
      }
      const keyed = { 'idempotency-key': odd, 'content-type': 'application/json' };
      const client = await send({
        method: 'POST',
        url: '/v1/clients',
        headers: keyed,
        payload: '{"scopes":["admin"]}',
      });
      expect(client.statusCode).toBe(400);
      expectWhole(await send({ method: 'GET', url: '/v1/calls', token: odd }), 'authorization');
    }
  });
});

describe('a token', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const grant = 'grant_type=client_credentials';

  test.each(['/v1/token', '/Token'])('is given to no such client at %s', async (url) => {
    for (const text of encodedTexts.filter((one) => one !== '%')) {
      const headers = { ...form, authorization: '' };
      const named = { method: 'POST', url, headers, payload: `${grant}&client_id=${text}&client_secret=${text}` };
      const answer = await send(named);
      expect([answer.statusCode, answer.json()], text.slice(0, 40)).toEqual([401, { error: 'invalid_client' }]);
    }
    for (const text of texts) {
      const basic = Buffer.from(`${text}:${text}`).toString('base64');
      const answer = await send({
        method: 'POST',
        url,
        headers: { ...form, authorization: `Basic ${basic}` },
        payload: grant,
      });
      expect([answer.statusCode, answer.json()]).toEqual([401, { error: 'invalid_client' }]);
    }
  });

  test('is given to no such user', async () => {
    for (const text of texts) {
      for (const [email, password] of [
        [text, 'x'],
        [`${text}@example.com`, 'x'],
        ['u0-other@example.com', text],
      ]) {
        const payload = JSON.stringify({ email, password });
        const answer = await send({ method: 'POST', url: '/iam/api/v1/auth/login', payload });
        expect(answer.statusCode, answer.body).toBe(401);
      }
    }
  });
});

describe.each(creovaiRoutes)('Creovai $method $pattern', (route) => {
  test('does not break of it', async () => {
    const good = goodRequest(route, namedBy('odd', scene.own.calls[7] ?? '', '+15125550199'));
    if (/[:*]/.test(route.pattern)) {
      for (const text of encodedTexts) {
        const { pattern } = route;
        const url = pattern.replace(/:\w+|\*/, text);
        expectWhole(await askCreovai(scene.app, route, scene.token, { ...good, address: url }), url.slice(0, 99));
      }
    }
    if (good.text === undefined) return;
    for (const text of texts) {
      for (const body of withText(JSON.parse(String(good.text)), text)) {
        const answer = await askCreovai(scene.app, route, scene.token, { ...good, text: JSON.stringify(body) });
        expectWhole(answer, JSON.stringify(body).slice(0, 300));
      }
    }
  }, 60_000);
});

describe.each(twinRoutes)('Twin24 $method $pattern', (route) => {
  test('does not break of it', async () => {
    const good = goodTwinRequest(route, named);
    const ask = async (url: string, payload = good.text?.toString()) =>
      await send({ method: route.method, url, token: twinToken, ...(payload !== undefined && { payload }) });
    for (const text of encodedTexts) {
      if (route.pattern.includes(':')) {
        const [, name = ''] = /:(\w+)/.exec(route.pattern) ?? [];
        const held = Object.entries(named).find(([of]) => of === name)?.[1] ?? '';
        expect(good.address).toContain(held);
        expectWhole(await ask(good.address.replace(held, text)), good.address);
      }
      for (const name of queryNames) {
        const join = good.address.includes('?') ? '&' : '?';
        expectWhole(await ask(`${good.address}${join}${name}=${text}`), `${good.address} ${name}`);
      }
    }
    if (good.text === undefined) return;
    for (const text of texts) {
      for (const body of withText(JSON.parse(String(good.text)), text)) {
        expectWhole(await ask(good.address, JSON.stringify(body)), JSON.stringify(body).slice(0, 300));
      }
    }
  }, 60_000);
});

/** Whatever some list of the vendor's is narrowed by. */
const queryNames = [
  ...['id', 'taskId', 'autoCallId', 'autoCallCandidateId', 'botId', 'status', 'currentStatusName', 'type', 'phone'],
  ...['number', 'clientExternalId', 'keyword', 'userId', 'roles', 'sort', 'fields', 'refreshToken', 'from', 'botName'],
];
