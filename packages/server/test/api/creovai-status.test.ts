import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CreovaiWire, expectJson, expectRefused } from '../support/creovai-wire.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let wire: CreovaiWire;

beforeAll(async () => {
  app = await startApp();
  await app.listen();
});
beforeEach(async () => {
  wire = await CreovaiWire.start(app);
});
afterAll(async () => await app.close());

const v1 = '/callCapture/v1/status';
const v2 = '/capture/v2/status';
const notFound = (sessionId: string) => ({ status: 'NotFound', id: null, sessionId, durationSec: null });

describe('POST /capture/v2/status', () => {
  test('answers one item with all four keys per session id, in the order asked and with its repeats', async () => {
    const first = await wire.archived('one');
    const second = await wire.archived('two', { endTime: null });
    const one = { status: 'Complete', id: first, sessionId: 'one', durationSec: 150 };
    const two = { status: 'Complete', id: second, sessionId: 'two', durationSec: null };
    const asked = { sessionIds: ['two', 'nobody', 'one', 'two', '', 'ONE'] };
    const sessions = [two, notFound('nobody'), one, two, notFound(''), notFound('ONE')];
    expectJson(await wire.post(v2, asked), { sessions });
    expectJson(await wire.post('//Capture/V2//STATUS', { SessionIds: ['one'] }), { sessions: [one] });
    expectJson(await wire.post(v2, { sessionIds: [] }), { sessions: [] });
  });

  test('says NotFound of what was purged, and of what only metadata has come for', async () => {
    await wire.archived('purged');
    await wire.post('/purge/v1/calls/sessions', { ids: ['purged'] });
    await Promise.all(app.engine.background);
    await wire.post('/capture/v2/outofband/interaction', { sessionId: 'awaited', metadata: { a: 1 } });
    const sessions = [notFound('purged'), notFound('awaited')];
    expectJson(await wire.post(v2, { sessionIds: ['purged', 'awaited'] }), { sessions });
    expectJson(await wire.get(`${v1}/awaited`), { status: 'NotFound', sessionId: 'awaited' });
  });

  test('refuses what is no list of at most a thousand session ids', async () => {
    const bodies = [
      null,
      [],
      {},
      { callSessionIds: ['a'] },
      { sessionIds: null },
      { sessionIds: 'a' },
      '{"sessionIds"',
    ];
    for (const body of [...bodies, { sessionIds: [7] }, { sessionIds: ['a\0'] }, { sessionIds: ['\ud800'] }]) {
      expectRefused(await wire.post(v2, body), 400, /sessionIds|object|JSON/);
    }
    const ids = Array.from({ length: 1001 }, (_, i) => `s${i}`);
    expectRefused(await wire.post(v2, { sessionIds: ids }), 400, /at most 1000/);
    expect((await wire.post(v2, { sessionIds: ids.slice(1) })).status).toBe(200);
  });
});

