import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { CreovaiWire } from '../support/creovai-wire.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { until } from '../support/until.ts';
import { type Stage, startStage } from './stage.ts';

let stage: Stage;
let wire: CreovaiWire;
const faults = new HookedFaults();

beforeAll(async () => {
  stage = await startStage({ faults });
});
beforeEach(async () => {
  wire = await CreovaiWire.start(stage.app);
});
afterAll(async () => await stage.close());

/** The two versions of purging: their paths, and what they call a call's id. */
const versions = [
  { version: 1, byId: '/purge/v1/calls', bySession: '/purge/v1/calls/sessions', idName: 'callId' },
  { version: 2, byId: '/interactions/v2/purge', bySession: '/interactions/v2/purge/sessions', idName: 'id' },
] as const;
type Version = (typeof versions)[number];

/** The path and body of a customer's purge. */
function customerOf({ version }: Version, phoneNumber: string): [path: string, body: object] {
  return version === 1
    ? ['/purge/v1/calls/customer', { phoneNumber }]
    : ['/interactions/v2/purge/customer', { phoneNumbers: [phoneNumber], allowIncompleteInteraction: false }];
}

/** The items of a purge that was accepted, as they stand in the answer. */
async function purged(path: string, body: object): Promise<unknown[]> {
  const answer = await wire.post(path, body);
  expect(answer.status, answer.body.toString()).toBe(200);
  return (answer.json as { items: unknown[] }).items;
}

function itemOf({ idName }: Version, id: string | null, sessionId: string | null, status: string, errorMsg?: string) {
  return { [idName]: id, sessionId, status, errorMsg: errorMsg ?? null };
}

async function callOf(sessionId: string, ...contacts: object[]): Promise<string> {
  return await wire.archived(sessionId, { contacts });
}

describe.each(versions)('in version $version', (version) => {
  const { byId, bySession } = version;

  test('4.23 a purge item has all four keys, null where there is nothing to say', async () => {
    const customer = { type: 'Customer', phoneNumber: '+15125551234' };
    const [going, held] = [await callOf('going', customer), await callOf('held', customer)];
    const caller = { ...stage.app.caller(), tenant: wire.tenant };
    const none = { identifiers: [], from: null, to: null, reviewAt: null };
    await placeHold(stage.app.engine, caller, { ...none, callIds: [held], reason: 'a case in court' });
    const item = (...what: [string | null, string | null, string, string?]) => itemOf(version, ...what);
    const [customerPath, customerBody] = customerOf(version, '+15125551234');

    const looked = [item(going, 'going', 'WhatIf'), item(held, 'held', 'Error', 'legal hold')];
    expect(await purged(`${byId}?whatIf=true`, { ids: [going, held] })).toStrictEqual(looked);
    expect(await purged(`${bySession}?whatIf=true`, { ids: ['going', 'held'] })).toStrictEqual(looked);
    expect(await purged(`${customerPath}?whatIf=true`, customerBody)).toStrictEqual(looked);
    const done = [item(going, 'going', 'Purging'), item(held, 'held', 'Error', 'legal hold')];
    expect(await purged(customerPath, customerBody)).toStrictEqual(done);
    const unknown = [item('bbqfbbbow', null, 'NotFound')];
    expect(await purged(byId, { ids: ['bbqfbbbow'] })).toStrictEqual(unknown);
    expect(await purged(bySession, { ids: ['BadSessionId'] })).toStrictEqual([item(null, 'BadSessionId', 'NotFound')]);
  });

  test('4.29 items come one per id in the order asked, each echoing its id verbatim', async () => {
    const odd = ['caf\u00e9 \u65e5\u672c', '  spaced  ', '', 'x'.repeat(5000), '"\\\n\t', '<b>&amp;', '{{id}}', 'NULL'];
    const ids = Object.fromEntries(await Promise.all(['a', 'b'].map(async (id) => [id, await callOf(id)])));
    const asked = [ids['b'], ...odd, ids['a'], ids['b'], ids['a'].toUpperCase()];
    const known = new Map([
      [ids['a'], 'a'],
      [ids['b'], 'b'],
    ]);
    const items = asked.map((id) => itemOf(version, id, known.get(id) ?? null, known.has(id) ? 'Purging' : 'NotFound'));
    expect(await purged(byId, { ids: asked })).toStrictEqual(items);

    const c = await callOf('c');
    const sessions = ['nobody', 'c', ...odd, 'C', 'c'];
    const sessionItems = sessions.map((id) =>
      itemOf(version, id === 'c' ? c : null, id, id === 'c' ? 'Purging' : 'NotFound'),
    );
    expect(await purged(bySession, { ids: sessions })).toStrictEqual(sessionItems);
  });

  test('4.30 a session without a call is purged like one with a call, and has no id', async () => {
    const event = { sessionId: 'early', eventTime: '2024-03-01T10:00:00Z', metadata: { note: 'x' } };
    await wire.post('/callEvent/v1/outofband/event', event);
    const looked = await purged(`${bySession}?whatIf=true`, { ids: ['early'] });
    expect(looked).toStrictEqual([itemOf(version, null, 'early', 'WhatIf')]);
    expect(await purged(bySession, { ids: ['early'] })).toStrictEqual([itemOf(version, null, 'early', 'Purging')]);
    const again = async () => await purged(bySession, { ids: ['early'] });
    const gone = [itemOf(version, null, 'early', 'NotFound')];
    await until(async () => JSON.stringify(await again()) === JSON.stringify(gone));
  });

  test('4.31 a customer is found by external participants alone, and the number may be written as the call has it', async () => {
    const internal = ['agent', 'AGENT', 'Ivr', 'system', 'Bot'];
    for (const type of internal) await callOf(`by-${type}`, { type, phoneNumber: '+15125551234' });
    const external = [undefined, 'customer', 'Supervisor'];
    const found: unknown[] = [];
    for (const [at, type] of external.entries()) {
      const id = await callOf(`of-${at}`, { type, phoneNumber: '1001' });
      found.push(itemOf(version, id, `of-${at}`, 'WhatIf'));
    }
    const look = async (phone: string) => {
      const [path, body] = customerOf(version, phone);
      return await purged(`${path}?whatIf=true`, body);
    };
    expect(await look('+15125551234')).toStrictEqual([]);
    expect(await look('1001')).toStrictEqual(found);
    // A number dialled is often the tenant's own.
    expect(await look('+15125550199')).toStrictEqual([]);
  });

  test('4.32 a purge says Purging, and is over when the status says NotFound; a repeat says so too', async () => {
    const callId = await callOf('going');
    const stopped = faults.stop('erase:sealed');
    const purging = [itemOf(version, callId, 'going', 'Purging')];
    expect(await purged(byId, { ids: [callId] })).toStrictEqual(purging);
    await stopped.reached;
    expect(await wire.statusOf('going')).toBe('Complete');
    expect(await purged(bySession, { ids: ['going'] })).toStrictEqual(purging);
    expect((await wire.get(`/v1/calls/${callId}/recording`)).status).toBe(404);
    expect((await wire.get(`/interactions/v2/${callId}`)).status).toBe(404);
    stopped.goOn();
    await until(async () => (await wire.statusOf('going')) === 'NotFound');
    expect(await purged(bySession, { ids: ['going'] })).toStrictEqual([itemOf(version, null, 'going', 'NotFound')]);
    expect(await purged(byId, { ids: [callId] })).toStrictEqual([itemOf(version, callId, null, 'NotFound')]);
  });
});

