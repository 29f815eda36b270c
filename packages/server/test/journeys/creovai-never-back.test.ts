/** Whatever a client sends after a purge, or has under way when it comes: none of it brings the call back. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import { type Named, namedBy } from '../support/creovai-bodies.ts';
import { audio, dataPart, formOf, formType, infoPart } from '../support/creovai-forms.ts';
import { creovaiRoutes, routeAt } from '../support/creovai-routes.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { expectOnlyTombstones } from '../support/nothing-left.ts';
import { RawConnection, rawRequest } from '../support/raw-http.ts';
import { until } from '../support/until.ts';
import { type VendorAnswer, VendorClient } from '../support/vendor-client.ts';

const dayMs = 24 * 3_600_000;

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

const captures = creovaiRoutes.flatMap(({ archives, pattern }) => (archives ? [pattern] : []));
const forms = creovaiRoutes.flatMap(({ isForm, pattern }) => (isForm ? [pattern] : []));
const events = creovaiRoutes.flatMap(({ pattern }) => (pattern.includes('/outofband/') ? [pattern] : []));
const sessionEvents = ['/callEvent/v1/outofband/event', '/capture/v2/outofband/interaction'];
/** Every way to purge, uploads under way included. */
const purges = creovaiRoutes.flatMap(({ pattern }) => (/\/purge\b/.test(pattern) ? [pattern] : []));
const even = { allowIncompleteInteraction: true };

let phones = 0;
/** Names that nothing else here has. */
function fresh(word: string): Named {
  phones += 1;
  return namedBy(word, '', `+1512555${String(1000 + phones)}`);
}

function expectErased(answer: VendorAnswer): void {
  expect(answer.status, answer.text).toBe(400);
  expect(answer.json).toEqual({ message: 'This session was erased and its id cannot be used again' });
}

/** Every way to ask for a session says that it is not there. */
async function expectNotFound(...sessions: string[]): Promise<void> {
  for (const session of sessions) {
    const v1 = { status: 'NotFound', sessionId: session };
    const v2 = { ...v1, id: null, durationSec: null };
    expect((await client.get(`/callCapture/v1/status/${session}`)).json).toEqual(v1);
    expect((await client.get(`/capture/v2/status/${session}`)).json).toEqual(v2);
    expect((await client.post('/capture/v2/status/exclude', { sessionIds: [session] })).json).toEqual({
      sessions: [v2],
    });
    expect(await client.purged(session)).toMatchObject([{ id: null, sessionId: session, status: 'NotFound' }]);
  }
}

const purgeV1 = '/purge/v1/calls/sessions';
const purgeV2 = '/interactions/v2/purge/sessions';

/** Purges one call by its session, and waits until it is gone. */
async function purge(named: Named, by = purgeV2): Promise<void> {
  const { items } = await client.asked<{ items: object[] }>(by, named);
  expect(items[0]).toMatchObject({ sessionId: named.session, status: 'Purging', errorMsg: null });
  await until(async () => (await client.statusOf(named.session)) === 'NotFound');
}

describe('a purge while the call is still on its way', () => {
  /** Sends all of an upload but its last bytes, and waits until the archive knows of it. */
  async function startUpload(pattern: string, named: Named) {
    const form = formOf([infoPart(routeAt(pattern).body?.(named)), dataPart(audio, 'audio/mpeg')]);
    const headers = [`Authorization: Bearer ${token}`, `Content-Type: ${formType}`];
    const request = rawRequest(`POST ${pattern}`, headers, form);
    const connection = new RawConnection(client.url);
    await connection.send(request.subarray(0, -100));
    await until(async () => (await client.statusOf(named.session)) === 'InProgress');
    const { json } = await client.get(`/capture/v2/status/${named.session}`);
    return { callId: (json as { id: string }).id, connection, rest: request.subarray(-100) };
  }

  test.each(forms)(
    '%s: makes the upload fail, however it names the call, and the same upload stays refused',
    async (pattern) => {
      const gone: string[] = [];
      for (const by of purges) {
        const named = fresh(`coming-${gone.length}`);
        await client.asked('/capture/v2/outofband/interaction', named);
        const { callId, connection, rest } = await startUpload(pattern, named);
        const { items } = await client.asked<{ items: object[] }>(
          by,
          { ...named, callId },
          by.startsWith('/interactions') ? even : {},
        );
        expect(items[0]).toMatchObject({ status: 'Purging', errorMsg: null });
        await connection.send(rest);
        const answer = await connection.answer();
        expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([
          400,
          { message: expect.stringMatching(/erased/) },
        ]);
        connection.close();
        expectErased(await client.ask(pattern, named));
        gone.push(named.session);
      }
      for (const session of gone) await until(async () => (await client.statusOf(session)) === 'NotFound');
      await expectNotFound(...gone);
      const { reads } = app.engine.store;
      await expectOnlyTombstones(
        app,
        (await reads.tombstones.page('', 1000)).map(({ callId }) => callId),
      );
    },
  );

  test.each(captures)(
    '%s: is not undone by a request that has stored everything but its last commit',
    async (pattern) => {
      const named = fresh('sealed');
      const sealed = faults.stop('archive:sealed');
      const capture = client.ask(pattern, named);
      await sealed.reached;
      const [item] = await client.purged(named.session);
      expect(item).toMatchObject({ sessionId: named.session, status: 'Purging' });
      sealed.goOn();
      expectErased(await capture);
      for (const again of captures) expectErased(await client.ask(again, named));
      await expectOnlyTombstones(app, [item?.id ?? '']);
      await expectNotFound(named.session);
    },
  );
});

