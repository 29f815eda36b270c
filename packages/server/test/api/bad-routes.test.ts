/** The good requests that bad ones differ from in one thing: without them, every refusal would prove little. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { type Answer, ask, goodRequest, requestWith } from '../support/creovai-asking.ts';
import { type Named, namedBy } from '../support/creovai-bodies.ts';
import { type CreovaiRoute, creovaiRoutes, routeAt } from '../support/creovai-routes.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
const served: string[] = [];

beforeAll(async () => {
  app = await startApp();
  app.http.addHook('onRoute', ({ method, url }) => {
    served.push(...[method].flat().map((one) => `${one} ${url}`));
  });
  await app.http.ready();
});
afterAll(async () => await app.close());

/** Routes of other surfaces, and those that need no table: a token's errors are OAuth's, and HEAD is GET without a body. */
const others = /^\w+ (\/(v1|share|healthz|readyz|\.well-known|iam|cis|analyse|api)\b|\/Token$)|^HEAD /;

test('the table has every route of the surface that asks for a token, and no other', () => {
  const tabled = creovaiRoutes.map(({ method, pattern }) => `${method} ${pattern}`);
  expect(served.filter((route) => !others.test(route)).sort()).toEqual(tabled.sort());
});

/** A tenant of its own with one call in it; and how that call, and one still to come, are named. */
async function tenantWithCall(): Promise<{ tenant: Tenant; token: string; there: Named; coming: Named }> {
  const tenant = await createTenant(app.engine, { slug: `t-${Math.random().toString(36).slice(2)}`, region: 'US' });
  const unnamed = namedBy('there', '', '+15125550142');
  const capture = routeAt('/capture/v2/call');
  const token = await app.token(undefined, tenant);
  const answer = await ask(app, capture, token, goodRequest(capture, unnamed));
  const { id } = JSON.parse(answer.body) as { id: string };
  return { tenant, token, there: { ...unnamed, callId: id }, coming: { ...unnamed, session: 'coming' } };
}

function expectGood(route: CreovaiRoute, { statusCode, headers, body }: Answer): void {
  expect(statusCode, body).toBe(200);
  if (route.pattern.includes('/outofband/')) expect([headers['content-type'], body]).toEqual([undefined, '']);
  else if (route.pattern.endsWith('.mp3')) expect(headers['content-type']).toBe('audio/mpeg');
  else expect(headers['content-type']).toBe('application/json; charset=utf-8');
}

describe.each(creovaiRoutes)('$method $pattern', (route) => {
  test('succeeds with each of its scopes alone, in any case and with slashes doubled', async () => {
    const { tenant, there, coming } = await tenantWithCall();
    const asked = goodRequest(route, route.archives ? coming : there);
    // What the client chose itself keeps its case.
    const spelled = route.pattern.replace(/[:*].*$/, '');
    const address = `/${asked.address.replace(spelled, spelled.toUpperCase().replaceAll('/', '//'))}`;
    for (const scope of route.scopes) {
      const token = await app.token([scope], tenant);
      expectGood(route, await ask(app, route, token, asked));
      expectGood(route, await ask(app, route, token, { ...asked, address }));
    }
  });

  test('takes null for absence in each field that it does not need', async () => {
    const { token, there, coming } = await tenantWithCall();
    for (const [i, at] of Object.keys(route.fields).entries()) {
      if (route.required.includes(at)) continue;
      const named = route.archives ? { ...coming, session: `coming-${i}` } : there;
      expectGood(route, await ask(app, route, token, requestWith(route, named, at, 'null')));
    }
  });
});
