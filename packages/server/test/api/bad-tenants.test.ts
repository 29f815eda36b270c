/** What belongs to another tenant is answered like what is not there, to the byte, and is never touched. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { newId } from '../../src/lib/ids.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { type Answer, ask, goodRequest } from '../support/creovai-asking.ts';
import { type Named, namedBy } from '../support/creovai-bodies.ts';
import { type CreovaiRoute, creovaiRoutes, routeAt } from '../support/creovai-routes.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let owner: Tenant;
/** What the owner has, by what became of it. */
let owned: Record<'archived' | 'excluded' | 'purged' | 'awaited', Named>;
let before: Awaited<ReturnType<typeof belongingsOf>>;

beforeAll(async () => {
  app = await startApp();
  owner = await createTenant(app.engine, { slug: 'owner', region: 'US' });
  owned = {
    archived: await archived('theirs-a', '+15125550142'),
    excluded: await archived('theirs-b', '+15125550143'),
    purged: await archived('theirs-c', '+15125550144'),
    awaited: namedBy('theirs-d', newId(Date.now()), '+15125550145'),
  };
  await owners('/capture/v2/status/exclude', owned.excluded);
  await owners('/capture/v2/outofband/interaction', owned.archived);
  await owners('/capture/v2/outofband/interaction', owned.awaited);
  await owners('/interactions/v2/purge', owned.purged);
  await Promise.all(app.engine.background);
  before = await belongingsOf(owner);
});
afterAll(async () => await app.close());

/** Something that the owner asks for and gets. */
async function owners(pattern: string, named: Named): Promise<Answer> {
  const route = routeAt(pattern);
  const answer = await ask(app, route, await app.token(undefined, owner), goodRequest(route, named));
  expect(answer.statusCode, answer.body).toBe(200);
  return answer;
}

async function archived(word: string, phone: string): Promise<Named> {
  const named = namedBy(word, '', phone);
  const { id } = JSON.parse((await owners('/capture/v2/call', named)).body) as { id: string };
  return { ...named, callId: id };
}

/** Everything that stands in the database under a tenant, and the bytes of its recordings. */
async function belongingsOf({ id }: Tenant) {
  const { reads } = app.engine.store;
  const mine = <Row extends { tenantId: string | null }>(rows: readonly Row[]) =>
    rows.filter(({ tenantId }) => tenantId === id);
  const artifacts = mine(await reads.artifacts.page(0, 10_000));
  const blobs = new Set(artifacts.flatMap(({ blob }) => blob ?? []));
  const stored: object[] = [];
  for await (const { name, sizeBytes } of app.engine.blobs.list())
    if (blobs.has(name)) stored.push({ name, sizeBytes });
  return {
    artifacts,
    stored,
    calls: mine(await reads.calls.page('', 10_000)),
    events: mine(await reads.events.page('', 10_000)),
    tokens: mine(await reads.tokens.page(undefined, 10_000)),
    tombstones: mine(await reads.tombstones.page('', 10_000)),
    erasures: mine(await reads.erasures.page('', 10_000)),
    // Its own new clients apart, which this test makes to look.
    audit: mine(await reads.audit.page('', 10_000)).filter(({ event }) => event !== 'client.created'),
  };
}

/** An answer without what it repeats of the request, and without ids that it makes up. */
function anonymous({ statusCode, headers, body }: Answer, named: Named) {
  const { date: _date, ...others } = headers;
  const words = Object.entries(named).toSorted(([, a], [, b]) => b.length - a.length);
  const plain = words.reduce((text, [name, value]) => text.replaceAll(value, `<${name}>`), body);
  const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
  return { statusCode, headers: others, body: plain.replace(uuid, '<new id>') };
}

const standings = ['archived', 'excluded', 'purged', 'awaited'] as const;

test.each(creovaiRoutes)(
  '$method $pattern says of what another tenant has what it says of the unknown, and leaves it alone',
  async (route) => {
    const stranger = await createTenant(app.engine, { slug: `s-${newId(Date.now())}`, region: 'US' });
    const token = await app.token(undefined, stranger);
    const queries = route.pattern.includes('/purge') ? ['?whatIf=true', ''] : [''];
    for (const [i, standing] of standings.entries()) {
      const theirs = owned[standing];
      const unknown = namedBy(`nobody-${i}`, newId(Date.now()), '+15125550199');
      for (const query of queries) {
        const [foreign, none] = [await seenBy(token, route, theirs, query), await seenBy(token, route, unknown, query)];
        expect(foreign, standing).toEqual(none);
        expect(foreign.statusCode).toBe(/\/token$|interactions\/v2\/[*:]/i.test(route.pattern) ? 404 : 200);
      }
    }
    await Promise.all(app.engine.background);
    expect(await belongingsOf(owner)).toEqual(before);
  },
);

async function seenBy(token: string, route: CreovaiRoute, named: Named, query: string) {
  const good = goodRequest(route, named);
  return anonymous(await ask(app, route, token, { ...good, address: `${good.address}${query}` }), named);
}

test('its owner is told of all of it', async () => {
  const about = async (pattern: string, named: Named) => (await owners(pattern, named)).body;
  expect(await about('/interactions/v2/*', owned.archived)).toContain('"late":"news"');
  expect(await about('/capture/v2/status/*', owned.excluded)).toContain('"status":"Excluded"');
  expect(await about('/capture/v2/status/*', owned.purged)).toContain('"status":"NotFound"');
  expect(await about('/interactions/v2/purge/sessions', owned.awaited)).toContain('"status":"Purging"');
});
