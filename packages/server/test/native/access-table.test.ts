/** Who may use which route: one table over all operations of all surfaces, and no route beside it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleOf } from '../../src/http/native/curl-example.ts';
import { openapiOf, operationsIn } from '../../src/http/native/openapi.ts';
import { operations } from '../../src/http/native/operations.ts';
import { type Scope, scopes } from '../../src/model/tenant.ts';
import { company } from '../support/bad-twin-scene.ts';
import { type Answer, ask, goodRequest } from '../support/creovai-asking.ts';
import { namedBy } from '../support/creovai-bodies.ts';
import { creovaiRoutes } from '../support/creovai-routes.ts';
import { type FuzzScene, type Holdings, startFuzzScene } from '../support/fuzz-scene.ts';
import { type TwinWire, twinGateways } from '../support/twin-wire.ts';
import { goodTwinRequest, type TwinNamed, twinRoutes } from '../support/twin24-routes.ts';

const nobody = '0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708';

type Door = {
  /** Method and pattern, as the router has them. */
  route: string;
  /** Any one of them opens it; empty where every good token does; undefined where none is asked for. */
  scopes: readonly Scope[] | undefined;
  /** The errors of its surface. */
  form: 'problem' | 'message' | 'error';
  /** An address that leads there. */
  url: string;
  /** Sends a whole request, where the door is found behind the reading of the body. */
  knock?: (token: string | undefined) => Promise<Answer>;
};

const native: Door[] = operations.map(({ method, path, scopes }) => ({
  route: `${method} /v1${path}`,
  scopes: scopes.length === 0 ? undefined : scopes,
  form: 'problem',
  url: `/v1${path.replace(/:\w+/, nobody)}`,
}));

const named = namedBy('a', nobody, '+15125550199');

const creovai: Door[] = creovaiRoutes.map((route) => ({
  route: `${route.method} ${route.pattern}`,
  scopes: route.scopes,
  form: 'message',
  url: goodRequest(route, named).address,
  knock: async (token) => await ask(scene.app, route, token, goodRequest(route, named)),
}));

const nameless: TwinNamed = {
  callId: nobody,
  candidateId: nobody,
  taskId: nobody,
  link: 'x1',
  number: '1',
  phone: '1',
};

const twin24: Door[] = twinRoutes.flatMap((route) =>
  [twinGateways[route.service], '/api/v1'].map((prefix): Door => {
    const { address } = goodTwinRequest(route, nameless);
    return {
      route: `${route.method} ${prefix}${route.pattern}`.replace(/:\w+/, ':'),
      scopes: route.isOpen ? undefined : route.scopes,
      form: 'error',
      url: address.replace(twinGateways[route.service], prefix),
    };
  }),
);

const open = (route: string): Door => ({ route, scopes: undefined, form: 'message', url: addressIn(route) });
const addressIn = (route: string) => route.replace(/^\w+ /, '').replace(/:\w+/, nobody);
const root: Door[] = ['POST /Token', 'GET /share/:token', 'GET /share/:token/audio', 'GET /.well-known/jwks.json'].map(
  open,
);
/** Routes that are there before anybody can watch. */
const early: Door[] = ['GET /healthz', 'GET /readyz'].map(open);

const doors = [...native, ...creovai, ...twin24, ...root, ...early];
const guarded = doors.filter(({ scopes }) => scopes !== undefined);
const unguarded = doors.filter(({ scopes }) => scopes === undefined);
const served: string[] = [];
let scene: FuzzScene;

beforeAll(async () => {
  scene = await startFuzzScene({ env: { TACET_RATE_LIMIT: '0' } }, (app) => {
    app.http.addHook('onRoute', ({ method, url }) => {
      served.push(...[method].flat().map((one) => `${one} ${url}`));
    });
  });
}, 60_000);
afterAll(async () => await scene.close(), 60_000);

async function knock({ route, url, knock: whole }: Door, token?: string): Promise<Answer> {
  if (whole !== undefined) return await whole(token);
  const [method = ''] = route.split(' ');
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return await scene.app.http.inject({ method: method as 'GET', url, headers });
}

function expectRefused({ form }: Door, status: number, answer: Answer): void {
  expect(answer.statusCode, answer.body).toBe(status);
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  if (form !== 'problem') expect(Object.keys(body)).toEqual([form]);
  else {
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(body).toMatchObject({ status, code: status === 401 ? 'token_invalid' : 'scope_missing' });
  }
}