test.each(captures)(
  'a session purged of what came by %s is refused by every route, in the same words',
  async (pattern) => {
    const named = fresh('once');
    const callId = await client.archived(pattern, named);
    // By the other generation than the one that archived it.
    await purge(named, pattern.startsWith('/capture/v2') ? purgeV1 : purgeV2);
    for (const again of captures) {
      expectErased(await client.ask(again, named));
      expectErased(await client.ask(again, { ...fresh('else'), session: named.session }));
    }
    await expectNotFound(named.session);
    await expectOnlyTombstones(app, [callId]);
  },
);

describe('an event that comes after the purge', () => {
  test.each(events)('by %s is taken, shown to nobody, and not kept beyond its day', async (pattern) => {
    const named = fresh('late');
    const callId = await client.archived('/capture/v2/call', named);
    await purge(named);
    const answer = await client.ask(pattern, { ...named, callId }, { metadata: { late: 'after the purge' } });
    expect([answer.status, answer.text]).toEqual([200, '']);
    await expectNotFound(named.session);
    expect((await client.get(`/interactions/v2/${callId}`)).status).toBe(404);
    // Of a purged session nothing is kept. Of the other ids nobody knows whether more calls of theirs are to come.
    if (!sessionEvents.includes(pattern)) {
      aheadMs = dayMs + 1;
      await new Upkeep(app.engine).once();
    }
    await expectOnlyTombstones(app, [callId]);
  });

  test('reaches the calls that live, by whichever route, and not the one that was purged', async () => {
    const [gone, living] = [fresh('shared'), { ...fresh('shared'), session: 'living' }];
    const goneId = await client.archived('/capture/v2/call', gone);
    const livingId = await client.archived('/capture/v2/call', living);
    await purge(gone);
    for (const [i, pattern] of events.entries()) {
      await client.asked(pattern, living, { metadata: { [`late ${i}`]: pattern } });
      const shown = await client.asked<{ metadata: object }>('/interactions/v2/*', { ...living, callId: livingId });
      expect(shown.metadata).toMatchObject({ [`late ${i}`]: pattern });
    }
    expect((await client.get(`/interactions/v2/${goneId}`)).status).toBe(404);
    await purge(living);
    await expectOnlyTombstones(app, [goneId, livingId]);
  });
});

describe('an event that waits for its call', () => {
  test.each(sessionEvents)(
    'by %s goes with the purge of its session, which no upload can then use',
    async (pattern) => {
      const named = fresh('awaited');
      await client.asked(pattern, named, { metadata: { early: 'bird' } });
      expect(await client.statusOf(named.session)).toBe('NotFound');
      await purge(named);
      for (const capture of captures) expectErased(await client.ask(capture, named));
      await client.asked(pattern, named, { metadata: { early: 'again' } });
      await expectNotFound(named.session);
      const { reads } = app.engine.store;
      const [tombstone] = await reads.tombstones.page('', 10);
      await expectOnlyTombstones(app, [tombstone?.callId ?? '']);
    },
  );

  test('and was given to a call goes with the purge of that call, by whichever route it came', async () => {
    const named = fresh('absorbed');
    for (const [i, pattern] of events.entries()) {
      await client.asked(pattern, named, { metadata: { [`early ${i}`]: pattern } });
    }
    const callId = await client.archived('/chatCapture/v1', named);
    const shown = await client.asked<{ metadata: object }>('/interactions/v2/*', { ...named, callId });
    expect(shown.metadata).toMatchObject(Object.fromEntries(events.map((pattern, i) => [`early ${i}`, pattern])));
    await purge(named, purgeV1);
    expectErased(await client.ask('/chatCapture/v1', named));
    await expectOnlyTombstones(app, [callId]);
  });
});
