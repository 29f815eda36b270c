import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CreovaiClient } from '../support/creovai-client.ts';
import { audio } from '../support/creovai-forms.ts';
import { CreovaiWire, expectJson, expectRefused, type WireAnswer } from '../support/creovai-wire.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let wire: CreovaiWire;

beforeAll(async () => {
  scene = await startScene();
});
beforeEach(async () => {
  wire = await CreovaiWire.start(scene.app);
});
afterAll(async () => await scene.end());

const v1 = '/callCapture/v1/status/exclude';
const v2 = '/capture/v2/status/exclude';
const notFound = (sessionId: string) => ({ status: 'NotFound', id: null, sessionId, durationSec: null });

/** What the audit trail of the client's tenant says of exclusions: how many calls each time. */
async function counted(): Promise<unknown[]> {
  const entries = await scene.app.engine.store.reads.audit.page('', 10_000);
  const mine = entries.filter(({ tenantId, event }) => tenantId === wire.tenant.id && event === 'call.excluded');
  return mine.map(({ detail, subjectId }) => [detail, subjectId]);
}

describe('excluding a list of sessions', () => {
  test('answers what each is then, in the order asked and with its repeats, and audits how many', async () => {
    const one = { status: 'Excluded', id: await wire.archived('one'), sessionId: 'one', durationSec: 150 };
    const two = { status: 'Excluded', id: await wire.archived('two'), sessionId: 'two', durationSec: 150 };
    const sessionIds = ['two', 'nobody', 'one', 'two', ''];
    const sessions = [two, notFound('nobody'), one, two, notFound('')];
    expectJson(await wire.post(v2, { sessionIds }), { sessions });
    expect(await counted()).toEqual([[{ calls: 2 }, null]]);
    expectJson(await wire.post('/capture/v2/status', { sessionIds }), { sessions });
  });

  test('answers in the form of version 1 on its route, in the spelling of its clients', async () => {
    const callId = await wire.archived('one');
    const item = { status: 'Excluded', callId, sessionId: 'one', durationSec: 150 };
    const callSessions = [item, { status: 'NotFound', sessionId: 'nobody' }];
    expectJson(await wire.post('//CallCapture//v1/status/exclude', { CallSessionIds: ['one', 'nobody'] }), {
      callSessions,
    });
    expectJson(await wire.post('/callCapture/v1/status', { callSessionIds: ['one', 'nobody'] }), { callSessions });
  });

  test('changes nothing but the status: the call plays, and its repeat is the same call', async () => {
    const callId = await wire.archived('one');
    await wire.post(v2, { sessionIds: ['one'] });
    expect((await wire.recording(callId)).equals(audio)).toBe(true);
    expect(await wire.archived('one')).toBe(callId);
    expect(await wire.statusOf('one')).toBe('Excluded');
  });

  test('a second time changes nothing and audits nothing', async () => {
    await wire.archived('one');
    const first = await wire.post(v2, { sessionIds: ['one'] });
    expectJson(await wire.post(v2, { sessionIds: ['one', 'one'] }), {
      sessions: [
        ...(first.json as { sessions: unknown[] }).sessions,
        ...(first.json as { sessions: unknown[] }).sessions,
      ],
    });
    expect(await counted()).toHaveLength(1);
  });

  test('of nobody we know changes nothing and audits nothing', async () => {
    expectJson(await wire.post(v2, { sessionIds: [] }), { sessions: [] });
    expectJson(await wire.post(v2, { sessionIds: ['nobody'] }), { sessions: [notFound('nobody')] });
    expect(await counted()).toEqual([]);
  });

  test('refuses what is no list of at most a thousand session ids, and excludes none of it', async () => {
    await wire.archived('one');
    const ids = ['one', ...Array.from({ length: 1000 }, (_, i) => `s${i}`)];
    for (const [route, name] of [
      [v1, 'callSessionIds'],
      [v2, 'sessionIds'],
    ] as const) {
      const bodies = [null, [], '', {}, { [name]: null }, { [name]: 'one' }, { [name]: ['one', 7] }, { [name]: ids }];
      for (const body of [...bodies, { [name]: ['one', 'a\0'] }]) {
        expectRefused(await wire.post(route, body), 400, /essionIds|object|JSON/);
      }
    }
    expect(await wire.statusOf('one')).toBe('Complete');
  });
});

