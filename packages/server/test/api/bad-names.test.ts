import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  endScene,
  expectUntouched,
  marked,
  refused,
  refusedAt,
  type Scene,
  startScene,
} from '../support/bad-input-scene.ts';
import { wrongWord } from '../support/bad-values.ts';
import { type Answer, ask, goodRequest } from '../support/creovai-asking.ts';
import { type Named, namedBy } from '../support/creovai-bodies.ts';
import { creovaiRoutes } from '../support/creovai-routes.ts';
import { CreovaiWire } from '../support/creovai-wire.ts';
import { expectDead, visit } from '../support/guest.ts';
import { startApp } from '../support/harness.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterEach(async () => await expectUntouched(scene));
afterAll(async () => await endScene(scene));

/** Names that every object answers to, paths, patterns and statements that could mean something to somebody. */
const tricks = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  '..\\..\\',
  '%2e%2e%2f',
  '/',
  '.',
  '*',
  '%',
  "' or 1=1 --",
  '#{7*7}',
  'a\r\nb: c',
  '\u202e\u{1f512}\u0301',
];
const namedAs = (name: string): Named => ({ ...namedBy(name, name, '999'), session: name, master: name, case: name });

const isOf = (pattern: RegExp) => creovaiRoutes.filter((route) => route.body && pattern.test(route.pattern));
const byIds = isOf(/(status|exclude|purge|calls|sessions)$/);
const shares = isOf(/token$/);
const customers = isOf(/customer$/);

test.each(isOf(/./))('$pattern takes nothing from a prototype', async (route) => {
  const { address, text = '' } = goodRequest(route, scene.named);
  for (const body of [`{"__proto__": ${text}}`, `{"constructor": {"prototype": ${text}}}`, `{"prototype": ${text}}`]) {
    await refusedAt(scene, route, { address, text: body }, 400);
  }
  const names = ['ids', 'sessionId', 'phoneNumber', 'whatIf', 'callId'];
  expect(names.filter((name) => Object.hasOwn(Object.prototype, name))).toEqual([]);
});

test.each([...byIds, ...shares, ...customers])('$pattern finds nothing by a name that attacks', async (route) => {
  for (const trick of [...tricks, scene.callId.toUpperCase()]) {
    const answer = await ask(scene.app, route, scene.token, goodRequest(route, namedAs(trick)));
    if (shares.includes(route)) refused(answer, 404, /^No such call$/);
    else if (customers.includes(route)) expect([answer.statusCode, answer.body]).toEqual([200, '{"items":[]}']);
    else expectUnknown(answer, trick);
  }
});

test.each(isOf(/^(?!.*(customer|monitor)$)/))('$pattern refuses an id of a mebibyte', async (route) => {
  const asked = goodRequest(route, { ...scene.named, ...namedAs(wrongWord.padEnd(1024 * 1024, 'x')) });
  const isText = /chat|case/i.test(route.pattern) && route.archives === true;
  await refusedAt(scene, route, asked, isText ? 400 : 413);
});

test.each(byIds)('$pattern takes an id of almost a mebibyte, and knows none', async (route) => {
  const long = 'x'.repeat(500_000);
  expectUnknown(await ask(scene.app, route, scene.token, goodRequest(route, namedAs(long))), long);
});

/** Every item is the client's own id, and nothing else. */
function expectUnknown({ statusCode, body }: Answer, id: string): void {
  expect(statusCode, body.slice(0, 200)).toBe(200);
  const answer = JSON.parse(body) as Record<string, Record<string, unknown>[]>;
  const [items = []] = Object.values(answer);
  expect(items).toHaveLength(2);
  for (const item of items) {
    expect(item['status']).toBe('NotFound');
    expect(Object.values(item).filter((value) => value !== null && value !== 'NotFound')).toEqual([id]);
  }
}

describe('an id in a path', () => {
  const bearer = () => [`Authorization: Bearer ${scene.token}`];
  const callPaths = ['/interactions/v2/', '/Interactions/v2//'];
  const sessionPaths = ['/capture/v2/status/', '/callCapture/v1/status/'];

  async function get(target: string) {
    const answer = await sendRaw(scene.origin, rawRequest(`GET ${target}`, bearer()));
    return { statusCode: answer.status, headers: Object.fromEntries(answer.headers), body: answer.body.toString() };
  }

  test('of a call is unknown however it is malformed', async () => {
    const { callId } = scene;
    const ids = ['..', '%00', `${callId}%00`, callId.toUpperCase(), `%20${callId}`, `${callId}&isflow=false`];
    for (const id of [...ids, ...tricks.map(encodeURIComponent), 'x'.repeat(9000)]) {
      for (const path of callPaths) {
        refused(await get(`${path}${id}`), 404);
        refused(await get(`${path}${id}/audio.mp3`), 404);
      }
    }
    for (const id of ['%zz', '%E0%A4%A', '%ED%A0%80', '%'])
      refused(await get(`/interactions/v2/${id}`), 400, /URL is malformed/);
  });

  test('of a session is unknown, and given back as it was understood', async () => {
    for (const trick of tricks) {
      for (const path of sessionPaths) {
        const { statusCode, body } = await get(`${path}${encodeURIComponent(trick)}`);
        expect(statusCode, body).toBe(200);
        expect(JSON.parse(body)).toMatchObject({ status: 'NotFound', sessionId: trick });
      }
    }
    for (const path of sessionPaths) {
      for (const id of [`${wrongWord}%`, '%zz', '%E0%A4%A', '%ED%A0%80', '%20%', 'a/%/b']) {
        const { statusCode, body } = await get(`${path}${id}`);
        expect(statusCode, body).toBe(200);
        expect(JSON.parse(body)).toMatchObject({ status: 'NotFound', sessionId: id });
      }
      refused(await get(`${path}${wrongWord}%00`), 400, /session id must not hold NUL/);
    }
  });

  test('of a mebibyte is too long for a header, and harms nobody', async () => {
    for (const path of [...callPaths, ...sessionPaths, '/share/']) {
      const connection = new RawConnection(scene.origin);
      await connection.send(rawRequest(`GET ${path}${wrongWord.padEnd(1024 * 1024, 'x')}`, bearer()));
      const answer = await connection.answer();
      expect([answer.status, answer.body.toString()]).toEqual([
        431,
        '{"error":"The headers are too long","message":"The headers are too long"}',
      ]);
      connection.close();
    }
  });
});

