/** The good requests that bad ones differ from in one thing: without them, every refusal would prove little. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askTwin, company, type TwinError } from '../support/bad-twin-scene.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { type TwinWire, twinGateways } from '../support/twin-wire.ts';
import {
  goodTwinRequest,
  type TwinNamed,
  type TwinRoute,
  twinRequestWith,
  twinRoutes,
} from '../support/twin24-routes.ts';

let app: TestApp;
const served: string[] = [];

beforeAll(async () => {
  app = await startApp();
  app.http.addHook('onRoute', ({ method, url }) => {
    served.push(...[method].flat().map((one) => `${one} ${url}`));
  });
  await app.listen();
});
afterAll(async () => await app.close());

test('the table has every route of the surface, under both of its prefixes, and no other', () => {
  const anonymous = (route: string) => route.replace(/:\w+/, ':');
  const tabled = twinRoutes.flatMap(({ method, service, pattern }) =>
    [twinGateways[service], '/api/v1'].map((prefix) => anonymous(`${method} ${prefix}${pattern}`)),
  );
  const ofVendor = served.filter((route) => /^(?!HEAD )\w+ \/(iam|cis|analyse|api)\//.test(route));
  expect(ofVendor.map(anonymous).sort()).toEqual(tabled.sort());
});

/** Bodies in their right form whose words are wrong: nobody has such a password or such a token. */
const unprovable = /^\/auth\//;

function expectGood(route: TwinRoute, { statusCode, headers, body }: TwinError): void {
  expect(statusCode, body).toBe(unprovable.test(route.pattern) ? 401 : 200);
  if (route.pattern.startsWith('/records/')) expect(headers['content-type']).toBe('audio/mpeg');
  else if (body === '') expect(headers['content-type']).toBeUndefined();
  else expect(headers['content-type']).toBe('application/json; charset=utf-8');
  expect(headers['cache-control']).toBe('no-store');
}

/** Its address on the host of its own service, in capitals where the words are ours, with slashes doubled and one behind. */
function disguised(route: TwinRoute, address: string): string {
  const [path = '', query] = address.replace(/^\/(iam|cis|analyse)/, '').split('?');
  const own = route.pattern.replace(/:.*$/, '');
  const steps = `/api/v1${own}`;
  const written = `${steps.toUpperCase().replaceAll('/', '//')}${path.slice(steps.length)}/`;
  return query === undefined ? written : `${written}?${query}`;
}

describe.each(twinRoutes)('$method $pattern', (route) => {
  test('succeeds with each of its scopes alone, on both hosts, in any case and with slashes to spare', async () => {
    const { wire, named } = await company(app);
    const asked = goodTwinRequest(route, named);
    const allowed = route.scopes.length === 0 ? [undefined] : route.scopes;
    for (const scope of allowed) {
      const { token } = scope === undefined ? wire : await wire.within([scope]);
      expectGood(route, await askTwin(app, route, token, asked));
      expectGood(route, await askTwin(app, route, token, { ...asked, address: disguised(route, asked.address) }));
    }
  });

  test('takes null for absence in each field that it does not need', async () => {
    const { wire, named } = await company(app);
    for (const at of Object.keys(route.fields)) {
      if (route.required.includes(at)) continue;
      expectGood(route, await askTwin(app, route, wire.token, twinRequestWith(route, named, at, 'null')));
    }
  });
});

test('the recording of a call that a good request has kept still plays, and one that was not kept does not', async () => {
  const { wire, named } = await company(app);
  const [depersonalize, , remove] = twinRoutes;
  expect(await after(wire, named, depersonalize)).toBe(true);
  expect(await after(wire, named, remove)).toBe(false);
});

async function after(wire: TwinWire, named: TwinNamed, route: TwinRoute | undefined): Promise<boolean> {
  if (route === undefined) throw new Error('the table has changed');
  expectGood(route, await askTwin(app, route, wire.token, goodTwinRequest(route, named)));
  return await wire.hasAudio(named.callId);
}
