import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventsOfCall } from '../../src/engine/events/events-of-call.ts';
import { CreovaiWire, expectRefused, type WireAnswer } from '../support/creovai-wire.ts';
import { type Scene, startScene } from '../support/scene.ts';

let scene: Scene;
let wire: CreovaiWire;

beforeAll(async () => {
  scene = await startScene();
});
beforeEach(async () => {
  wire = await CreovaiWire.start(scene.app);
});
afterAll(async () => await scene.end());

const eventTime = '2018/10/15T09:00:00.000Z';
const at = Date.UTC(2018, 9, 15, 9);
/** What the calls of these tests are found by. */
const ids = { masterCallId: 'm-1', caseReferenceId: 'c-1', collectionId: 'k-1' };

type Route = { path: string; idName: string; id: string; isTimed: boolean };

const routes: readonly Route[] = [
  { path: '/callEvent/v1/outofband/event', idName: 'sessionId', id: 's-1', isTimed: true },
  { path: '/callEvent/v1/outofband/mastercall', idName: 'masterCallId', id: 'm-1', isTimed: true },
  { path: '/callEvent/v1/outofband/case', idName: 'caseReferenceId', id: 'c-1', isTimed: true },
  { path: '/capture/v2/outofband/interaction', idName: 'sessionId', id: 's-1', isTimed: false },
  { path: '/capture/v2/outofband/master', idName: 'masterId', id: 'm-1', isTimed: false },
  { path: '/capture/v2/outofband/case', idName: 'caseReferenceId', id: 'c-1', isTimed: false },
  { path: '/capture/v2/outofband/collection', idName: 'collectionId', id: 'k-1', isTimed: false },
];

/** The vendor's answer to an event: 200, and nothing after it. */
function expectTaken(answer: WireAnswer): void {
  expect([answer.status, answer.body.toString()]).toEqual([200, '']);
  expect(answer.headers.get('content-length')).toBe('0');
  expect(answer.headers.has('content-type')).toBe(false);
}

/** The metadata events that a call has, opened. */
async function eventsOf(callId: string) {
  const details = await scene.app.engine.store.reads.artifacts.find(callId, 'details');
  return details === undefined ? [] : (await eventsOfCall(scene.app.engine, details)).events;
}

/** Everything that the archive keeps of events, told apart by nothing but their ids. */
async function kept(): Promise<string[]> {
  const { reads } = scene.app.engine.store;
  const awaited = (await reads.calls.page('', 10_000)).filter(({ status }) => status === 'awaited');
  return [...(await reads.events.page('', 10_000)), ...awaited].map(({ id }) => id);
}