test('the table has every route of the server, and no other', () => {
  const anonymous = (route: string) => (/ \/(iam|cis|analyse|api)\//.test(route) ? route.replace(/:\w+/, ':') : route);
  const unseen = early.map(({ route }) => route);
  const routes = served.filter((route) => !route.startsWith('HEAD ')).map(anonymous);
  expect(doors.map(({ route }) => route).sort()).toEqual([...routes, ...unseen].sort());
  // As many as the router has, each early one by GET and HEAD: no other came before the watching began.
  const listed = [...scene.app.http.printRoutes({ commonPrefix: false }).matchAll(/\(([A-Z, ]+)\)$/gm)];
  const held = listed.flatMap(([, methods = '']) => methods.split(', '));
  expect(held.length).toBe(served.length + 2 * early.length);
  for (const { url } of early) {
    for (const method of ['GET', 'HEAD'] as const) expect(scene.app.http.hasRoute({ method, url })).toBe(true);
  }
});

test.each(unguarded)('$route is open: no token, a bad one and one of no use are answered alike', async (door) => {
  const answers: object[] = [];
  for (const token of [undefined, 'nobody', scene.narrow, scene.token]) {
    const { statusCode, headers, body } = await knock(door, token);
    expect(statusCode, body).not.toBe(403);
    answers.push({ statusCode, type: headers['content-type'], body });
  }
  expect(answers.slice(1)).toEqual(answers.slice(1).map(() => answers[0]));
});

test('metrics have a listener of their own, and no route here', async () => {
  const { statusCode } = await scene.app.http.inject({ method: 'GET', url: '/metrics' });
  expect(statusCode).toBe(404);
});

describe.each(guarded)('$route', (door) => {
  test('is closed without a token', async () => {
    expectRefused(door, 401, await knock(door));
    expectRefused(door, 401, await knock(door, 'nobody'));
  });

  test('is closed to every scope but its own', async () => {
    const others = scopes.filter((scope) => !door.scopes?.includes(scope));
    if (door.scopes?.length === 0) return;
    expectRefused(door, 403, await knock(door, await scene.app.token(others)));
  });
});

describe('what belongs to another tenant is answered like what nobody has:', () => {
  const document = openapiOf(operations);
  const withId = operationsIn(document).filter(({ path }) => nounOf(path) !== undefined);

  /** The noun of a path whose id names something that a tenant has. */
  function nounOf(path: string): keyof Omit<Holdings, 'digests'> | undefined {
    const [, noun] = /^\/v1\/(calls|erasures|holds|clients|users)\/\{id\}/.exec(path) ?? [];
    return noun as keyof Omit<Holdings, 'digests'> | undefined;
  }

  test.each(withId)('$method $path', async ({ method, path, operation }) => {
    const noun = nounOf(path);
    const ids = noun === undefined ? [] : scene.foreign[noun];
    const [media = 'application/json', { schema } = {}] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    const payload = schema === undefined ? 'bytes' : JSON.stringify(exampleOf(document, schema));
    const seen = async (id: string) => {
      const url = path.replace(/\{\w+\}/, () => id);
      const headers = { authorization: `Bearer ${scene.token}`, 'content-type': media };
      const asked = { method: method as 'GET', url, headers, ...(method !== 'GET' && { payload }) };
      const { statusCode, headers: told, body } = await scene.app.http.inject(asked);
      const { date: _date, ...others } = told;
      return { statusCode, others, body: body.replaceAll(id, '<id>') };
    };
    const unknown = await seen(nobody);
    expect(unknown.statusCode, unknown.body).toBe(404);
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) expect(await seen(id)).toEqual(unknown);
  });

  test('in the body of a plan, a hold or a search, and in filters', async () => {
    const { foreign, token } = scene;
    const send = async (method: 'GET' | 'POST', url: string, payload?: object) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await scene.app.http.inject({ method, url, headers, ...(payload && { payload }) });
      return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
    };
    const [call = '', erasure = ''] = [foreign.calls[5], foreign.erasures[0]];
    for (const id of [call, nobody]) {
      const plan = await send('POST', '/v1/erasures', { action: 'purge', subject: { calls: [id] } });
      expect(plan).toMatchObject({ status: 201, body: { counts: { items: 0, artifacts: 0, bytes: 0, held: 0 } } });
      expect(plan.body['identifiers']).toEqual([{ given: id, kind: 'call', understoodAs: id, items: 0 }]);
    }
    for (const session of ['other-5', 'nobody-5']) {
      const found = await send('POST', '/v1/calls/search', { sessions: [session] });
      expect([found.status, JSON.stringify(found.body)]).toEqual([200, '{"calls":[],"next":null}']);
    }
    for (const subject of [erasure, nobody]) {
      const rows = await send('GET', `/v1/audit?subject=${subject}`);
      expect([rows.status, JSON.stringify(rows.body)]).toEqual([200, '{"rows":[],"next":null}']);
    }
  });

  describe('Twin24', () => {
    let owner: TwinNamed;
    let stranger: TwinWire;
    beforeAll(async () => {
      await scene.app.listen();
      ({ named: owner } = await company(scene.app));
      ({ wire: stranger } = await company(scene.app));
    });

    const naming = twinRoutes.filter(({ pattern, isOpen }) => /:\w+/.test(pattern) && isOpen === undefined);
    test.each(naming)('$method $pattern', async (route) => {
      const seen = async (named: TwinNamed) => {
        const { address: url, text } = goodTwinRequest(route, named);
        const headers = { authorization: `Bearer ${stranger.token}` };
        const asked = { method: route.method, url, headers, ...(text !== undefined && { payload: text }) };
        const { statusCode, body } = await scene.app.http.inject(asked);
        const words = Object.values(named).filter((word) => word.length > 8);
        return { statusCode, body: words.reduce((all, word) => all.replaceAll(word, '<id>'), body) };
      };
      const unknown = await seen({ ...nameless, number: '999999' });
      expect(unknown.statusCode).toBeGreaterThanOrEqual(400);
      expect(await seen(owner)).toEqual(unknown);
    });
  });

  test.each(creovaiRoutes.filter(({ pattern }) => /[:*]/.test(pattern)))('Creovai $method $pattern', async (route) => {
    const seen = async (callId: string, session: string) => {
      const named = { ...namedBy('x', callId, '+15125550199'), session };
      const { statusCode, body } = await ask(scene.app, route, scene.token, goodRequest(route, named));
      return { statusCode, body: body.replaceAll(callId, '<id>').replaceAll(session, '<session>') };
    };
    expect(await seen(scene.foreign.calls[6] ?? '', 'other-6')).toEqual(await seen(nobody, 'nobody-6'));
  });
});
