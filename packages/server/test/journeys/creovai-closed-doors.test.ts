/** After a purge no door leads to the call any more: not the ones that stood open before, nor any that is tried since. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Named, namedBy } from '../support/creovai-bodies.ts';
import { creovaiRoutes } from '../support/creovai-routes.ts';
import { expectDead, visit } from '../support/guest.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { expectOnlyTombstones } from '../support/nothing-left.ts';
import { RawConnection } from '../support/raw-http.ts';
import { until } from '../support/until.ts';
import { type VendorAnswer, VendorClient } from '../support/vendor-client.ts';

let aheadMs: number;
let app: TestApp;
let faults: HookedFaults;
let token: string;
let client: VendorClient;

beforeEach(async () => {
  aheadMs = 0;
  faults = new HookedFaults();
  app = await startApp({ faults, clock: { now: () => Date.now() + aheadMs }, env: { TACET_BACKUP_HORIZON: '0' } });
  token = await app.token();
  client = new VendorClient(await app.listen(), token);
});
afterEach(async () => await app.close());

const spoken = namedBy('spoken', '', '+15125550142');
const words = { metadata: { secret: 'said in confidence' } };
const purges = creovaiRoutes.flatMap(({ pattern }) => (/\/purge\b/.test(pattern) ? [pattern] : []));
const unknownId = '01900000-0000-7000-8000-000000000000';

/** Archives a call and opens everything that shows it: a page, its recording, details and audio. */
async function archivedAndOpened(pattern: string, audio?: Buffer) {
  const callId = await client.archived(pattern, spoken, words, audio);
  const named: Named = { ...spoken, callId };
  const links = [await client.shared(callId), await client.shared(callId)] as const;
  expect((await visit(links[0])).status).toBe(200);
  expect((await client.get(`/interactions/v2/${callId}`)).text).toContain('said in confidence');
  return { callId, named, links };
}

/** Nothing leads to the call: what had been opened before, what had only been given, and what is asked for now. */
async function expectClosed(named: Named, links: readonly string[]): Promise<void> {
  for (const link of links) {
    for (const address of [link, `${link}/audio`, `${link}/`]) {
      expectDead(await visit(address));
      expectDead(await visit(address, { headers: { range: 'bytes=0-9' } }));
      expect((await visit(address, { method: 'HEAD' })).status).toBe(404);
    }
  }
  const notFound = { details: 'No such call', audio: 'No such recording', share: 'No such call' };
  const { callId } = named;
  expectSame(await client.get(`/interactions/v2/${callId}`), notFound.details);
  expectSame(await client.get(`/interactions/v2/${callId}&isFlow=true`), notFound.details);
  expectSame(await client.get(`/interactions/v2/${callId}/audio.mp3`), notFound.audio);
  expectSame(await client.ask('/interactions/v2/token', named), notFound.share);
  expectSame(await client.ask('/callShare/v1/token', named), notFound.share);
  expect((await client.get(`/v1/calls/${callId}/recording`)).status).toBe(404);
  // The unknown is told in the same words.
  const unknown = await client.get(`/interactions/v2/${unknownId}`);
  expect((await client.get(`/interactions/v2/${callId}`)).text).toBe(unknown.text);
}

function expectSame({ status, text }: VendorAnswer, message: string): void {
  expect([status, text]).toEqual([404, JSON.stringify({ message })]);
}

/** Every way to ask for it has the word that there is no such session, and a purge finds nothing to do. */
async function expectNotFound(named: Named): Promise<void> {
  for (const pattern of ['/callCapture/v1/status/*', '/capture/v2/status/*', '/capture/v2/status/exclude/*']) {
    expect(await client.asked(pattern, named)).toMatchObject({ status: 'NotFound', sessionId: named.session });
  }
  for (const pattern of ['/callCapture/v1/status', '/capture/v2/status', '/callCapture/v1/status/exclude']) {
    const [items = []] = Object.values(await client.asked<Record<string, { status: string }[]>>(pattern, named));
    expect(items.map(({ status }) => status)).toEqual(['NotFound', 'NotFound']);
  }
  for (const pattern of purges) {
    const { items } = await client.asked<{ items: { status: string }[] }>(pattern, named);
    expect(items.map(({ status }) => status)).toEqual(/customer$/.test(pattern) ? [] : ['NotFound', 'NotFound']);
  }
}