describe('GET of a status', () => {
  test('answers the very item that the POST of its version answers', async () => {
    await wire.archived('one');
    for (const sessionId of ['one', 'nobody']) {
      const posted = await wire.post(v1, { callSessionIds: [sessionId] });
      const [item] = (posted.json as { callSessions: unknown[] }).callSessions;
      expectJson(await wire.get(`${v1}/${sessionId}`), item);
      const postedTo2 = await wire.post(v2, { sessionIds: [sessionId] });
      const [item2] = (postedTo2.json as { sessions: unknown[] }).sessions;
      expectJson(await wire.get(`${v2}/${sessionId}`), item2);
    }
  });

  test('says NotFound with 200 of an unknown session: a 404 would make its clients throw', async () => {
    expectJson(await wire.get(`${v1}/nobody`), { status: 'NotFound', sessionId: 'nobody' });
    expectJson(await wire.get(`${v2}/nobody`), notFound('nobody'));
  });

  const odd: readonly string[] = [
    'a/b',
    'a//b',
    '/a',
    'a/',
    'a//',
    'a?b=1&c',
    'a?100%',
    'a&isFlow=true',
    'a#b',
    'a+b',
    'a;b:c@d,e!*',
    '..',
    'a/../b',
    'exclude',
    'monitor',
    'exclude/a',
    'capture/v2/status/a',
    'http://a/b',
    'CaSe',
  ];
  test.each(odd)('finds the session %s, however its client writes it in the path', async (sessionId) => {
    const id = await wire.archived(sessionId);
    const found = { status: 'Complete', id, sessionId, durationSec: 150 };
    for (const written of [sessionId, encodeURIComponent(sessionId)]) {
      expectJson(await wire.get(`${v2}/${written}`), found);
      expectJson(await wire.get(`//CAPTURE///V2/Status/${written}`), found);
      expect((await wire.get(`${v1}/${written}`)).json).toMatchObject({ callId: id, sessionId });
    }
  });

  test.each(['a b', 'gr\u00f6\u00dfe', '\u0130stanbul', '100%', 'a%2Fb', '%', '\u{1f600}', ' ', 'a\tb'])(
    'finds the session %s, which no client can send but encoded',
    async (sessionId) => {
      const id = await wire.archived(sessionId);
      const found = { status: 'Complete', id, sessionId, durationSec: 150 };
      expectJson(await wire.get(`${v2}/${encodeURIComponent(sessionId)}`), found);
    },
  );

  test('never mistakes one session for another that differs by a slash, a case or an encoding', async () => {
    await wire.archived('a/b');
    for (const target of ['a//b', '/a/b', 'a/b/', 'A/b', 'a%252Fb', 'a/b?', 'a/b#']) {
      expect((await wire.get(`${v2}/${target}`)).json).toMatchObject({ status: 'NotFound', id: null });
    }
  });

  test('takes a target in absolute form', async () => {
    const id = await wire.archived('a/b');
    expect((await wire.get(`http://archive.example${v2}/a/b`)).json).toMatchObject({ id, sessionId: 'a/b' });
  });

  test('refuses a NUL', async () => {
    expectRefused(await wire.get(`${v2}/a%00`), 400, /session id must not hold NUL/);
  });

  test('finds a session whose id does not decode, as its client wrote it', async () => {
    for (const sessionId of ['100%', 'a%zz', '%20%', '50%/100%']) {
      const id = await wire.archived(sessionId);
      expect((await wire.get(`${v1}/${sessionId}`)).json).toMatchObject({ callId: id, sessionId });
      expect((await wire.get(`//CAPTURE/v2//status/${sessionId}`)).json).toMatchObject({ id, sessionId });
      expect((await wire.get(`http://archive.example${v2}/${sessionId}`)).json).toMatchObject({ id, sessionId });
      expect((await wire.get(`${v2}/${sessionId}?`)).json).toMatchObject({ id: null, sessionId: `${sessionId}?` });
    }
  });

  test('without a session id is not there', async () => {
    for (const target of [v1, v2, `${v1}/`, `${v2}//`]) expectRefused(await wire.get(target), 404);
  });

  test('leaves no session id in the log', async () => {
    await wire.get(`${v2}/secret-of-the-path?secret-of-the-query`);
    expect(app.logged.join('\n')).toContain('"/capture/v2/status/*"');
    expect(app.logged.join('\n')).not.toContain('secret');
  });
});

const requests: [string, (client: CreovaiWire) => ReturnType<CreovaiWire['get']>][] = [
  [`GET ${v1}/*`, async (client) => await client.get(`${v1}/one`)],
  [`GET ${v2}/*`, async (client) => await client.get(`${v2}/one`)],
  [`POST ${v2}`, async (client) => await client.post(v2, { sessionIds: ['one'] })],
];

describe.each(requests)('%s', (_name, ask) => {
  test('is open to readers and writers, and to nobody else', async () => {
    await wire.archived('one');
    expect((await ask(await wire.within(['calls:read']))).status).toBe(200);
    expect((await ask(await wire.within(['calls:write']))).status).toBe(200);
    expectRefused(await ask(await wire.within(['erasures:execute', 'admin'])), 403, /calls:read or calls:write/);
    expectRefused(await ask(wire.withToken('nonsense')), 401);
  });

  test('answers a stranger as if the session were unknown', async () => {
    await wire.archived('one');
    const { body } = await ask(await CreovaiWire.start(app));
    expect(body.toString()).toContain('"NotFound"');
    expect(body.toString()).not.toContain('Complete');
  });
});
