/** Requests on Twin24's surface that are odd in their address, method, headers or rights rather than in what they say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/model/tenant.ts';
import { company, type TwinError, twinRefused } from '../support/bad-twin-scene.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { type RawAnswer, rawRequest, sendRaw } from '../support/raw-http.ts';
import { type TwinWire, twinGateways } from '../support/twin-wire.ts';
import type { TwinNamed } from '../support/twin24-routes.ts';

const { cis, iam, analyse } = twinGateways;

let app: TestApp;
let wire: TwinWire;
let named: TwinNamed;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  await app.listen();
  ({ wire, named } = await company(app));
});
afterAll(async () => await app.close());

/** One request as it stands, without a token unless one is given. */
async function ask(line: string, headers: readonly string[] = [], body = ''): Promise<TwinError> {
  return shown(await sendRaw(wire.origin, rawRequest(line, headers, body)));
}

function shown({ status, headers, body }: RawAnswer): TwinError {
  return { statusCode: status, headers: Object.fromEntries(headers), body: body.toString() };
}

const bearer = () => [`Authorization: Bearer ${wire.token}`];

describe('an id that does not decode', () => {
  const ids = ['100%', '%ff', '%zz', '%E0%A4%A', '%20%'];
  const at = (id: string) => [
    `POST ${cis}/calls/${id}/depersonalization`,
    `POST /api/v1/calls/${id}/depersonalization`,
    `POST http://archive.example//CIS//api/v1/calls/${id}/depersonalization?x=%zz`,
    `DELETE ${cis}/calls/${id}/record`,
    `POST ${cis}/telephony/autoCallCandidate/${id}/depersonalization`,
    `GET ${cis}/telephony/autoCall/${id}`,
    `GET ${iam}/users/${id}`,
  ];

  test('is an id like any other that is not there: 404', async () => {
    for (const line of ids.flatMap(at)) {
      twinRefused(await ask(line, bearer()), 404, /^No such (call|candidate|task|user)$/);
    }
  });

  test('tells nothing to whoever has no token', async () => {
    for (const line of ids.flatMap(at)) twinRefused(await ask(line), 401, /^The token is missing/);
  });

  test('opens no recording', async () => {
    twinRefused(await ask(`GET ${cis}/records/%ff.mp3`), 404, /^No such recording$/);
  });
});

describe('a Content-Type that is none', () => {
  const types = ['', 'json', 'application/json, application/json', 'application/json;', '; charset=utf-8', '/'];

  test.each(types)('(%j) is as if there were none', async (type) => {
    const header = `Content-Type: ${type}`;
    const login = JSON.stringify({ email: wire.user.email, password: wire.user.password });
    expect((await ask(`POST ${iam}/auth/login`, [header], login)).statusCode).toBe(200);
    const task = await ask(`POST ${cis}/telephony/autoCall`, [...bearer(), header], '{"name":"Survey"}');
    expect(task.statusCode, task.body).toBe(200);
    for (const body of ['', '{"skipDeleteRecord":true}']) {
      const callId = await wire.call();
      const line = `POST ${cis}/calls/${callId}/depersonalization`;
      expect((await ask(line, [...bearer(), header], body)).statusCode).toBe(200);
      expect(await wire.hasAudio(callId)).toBe(body !== '');
      expect((await ask(`DELETE ${cis}/calls/${callId}/record`, [...bearer(), header], '[]')).statusCode).toBe(200);
    }
    twinRefused(await ask(`POST ${cis}/nothing`, [...bearer(), header], '{}'), 404);
  });
});

describe('a method that a known address does not have', () => {
  const addresses = (): [address: string, allow: string][] => [
    [`${cis}/calls/${named.callId}/depersonalization`, 'POST'],
    [`/API//v1/calls/${named.callId}/record/?x=1`, 'DELETE'],
    [`http://archive.example${cis}/telephony/autoCall`, 'GET, POST'],
    [`${cis}/telephony/autoCallCandidate/batch`, 'POST'],
    [`${cis}/telephony/autoCallCandidate/${named.candidateId}`, 'GET'],
    [`${iam}/users/me`, 'GET'],
    [`${analyse}/search/cis/calls?id=${named.callId}`, 'GET'],
  ];

  test('is 405 with the methods that it has', async () => {
    for (const [address, allow] of addresses()) {
      for (const method of ['PUT', 'OPTIONS', 'PROPFIND']) {
        const answer = await ask(`${method} ${address}`, [...bearer(), 'Content-Type: application/json'], 'no JSON');
        twinRefused(answer, 405, /method/);
        expect([answer.headers['allow'], answer.headers['cache-control']]).toEqual([allow, 'no-store']);
      }
    }
  });

  test('is 401 without a good token, and nothing is said of the address', async () => {
    for (const [address] of addresses()) {
      const answer = await ask(`PUT ${address}`);
      twinRefused(answer, 401, /^The token is missing/);
      expect(answer.headers['allow']).toBeUndefined();
    }
  });

  test('is told without a token where no token is asked for', async () => {
    const login = await ask(`GET ${iam}/auth/login`);
    twinRefused(login, 405);
    expect(login.headers['allow']).toBe('POST');
    expect((await ask(`DELETE ${iam}/auth/refresh`)).headers['allow']).toBe('GET, POST');
    expect((await ask(`POST ${cis}/records/${named.link}`)).headers['allow']).toBe('GET, HEAD');
  });

  test('does not make an operation of the vendor that is not served here a known one', async () => {
    twinRefused(await ask(`POST ${cis}/telephony/autoCall/import`, bearer()), 404, /^Not found$/);
    twinRefused(await ask(`POST ${cis}/calls`, bearer()), 404, /^Not found$/);
  });
});