describe('4.33 an upload under way', () => {
  /** One whose recording does not come until its end is called for. */
  async function underWay(sessionId: string) {
    const slow = new CreovaiClient(stage.origins.main, wire.token).slowUpload(sessionId, '+15125551234');
    await until(async () => (await wire.statusOf(sessionId)) === 'InProgress');
    const { json } = await wire.get(`/capture/v2/status/${sessionId}`);
    return { ...slow, callId: (json as { id: string }).id };
  }

  test('is left alone by a purge of version 2 that does not allow it, and ends as a whole call', async () => {
    const { upload, end, answer, callId } = await underWay('left');
    const customer = { phoneNumbers: ['+15125551234'] };
    for (const flag of [{ allowIncompleteInteraction: false }, { allowIncompleteInteraction: null }, {}]) {
      const incomplete = { id: callId, status: 'Error', errorMsg: 'interaction is incomplete' };
      const bySession = await purged('/interactions/v2/purge/sessions', { ids: ['left'], ...flag });
      expect(bySession).toStrictEqual([{ ...incomplete, sessionId: 'left' }]);
      // Until the upload has ended nobody but its client can say what its session is.
      const unnamed = [{ ...incomplete, sessionId: null }];
      expect(await purged('/interactions/v2/purge', { ids: [callId], ...flag })).toStrictEqual(unnamed);
      expect(await purged('/interactions/v2/purge/customer', { ...customer, ...flag })).toStrictEqual(unnamed);
    }
    upload.write('RIFF');
    end();
    expect(await answer).toBe(200);
    expect(await wire.statusOf('left')).toBe('Complete');
    expect((await wire.recording(callId)).toString()).toBe('RIFF');
  });

  const purges = [
    ['of version 2 that allows it', '/interactions/v2/purge/sessions', { allowIncompleteInteraction: true }],
    ['of version 1', '/purge/v1/calls/sessions', {}],
  ] as const;
  test.each(purges)('is purged by a purge %s, and its client is told so at its end', async (_name, path, flag) => {
    const { upload, end, answer } = await underWay('purged');
    const [item] = await purged(path, { ids: ['purged'], ...flag });
    expect(item).toMatchObject({ sessionId: 'purged', status: 'Purging', errorMsg: null });
    upload.write('RIFF');
    end();
    expect(await answer).toBe(400);
    await until(async () => (await wire.statusOf('purged')) === 'NotFound');
    const late = await new CreovaiClient(stage.origins.main, wire.token).archive(
      'purged',
      '+15125551234',
      Buffer.from('R'),
    );
    expect(late).toMatchObject({ status: 400, message: 'This session was erased and its id cannot be used again' });
  });
});

test('4.34 ids are opaque: ours fit in a path as they are, and any other text is simply an id that nobody has', async () => {
  const callId = await callOf('ours');
  expect(callId).toMatch(/^[a-z0-9-]{1,64}$/);
  const foreign = [
    'bbqfbbbow',
    '1',
    callId.toUpperCase(),
    `${callId} `,
    '../calls',
    'x'.repeat(3000),
    '\u00fc',
    "' or 1=1 --",
  ];
  for (const id of foreign) {
    for (const { byId, idName } of versions) {
      const [item] = await purged(byId, { ids: [id] });
      expect(item).toMatchObject({ [idName]: id, status: 'NotFound' });
    }
    const email = 'guest@example.org';
    expect((await wire.post('/callShare/v1/token', { email, callId: id })).status).toBe(404);
    expect((await wire.post('/Interactions/v2/token', { email, interactionId: id })).status).toBe(404);
    const path = encodeURIComponent(id);
    expect((await wire.get(`/interactions/v2/${path}`)).status, id).toBe(404);
    expect((await wire.get(`/interactions/v2/${path}/audio.mp3`)).status, id).toBe(404);
  }
  expect(await wire.statusOf('ours')).toBe('Complete');
});