describe('excluding one session by its path', () => {
  test('takes no body, no length and no Content-Type', async () => {
    const id = await wire.archived('one');
    const excluded = { status: 'Excluded', id, sessionId: 'one', durationSec: 150 };
    expectJson(await wire.postNothing(`${v2}/one`), excluded);
    expectJson(await wire.post(`${v2}/one`, '', []), excluded);
    expectJson(await wire.postNothing(`${v2}/nobody`), notFound('nobody'));
    expect(await counted()).toEqual([[{ calls: 1 }, null]]);
  });

  test('takes any body and any Content-Type, and reads none of it', async () => {
    for (const [i, type] of ['application/json', 'text/plain', 'multipart/form-data'].entries()) {
      const id = await wire.archived(`s${i}`);
      const answer = await wire.post(`${v2}/s${i}`, `{"sessionIds": ["other"`, [`Content-Type: ${type}`]);
      expectJson(answer, { status: 'Excluded', id, sessionId: `s${i}`, durationSec: 150 });
    }
  });

  test.each(['a/b', '/a//', 'a?b=1', 'exclude', 'a%20b', 'monitor'])('finds the session %s', async (written) => {
    const sessionId = decodeURIComponent(written);
    const id = await wire.archived(sessionId);
    const excluded = { status: 'Excluded', id, sessionId, durationSec: 150 };
    expectJson(await wire.postNothing(`//CAPTURE/v2//status/Exclude/${written}`), excluded);
  });

  test('refuses a NUL', async () => {
    expectRefused(await wire.postNothing(`${v2}/a%00`), 400, /session id must not hold NUL/);
  });
});

const requests: [string, (client: CreovaiWire) => Promise<WireAnswer>][] = [
  [v1, async (client) => await client.post(v1, { callSessionIds: ['one'] })],
  [v2, async (client) => await client.post(v2, { sessionIds: ['one'] })],
  [`${v2}/*`, async (client) => await client.postNothing(`${v2}/one`)],
];

describe.each(requests)('POST %s', (_route, exclude) => {
  test('needs the scope calls:write', async () => {
    await wire.archived('one');
    expectRefused(await exclude(await wire.within(['calls:read', 'erasures:execute', 'admin'])), 403, /calls:write/);
    expectRefused(await exclude(wire.withToken('nonsense')), 401);
    expect(await wire.statusOf('one')).toBe('Complete');
    expect((await exclude(await wire.within(['calls:write']))).status).toBe(200);
    expect(await wire.statusOf('one')).toBe('Excluded');
  });

  test('never reaches the call of another tenant, nor says that there is one', async () => {
    await wire.archived('one');
    const answer = await exclude(await CreovaiWire.start(scene.app));
    expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('"NotFound"')]);
    expect(await wire.statusOf('one')).toBe('Complete');
  });
});

describe('beside an erasure', () => {
  test('a call that is being purged stays what it was, and no exclusion brings it back', async () => {
    const id = await wire.archived('one');
    const stop = scene.faults.stop('erase:gated');
    const purged = wire.post('/interactions/v2/purge', { ids: [id] });
    await stop.reached;
    const complete = { status: 'Complete', id, sessionId: 'one', durationSec: 150 };
    expectJson(await wire.postNothing(`${v2}/one`), complete);
    expect(await counted()).toEqual([]);
    stop.goOn();
    expect((await purged).json).toMatchObject({ items: [{ id, status: 'Purging' }] });
    await until(async () => (await wire.statusOf('one')) === 'NotFound');
    expectJson(await wire.postNothing(`${v2}/one`), notFound('one'));
  });

  test('an excluded call is purged like any other', async () => {
    const id = await wire.archived('one');
    await wire.postNothing(`${v2}/one`);
    const answer = await wire.post('/interactions/v2/purge/sessions', { ids: ['one'] });
    expectJson(answer, { items: [{ id, sessionId: 'one', status: 'Purging', errorMsg: null }] });
    await until(async () => (await wire.statusOf('one')) === 'NotFound');
  });

  test('exclusions and purges that meet leave each call either excluded or gone', async () => {
    const sessionIds = Array.from({ length: 12 }, (_, i) => `s${i}`);
    for (const sessionId of sessionIds) await wire.archived(sessionId);
    const purged = sessionIds.filter((_, i) => i % 2 === 0);
    const answers = await Promise.all(
      purged.flatMap((id) => [
        wire.post('/interactions/v2/purge/sessions', { ids: [id] }),
        wire.post(v2, { sessionIds }),
      ]),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    for (const id of purged) await until(async () => (await wire.statusOf(id)) === 'NotFound');
    for (const id of sessionIds.filter((one) => !purged.includes(one)))
      expect(await wire.statusOf(id)).toBe('Excluded');
  });
});

test('an upload under way is passed over', async () => {
  const slow = new CreovaiClient(scene.app.http.listeningOrigin, wire.token).slowUpload('slow', '+15125550142');
  await until(async () => (await wire.statusOf('slow')) === 'InProgress');
  expect((await wire.postNothing(`${v2}/slow`)).json).toMatchObject({ status: 'InProgress', sessionId: 'slow' });
  expect(await counted()).toEqual([]);
  slow.end();
  expect(await slow.answer).toBe(200);
  expect(await wire.statusOf('slow')).toBe('Complete');
});