describe.each(routes)('POST $path', ({ path, idName, id, isTimed }) => {
  const event = { [idName]: id, eventTime, metadata: { 'A b': { c: [null, 'x'] } } };

  test('seals the event with the call that it names, and answers 200 without a body', async () => {
    const callId = await wire.archived('s-1', ids);
    const otherId = await wire.archived('s-2');
    expectTaken(await wire.post(path, event));
    expect(await eventsOf(callId)).toEqual([{ at, metadata: event['metadata'] }]);
    expect(await eventsOf(otherId)).toEqual([]);
  });

  test('is found in any case, and read in the spelling of either SDK', async () => {
    const callId = await wire.archived('s-1', ids);
    const upper = `${idName[0]?.toUpperCase()}${idName.slice(1)}`;
    expectTaken(await wire.post(`/${path.toLowerCase()}`, { [upper]: id, EventTime: eventTime, MetaData: { n: 1 } }));
    expectTaken(await wire.post(path.toUpperCase(), event, ['Content-Type: text/plain']));
    expect(await eventsOf(callId)).toHaveLength(2);
  });

  test('keeps an event whose call is still to come, and gives it to that call', async () => {
    expectTaken(await wire.post(path, event));
    const callId = await wire.archived('s-1', ids);
    expect(await eventsOf(callId)).toEqual([{ at, metadata: event['metadata'] }]);
  });

  test('refuses an event without a well-formed id, and keeps nothing of it', async () => {
    const before = await kept();
    for (const wrong of [undefined, null, '', 7, ['s-1'], 'x'.repeat(513), 'a\0', '\ud800']) {
      expectRefused(await wire.post(path, { ...event, [idName]: wrong }), 400, new RegExp(`^${idName} `));
    }
    expect(await kept()).toEqual(before);
    expectTaken(await wire.post(path, { ...event, [idName]: 'x'.repeat(512) }));
  });

  test('refuses metadata that is no object, too deep, or too large, and keeps nothing of it', async () => {
    const before = await kept();
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(64)}{}${'}'.repeat(64)}`);
    for (const metadata of [undefined, null, [], 'text', 7]) {
      expectRefused(await wire.post(path, { ...event, metadata }), 400, /^metadata /);
    }
    expectRefused(await wire.post(path, { ...event, metadata: deep }), 400, /nested deeper than 64 levels$/);
    const large = { ...event, metadata: { a: 'x'.repeat(256 * 1024) } };
    expectRefused(await wire.post(path, large), 413, /larger than 256 KiB/);
    expect(await kept()).toEqual(before);
  });

  test('refuses a body that is no JSON object', async () => {
    for (const body of [null, [], '', '{"metadata"', 'text']) {
      expectRefused(await wire.post(path, body), 400, /JSON/);
    }
    expectRefused(await wire.postNothing(path), 400, /JSON object/);
  });

  test('refuses a time that it cannot read', async () => {
    for (const wrong of ['', 'yesterday', '2018-02-30T09:00:00Z', 1_539_594_000_000]) {
      expectRefused(await wire.post(path, { ...event, eventTime: wrong }), 400, /^eventTime must/);
    }
  });

  test(isTimed ? 'refuses an event without a time' : 'takes an event without a time as happening now', async () => {
    const callId = await wire.archived('s-1', ids);
    for (const left of [undefined, null]) {
      const answer = await wire.post(path, { ...event, eventTime: left });
      if (isTimed) expectRefused(answer, 400, /^eventTime is required$/);
      else expectTaken(answer);
    }
    const times = (await eventsOf(callId)).map((one) => Math.abs(one.at - scene.app.engine.clock.now()) < 60_000);
    expect(times).toEqual(isTimed ? [] : [true, true]);
  });

  test('needs the scope calls:write', async () => {
    const callId = await wire.archived('s-1', ids);
    const reader = await wire.within(['calls:read', 'erasures:execute', 'admin']);
    expectRefused(await reader.post(path, event), 403, /calls:write/);
    expectRefused(await wire.withToken('nonsense').post(path, event), 401);
    expect(await eventsOf(callId)).toEqual([]);
    expectTaken(await (await wire.within(['calls:write'])).post(path, event));
    expect(await eventsOf(callId)).toHaveLength(1);
  });

  test('never reaches the calls of another tenant, and answers as if they were its own', async () => {
    const callId = await wire.archived('s-1', ids);
    expectTaken(await (await CreovaiWire.start(scene.app)).post(path, event));
    expect(await eventsOf(callId)).toEqual([]);
  });
});

test('a session event without a session is told that this server has no rules to find one', async () => {
  const answer = await wire.post('/callevent/v1/outofband/event', { eventTime, metadata: { a: 1 } });
  expectRefused(answer, 400, /^sessionId is required, because this server has no rules by which to find a session$/);
});

test('an event that comes after a purge is answered 200 and leaves nothing', async () => {
  await wire.archived('s-1', ids);
  await wire.post('/purge/v1/calls/sessions', { ids: ['s-1'] });
  await Promise.all(scene.app.engine.background);
  const before = await kept();
  for (const path of ['/callEvent/v1/outofband/event', '/capture/v2/outofband/interaction']) {
    expectTaken(await wire.post(path, { sessionId: 's-1', eventTime, metadata: { a: 1 } }));
  }
  expect(await kept()).toEqual(before);
});

test('no word of an event is logged', async () => {
  await wire.archived('secret-session', { masterCallId: 'secret-master' });
  for (const { path, idName } of routes) {
    await wire.post(path, { [idName]: 'secret-session', eventTime, metadata: { secretKey: 'secret-value' } });
    await wire.post(path, { [idName]: 'secret-session', eventTime: 'secret-time', metadata: {} });
  }
  expect(scene.app.logged.join('\n')).toContain('/capture/v2/outofband/master');
  expect(scene.app.logged.join('\n')).not.toContain('secret');
});