test('prototype-polluting keys of a query are keys like any other', async () => {
  for (const route of creovaiRoutes.filter(({ pattern }) => pattern.endsWith('/customer'))) {
    const { address, text = '' } = goodRequest(route, namedAs('nobody'));
    const asked = { address: `${address}?__proto__[whatIf]=true&constructor=1&whatIf=true`, text };
    expect((await ask(scene.app, route, scene.token, asked)).body).toBe('{"items":[]}');
  }
  expect(Object.hasOwn(Object.prototype, 'whatIf')).toBe(false);
});

test('URLs that cannot be decoded, or name nothing, are answered in JSON', async () => {
  const paths = ['/%zz', '/purge/v1/%E0%A4%A', '/interactions/v2/purge/%zz', `/nothing/${marked.digits}`, '/%00'];
  for (const path of [...paths, '/purge/v1/calls/../x', '/interactions', '/capture/v2', '/capture/v3/call']) {
    const answer = await sendRaw(scene.origin, rawRequest(`POST ${path}`, [`Authorization: Bearer ${scene.token}`]));
    expect([400, 404]).toContain(answer.status);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(JSON.parse(answer.body.toString())).toEqual({ message: expect.any(String) });
    expect(answer.body.toString()).not.toContain(marked.digits);
  }
  const bearer = [`Authorization: Bearer ${scene.token}`];
  const native = await sendRaw(scene.origin, rawRequest('GET /v1/calls/%zz/recording', bearer));
  expect([native.status, native.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
});

test('a Content-Type that is none is refused where it matters and ignored where it does not', async () => {
  const headers = { authorization: `Bearer ${scene.token}`, 'content-type': ';;' };
  const payload = JSON.stringify({ ids: [] });
  for (const url of ['/purge/v1/calls', '/interactions/v2/purge']) {
    refused(await scene.app.http.inject({ method: 'POST', url, headers, payload }), 400);
    const unlabelled = { ...headers, 'content-type': 'text/plain' };
    const answer = await scene.app.http.inject({ method: 'POST', url, headers: unlabelled, payload });
    expect(answer.json()).toEqual({ items: [] });
  }
});

describe('a share link', () => {
  test('that is malformed is the same page as any that opens nothing', async () => {
    for (const trick of [...tricks.map(encodeURIComponent), '%00', '%zz', 'a.b.c', 'x'.repeat(9000), scene.callId]) {
      for (const rest of ['', '/audio', '/audio/more', '?x=1']) {
        const answer = await visit(`${scene.origin}/share/${trick}${rest}`);
        expectDead(answer);
        for (const mark of Object.values(marked)) expect(answer.text).not.toContain(mark);
      }
    }
  });

  test('is a page to look at, whatever is sent to it', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      for (const rest of ['', '/audio']) {
        expectDead(await visit(`${scene.origin}/share/x${rest}`, { method, body: `{"${wrongWord}` }));
      }
    }
    const large = Buffer.alloc(10 * 1024 * 1024, wrongWord);
    expectDead(await visit(`${scene.origin}/share/x`, { method: 'POST', body: large }));
  });
});

test('a call may be named by what every object answers to, and keeps it to the letter', async () => {
  const own = await startApp();
  try {
    await own.listen();
    const wire = await CreovaiWire.start(own);
    for (const name of ['__proto__', 'constructor', 'prototype', 'toString']) {
      const metadata = JSON.parse(`{"${name}": {"${name}": ["__proto__"]}, "hasOwnProperty": null}`) as object;
      const ids = { masterCallId: name, caseReferenceId: name, collectionId: name };
      const callId = await wire.archived(name, { ...ids, metadata });
      await wire.post('/capture/v2/outofband/interaction', `{"sessionId":"${name}","metadata":{"valueOf":"${name}"}}`);
      const shown = (await wire.get(`/interactions/v2/${callId}`)).json as { metadata: object };
      expect(shown).toMatchObject({ sessionId: name, masterId: name, caseReferenceId: name, collectionId: name });
      expect(JSON.stringify(shown.metadata)).toBe(JSON.stringify(metadata).replace(/\}$/, `,"valueOf":"${name}"}`));
      const purged = await wire.post('/interactions/v2/purge/sessions', { ids: [name] });
      expect(purged.json).toEqual({ items: [{ id: callId, sessionId: name, status: 'Purging', errorMsg: null }] });
    }
  } finally {
    await own.close();
  }
});