test.each(purges)(
  'a call purged by %s is gone behind every door, and stays so when the server starts anew',
  async (pattern) => {
    const { callId, named, links } = await archivedAndOpened('/capture/v2/call');
    const { items } = await client.asked<{ items: { status: string }[] }>(pattern, named);
    expect(new Set(items.map(({ status }) => status))).toEqual(new Set(['Purging']));
    await expectClosed(named, links);
    await until(async () => (await client.statusOf(named.session)) === 'NotFound');
    await expectNotFound(named);
    await expectOnlyTombstones(app, [callId]);

    const { tenant } = app;
    const { folder } = app;
    await app.http.close();
    await app.app.close();
    const again = await startApp({ folder, env: { TACET_BACKUP_HORIZON: '0' } });
    try {
      const { origin } = new URL(await again.listen());
      client = new VendorClient(origin, await again.token(undefined, tenant));
      const moved = links.map((link) => link.replace(new URL(link).origin, origin));
      await expectClosed(named, moved);
      await expectNotFound(named);
      await expectOnlyTombstones(again, [callId]);
    } finally {
      await again.close();
    }
  },
);

test.each(['/chatCapture/v1', '/capture/v2/case'])(
  'what was written by %s is gone behind every door',
  async (pattern) => {
    const { callId, named, links } = await archivedAndOpened(pattern);
    await client.purged(named.session);
    await expectClosed(named, links);
    await until(async () => (await client.statusOf(named.session)) === 'NotFound');
    await expectNotFound(named);
    await expectOnlyTombstones(app, [callId]);
  },
);

test('every door is closed from the moment at which a purge begins, while its keys are still there', async () => {
  const { callId, named, links } = await archivedAndOpened('/callCapture/v1/archive');
  const gate = faults.stop('erase:gated');
  const purging = client.purged(named.session);
  await gate.reached;
  await expectClosed(named, links);
  expect(await client.statusOf(named.session)).toBe('Complete');
  gate.goOn();
  expect(await purging).toMatchObject([{ id: callId, status: 'Purging' }]);
  await expectClosed(named, links);
  await expectOnlyTombstones(app, [callId]);
});

describe('a download that runs when the call is purged', () => {
  /** More than all buffers between here and there hold, so that the server has to wait for us. */
  const long = Buffer.alloc(48 * 1024 * 1024, 'a word after another ');

  test.each(['page', 'audio.mp3', 'recording'])('is cut: %s', async (door) => {
    const { callId, named, links } = await archivedAndOpened('/capture/v2/call', long);
    const paths = {
      page: `${new URL(links[0]).pathname}/audio`,
      'audio.mp3': `/interactions/v2/${callId}/audio.mp3`,
      recording: `/v1/calls/${callId}/recording`,
    };
    const connection = new RawConnection(client.url);
    const path = paths[door as keyof typeof paths];
    await connection.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await connection.pauseAtFirstByte();
    await client.purged(named.session);
    // A second passes, after which the server looks whether it may go on.
    aheadMs = 1000;
    connection.resume();
    // Not the answer itself, which would be printed if it came.
    const end = connection.answer().then(
      ({ body }) => `all ${body.length} bytes came`,
      (error: unknown) => String(error),
    );
    expect(await end).toMatch(/the connection ended/);
    expect(connection.pending.length).toBeLessThan(long.length);
    await expectClosed(named, links);
    await expectOnlyTombstones(app, [callId]);
  });
});
