import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { scopes } from '../../src/model/tenant.ts';
import {
  askTwin,
  type BadTwinScene,
  company,
  endTwinScene,
  everything,
  expectTwinUntouched,
  startTwinScene,
  type TwinError,
  twinRefused,
} from '../support/bad-twin-scene.ts';
import { wrongWord } from '../support/bad-values.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';
import { twinGateways } from '../support/twin-wire.ts';
import { goodTwinRequest, type TwinNamed, type TwinRoute, twinRoutes } from '../support/twin24-routes.ts';

let scene: BadTwinScene;
/** Another company's, with one of everything. */
let theirs: TwinNamed;

beforeAll(async () => {
  scene = await startTwinScene();
  ({ named: theirs } = await company(scene.app));
  scene.before = await everything(scene.app);
});
afterEach(async () => await expectTwinUntouched(scene));
afterAll(async () => await endTwinScene(scene));

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const guarded = twinRoutes.filter(({ isOpen }) => !isOpen);
/** Routes whose path or query names a call, a candidate or a task. */
const naming = twinRoutes.filter(({ pattern, query, body }) => {
  const asked = `${pattern} ${query} ${body}`;
  return /:(callId|candidateId|taskId)/.test(pattern) || (/Candidate/.test(pattern) && !/single/.test(asked));
});

/** True where an address means something else by another method. */
function isServed(asked: string, address: string): boolean {
  const [path = ''] = address.split('?');
  return twinRoutes.some(({ method, service, pattern }) => {
    const form = `${twinGateways[service]}${pattern}`.replace(/:\w+/g, '[^/]+');
    return method === asked && new RegExp(`^${form}$`).test(path);
  });
}

describe.each(guarded)('$method $pattern', (route) => {
  test('is closed to whoever has no good token', async () => {
    const good = goodTwinRequest(route, scene.named);
    for (const token of [undefined, 'null', wrongWord, `${scene.wire.token}x`, 'a'.repeat(9000)]) {
      twinRefused(await askTwin(scene.app, route, token, good), 401, /^The token is missing/);
    }
  });

  test('is closed to whoever has every scope but the right one, in either form of its path', async () => {
    if (route.scopes.length === 0) return;
    const others = await scene.wire.within(scopes.filter((scope) => !route.scopes.includes(scope)));
    const good = goodTwinRequest(route, scene.named);
    const ownHost = { ...good, address: good.address.replace(/^\/(iam|cis|analyse)/, '') };
    for (const asked of [good, ownHost]) {
      const words = new RegExp(`^This needs the scope ${route.scopes.join(' or ')}$`);
      twinRefused(await askTwin(scene.app, route, others.token, asked), 403, words);
    }
  });
});

describe.each(twinRoutes)('$method $pattern', (route) => {
  test('knows no other method, and is not there below any other path', async () => {
    const { address } = goodTwinRequest(route, scene.named);
    const headers = { authorization: `Bearer ${scene.wire.token}`, 'content-type': 'application/json' };
    for (const method of methods.filter((one) => !isServed(one, address))) {
      twinRefused(await scene.app.http.inject({ method, url: address, headers, payload: '{}' }), 405, /method/);
    }
    const [path = '', query = ''] = address.split('?');
    for (const url of [`${path}/nothing?${query}`, `${path.replace('/api/v1', '/api/v2')}?${query}`]) {
      const answer = await askTwin(scene.app, route, scene.wire.token, { address: url });
      expect(answer.statusCode).toBe(404);
      twinRefused(answer, 404);
    }
  });
});

test('methods that are no part of any API here are none of its own either', async () => {
  for (const method of ['TRACE', 'PROPFIND', 'LOCK']) {
    for (const route of twinRoutes) {
      const line = `${method} ${goodTwinRequest(route, scene.named).address}`;
      const request = rawRequest(line, [`Authorization: Bearer ${scene.wire.token}`], '{}');
      const answer = await sendRaw(scene.wire.origin, request);
      expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([
        405,
        { error: 'There is something at this address, but not for this method' },
      ]);
    }
  }
});