describe('an address in absolute form', () => {
  test('that is not there is answered in the form of the surface that it points at', async () => {
    for (const origin of ['http://archive.example', 'https://archive.example:8443', 'HTTP://a']) {
      twinRefused(await ask(`GET ${origin}${cis}/nothing`), 404, /^Not found$/);
    }
  });
});

test('what is no HTTP is refused with an error that the vendor\u2019s clients can read', async () => {
  for (const request of [
    'nonsense\r\n\r\n',
    `GET ${cis}/calls HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
  ]) {
    const { status, body } = await sendRaw(wire.origin, request);
    expect([400, 431]).toContain(status);
    expect(JSON.parse(body.toString())).toMatchObject({ error: expect.stringMatching(/^The /) });
  }
});

describe('a flag that stands twice in one object', () => {
  test.each([
    '{"skipDeleteRecord":true,"skipDeleteRecord":false}',
    '{"skipDeleteRecord":false,"skipDeleteRecord":true}',
    '{"skipDeleteRecord":true,"skipDeleteRecord":true}',
    '{"skipDeleteRecord":true,"x":{},"\\u0073kipDeleteRecord" : null}',
    '\ufeff{"a":"\\"","skipDeleteRecord":true,\n"skipDeleteRecord"\t:false}',
  ])('erases nothing: %s is 400', async (body) => {
    const { callId, candidateId } = named;
    for (const path of [`calls/${callId}`, `telephony/autoCallCandidate/${candidateId}`]) {
      const answer = await wire.post(`${cis}/${path}/depersonalization`, body);
      expect([answer.status, answer.json]).toEqual([400, { error: 'skipDeleteRecord must be given once' }]);
    }
    expect(await wire.hasAudio(callId)).toBe(true);
    expect(await wire.row(callId, 'phone')).toEqual({ phone: named.phone });
  });

  test('is once where it stands in a value, or deeper down', async () => {
    const callId = await wire.call();
    const body =
      '{"x":"skipDeleteRecord","skipDeleteRecord":true,"y":{"skipDeleteRecord":false},"z":["skipDeleteRecord"]}';
    expect(await wire.depersonalize(callId, body)).toBe(200);
    expect(await wire.hasAudio(callId)).toBe(true);
  });
});

describe('whoever has not the right', () => {
  test.each<[scope: Scope, line: () => string]>([
    ['erasures:execute', () => `POST ${cis}/calls/${named.callId}/depersonalization`],
    ['erasures:execute', () => `DELETE ${cis}/calls/${named.callId}/record`],
    ['erasures:execute', () => `POST /api/v1/telephony/autoCallCandidate/${named.candidateId}/depersonalization`],
    ['calls:write', () => `POST ${cis}/telephony/autoCall`],
    ['calls:write', () => `POST /api/v1/telephony/autoCallCandidate/batch`],
    ['calls:write', () => `POST ${cis}/telephony/autoCallCandidate/single`],
    ['calls:write', () => `POST ${cis}/telephony/autoCallCandidate/cancel`],
    ['calls:read', () => `GET ${analyse}/search/cis/calls?limit=no`],
  ])('(%s) is told so, whatever was sent', async (scope, line) => {
    const other: Scope = scope === 'calls:read' ? 'calls:write' : 'calls:read';
    const { token } = await wire.within([other, 'audit:read']);
    for (const body of ['{"name"', '[1]', '{}']) {
      const answer = await ask(line(), [`Authorization: Bearer ${token}`, 'Content-Type: application/json'], body);
      twinRefused(answer, 403, new RegExp(`^This needs the scope ${scope}$`));
    }
  });
});
