import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { disableClient } from '../../src/engine/access/clients.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { CreovaiWire, expectRefused } from '../support/creovai-wire.ts';
import { expectDead, visit } from '../support/guest.ts';
import { startApp, type TestApp } from '../support/harness.ts';

const email = 'marked-guest@example.com';
const hourMs = 3_600_000;
const unknownId = '01900000-0000-7000-8000-000000000000';

let aheadMs = 0;
let app: TestApp;
let origin: string;
let wire: CreovaiWire;

beforeAll(async () => {
  app = await startApp({ clock: { now: () => Date.now() + aheadMs } });
  origin = await app.listen();
});
afterAll(async () => await app.close());
beforeEach(async () => {
  aheadMs = 0;
  wire = await CreovaiWire.start(app);
});

/** A link to a call. */
async function linkTo(callId: string, from = wire): Promise<string> {
  const answer = await from.post('/interactions/v2/token', { email, interactionId: callId });
  expect(answer.status, answer.body.toString()).toBe(200);
  return (answer.json as { shareUri: string }).shareUri;
}

describe('a share link', () => {
  test.each([
    ['/interactions/v2/token', 'interactionId', 'shareUri'],
    ['/Interactions/v2/token', 'InteractionId', 'shareUri'],
    ['/callShare/v1/token', 'callId', 'callUrl'],
    ['/callshare/v1/token', 'callID', 'callUrl'],
  ])('is given by %s for eight hours, and opens the call', async (path, idName, linkName) => {
    const callId = await wire.archived('shared');
    const before = Date.now();
    const answer = await wire.post(path, { email, [idName]: callId });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const given = answer.json as Record<string, string>;
    expect(Object.keys(given).sort()).toEqual([linkName, 'expiration'].sort());
    expect(given['expiration']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const lifeMs = Date.parse(given['expiration'] ?? '') - before;
    expect(lifeMs).toBeGreaterThan(8 * hourMs - 1000);
    expect(lifeMs).toBeLessThan(8 * hourMs + 60_000);
    expect(given[linkName]).toMatch(new RegExp(`^${origin}/share/[\\w.-]+$`));
    expect((await visit(given[linkName] ?? '')).status).toBe(200);
  });

  test('leaves an audit row and nothing else: neither the address of the guest nor the link', async () => {
    const callId = await wire.archived('audited');
    const link = await linkTo(callId);
    await visit(link);
    await visit(`${link}/audio`);
    const rows = await app.engine.store.reads.audit.page('', 10_000);
    const mine = rows.filter(({ event, subjectId }) => event === 'call.shared' && subjectId === callId);
    expect(mine).toMatchObject([{ tenantId: wire.tenant.id, actor: { kind: 'client' }, detail: {} }]);
    const everything = JSON.stringify(rows) + app.logged.join('\n');
    expect(everything).toContain('/share/:token/audio');
    expect(everything).not.toContain('marked-guest');
    for (const part of new URL(link).pathname.split(/[/.]/)) {
      if (part.length > 20) expect(everything).not.toContain(part);
    }
  });

  test.each([
    [{ interactionId: unknownId }, /email is required/],
    [{ interactionId: unknownId, email: 'nobody' }, /email is required/],
    [{ interactionId: unknownId, email: null }, /email is required/],
    [{ interactionId: unknownId, email: 7 }, /email must be a string/],
    [{ email }, /interactionId is required/],
    [{ email, interactionId: 7 }, /interactionId must be a string/],
    ['', /must be JSON/],
    ['[]', /must be a JSON object/],
  ])('is not given for %j', async (body, words) => {
    expectRefused(await wire.post('/interactions/v2/token', body), 400, words);
  });

  test('is the same 404 for every call that there is not', async () => {
    const foreign = await (await CreovaiWire.start(app)).archived('theirs');
    const purged = await wire.archived('gone');
    await wire.post('/purge/v1/calls', { ids: [purged] });
    for (const id of [unknownId, foreign, purged, 'x', '\0', '\ud800', 'a'.repeat(3000)]) {
      expectRefused(await wire.post('/interactions/v2/token', { email, interactionId: id }), 404, /^No such call$/);
      expectRefused(await wire.post('/callShare/v1/token', { email, callId: id }), 404, /^No such call$/);
    }
  });

  test('needs calls:read, and a token', async () => {
    const interactionId = await wire.archived('scoped');
    const body = { email, interactionId };
    const writer = await wire.within(['calls:write', 'erasures:execute', 'admin']);
    expectRefused(await writer.post('/interactions/v2/token', body), 403, /calls:read/);
    expectRefused(await wire.withToken('nonsense').post('/interactions/v2/token', body), 401);
  });
});

describe('a link that opens nothing', () => {
  test('is one answer, byte for byte, whatever the reason', async () => {
    const link = await linkTo(await wire.archived('expired'));
    const gone = await wire.archived('gone');
    const purged = await linkTo(gone);
    await wire.post('/purge/v1/calls', { ids: [gone] });
    const links = [purged, link.replace(/[^.]*$/, 'A'.repeat(43)), link.slice(0, -1), `${origin}/share/x`];
    links.push(`${origin}/share/%00`, `${origin}/share/%zz`, `${origin}/share/${'a'.repeat(9000)}`, `${origin}/share`);
    links.push(`${link}/nothing`, `${link}/audio/more`, `${origin}/SHARE//x/`);
    aheadMs = 8 * hourMs;
    links.push(link);
    const seen = new Set<string>();
    for (const one of links) {
      const answers = [await visit(one), await visit(`${one}/audio`), await visit(one, { method: 'POST', body: 'x' })];
      for (const answer of answers) {
        expectDead(answer);
        seen.add(`${answer.status} ${answer.text}`);
      }
    }
    expect(seen.size).toBe(1);
  });

  test('is one whose time is over, and before that it opens', async () => {
    const callId = await wire.archived('timed');
    const answer = await wire.post('/callShare/v1/token', { email, callId });
    const { callUrl, expiration } = answer.json as { callUrl: string; expiration: string };
    const endMs = Date.parse(expiration);
    aheadMs = endMs - Date.now() - 30_000;
    expect((await visit(callUrl)).status).toBe(200);
    aheadMs = endMs - Date.now();
    expectDead(await visit(callUrl));
  });

  test('is that of a client disabled since; others go on', async () => {
    const callId = await wire.archived('orphaned');
    const link = await linkTo(callId);
    const other = await linkTo(callId, await wire.within(['calls:read']));
    const clients = await app.engine.store.reads.clients.list(wire.tenant.id);
    const rows = await app.engine.store.reads.audit.page('', 10_000);
    const sharer = rows.find(({ event, subjectId }) => event === 'call.shared' && subjectId === callId)?.actor.id ?? '';
    expect(clients.map(({ id }) => id)).toContain(sharer);
    await disableClient(app.engine, wire.tenant, sharer, operator);
    expectDead(await visit(link));
    expectDead(await visit(`${link}/audio`));
    expect((await visit(other)).status).toBe(200);
  });
});

describe('a link is no token and a token is no link', () => {
  test('so neither opens what the other does', async () => {
    const callId = await wire.archived('apart');
    const link = await linkTo(callId);
    const secret = new URL(link).pathname.replace('/share/', '');
    expectRefused(await wire.withToken(secret).get(`/interactions/v2/${callId}`), 401);
    expectDead(await visit(`${origin}/share/${await app.token(undefined, wire.tenant)}`));
    expectDead(await visit(`${origin}/share/${await app.token(undefined, wire.tenant)}/audio`));
    expectDead(await visit(`${origin}/share/x`, { headers: { authorization: `Bearer ${await app.token()}` } }));
  });
});

test('operators say how long links live and where they lead', async () => {
  let ownAheadMs = 0;
  const env = { TACET_SHARE_LIFE: '1m', TACET_PUBLIC_URL: 'https://calls.example/archive/' };
  const own = await startApp({ env, clock: { now: () => Date.now() + ownAheadMs } });
  try {
    const at = await own.listen();
    const theirs = await CreovaiWire.start(own);
    const callId = await theirs.archived('short');
    const answer = await theirs.post('/callShare/v1/token', { email, callId });
    const { callUrl } = answer.json as { callUrl: string };
    expect(callUrl).toMatch(/^https:\/\/calls\.example\/archive\/share\//);
    const here = `${at}${new URL(callUrl).pathname.replace('/archive', '')}`;
    expect((await visit(here)).status).toBe(200);
    ownAheadMs = 60_000;
    expectDead(await visit(here));
  } finally {
    await own.close();
  }
});