describe.each(naming)('$method $pattern', (route) => {
  const named = (id: string): TwinNamed => ({ ...scene.named, callId: id, candidateId: id, taskId: id });

  test('answers an id that is unknown, malformed or another company\u2019s alike, to the byte', async () => {
    const unknown = await seen(route, named('01900000-0000-7000-8000-000000000000'));
    twinRefused(unknown, 404, /^No such (call|candidate|task)$/);
    expect(plain(await seen(route, theirs))).toEqual(plain(unknown));
    const { callId, candidateId, taskId } = theirs;
    const ids = [
      callId,
      candidateId,
      taskId,
      '{callId}',
      '{}',
      '0',
      '-1',
      'null',
      '%00',
      '%20',
      '..%2f..',
      'x'.repeat(9000),
    ];
    const odd = [
      '__proto__',
      'constructor',
      "'%20or%201=1--",
      '%F0%9F%94%92',
      '*',
      '01900000-0000-7000-8000-00000000000G',
    ];
    for (const id of [
      ...ids,
      ...odd,
      callId.toUpperCase(),
      candidateId.toUpperCase(),
      ` ${taskId}`.replace(' ', '%20'),
    ]) {
      expect(plain(await seen(route, named(id))), id).toEqual(plain(unknown));
    }
  });

  test('takes an id that is no text in UTF-8 for one that is unknown', async () => {
    if (!route.pattern.includes(':')) return;
    for (const id of ['%zz', '%E0%A4%A', '%ED%A0%80', '%']) {
      const line = `${route.method} ${goodTwinRequest(route, named(id)).address}`;
      const headers = [`Authorization: Bearer ${scene.wire.token}`, 'Content-Type: application/json'];
      const answer = await sendRaw(scene.wire.origin, rawRequest(line, headers));
      expect(answer.status).toBe(404);
      const { error } = JSON.parse(answer.body.toString()) as { error: string };
      expect(error).toMatch(/^No such (call|candidate|task)$/);
    }
  });
});

async function seen(route: TwinRoute, named: TwinNamed): Promise<TwinError> {
  return await askTwin(scene.app, route, scene.wire.token, goodTwinRequest(route, named));
}

function plain({ statusCode, headers, body }: TwinError) {
  const { date: _date, ...others } = headers;
  return { statusCode, headers: others, body };
}

test('a search for what is another company\u2019s finds what a search for the unknown does: nothing', async () => {
  const search = twinRoutes.filter(({ service }) => service === 'analyse');
  for (const route of search) {
    for (const query of [
      `id=${theirs.callId}`,
      `taskId=${theirs.taskId}`,
      `autoCallCandidateId=${theirs.candidateId}`,
      'id=01900000-0000-7000-8000-000000000000',
    ]) {
      const address = `${twinGateways.analyse}${route.pattern}?${query}`;
      const answer = await askTwin(scene.app, route, scene.wire.token, { address });
      expect([answer.statusCode, JSON.parse(answer.body)], query).toEqual([200, { count: 0, items: [] }]);
    }
  }
});

test('a user of another company is as unknown as one that is not there', async () => {
  const ask = async (number: string) => {
    const address = `${twinGateways.iam}/users/${number}`;
    return plain(await askTwin(scene.app, { method: 'GET' }, scene.wire.token, { address }));
  };
  const unknown = await ask('999999');
  expect([unknown.statusCode, unknown.body]).toEqual([404, '{"error":"No such user"}']);
  for (const number of [theirs.number, '0', '-1', '1e3', '007', '{id}', '99999999999999999999', 'x'.repeat(9000)]) {
    expect(await ask(number), number).toEqual(unknown);
  }
});

describe('a link to a recording', () => {
  test('that nobody was given opens nothing, whatever it looks like', async () => {
    const [secret = '', extension = ''] = scene.named.link.split('.mp3');
    expect(extension).toBe('');
    const links = [
      'a.mp3',
      '.mp3',
      'mp3',
      `${secret}x.mp3`,
      `x${secret}.mp3`,
      secret,
      `${secret}.exe`,
      `${scene.wire.token}.mp3`,
    ];
    for (const link of [...links, '%00.mp3', '__proto__.mp3', `${'x'.repeat(9000)}.mp3`]) {
      twinRefused(await scene.app.http.inject(`${twinGateways.cis}/records/${link}`), 404, /^No such recording$/);
    }
  });

  test('opens its recording and no other door', async () => {
    const [secret = ''] = scene.named.link.split('.mp3');
    const answer = await scene.app.http.inject(`${twinGateways.cis}/records/${scene.named.link}`);
    expect(answer.statusCode).toBe(200);
    const providers = { method: 'GET', address: `${twinGateways.cis}/telephony/providers` } as const;
    twinRefused(await askTwin(scene.app, providers, secret, providers), 401);
  });
});
