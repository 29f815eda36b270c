import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CaptureClient, expectRefused, stored } from '../support/capture-client.ts';
import { audio, callInfo, dataPart, holdings, infoPart, type TestPart } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { marks, marksIn } from '../support/marks.ts';
import { type Body, cases, chats, inPascalCase } from '../support/written-calls.ts';

const v1 = '/callCapture/v1/archive';
const v2 = '/capture/v2/call';

let app: TestApp;
let origin: string;
let client: CaptureClient;

beforeAll(async () => {
  app = await startApp();
  origin = await app.listen();
  client = new CaptureClient(origin, await app.token());
});
afterAll(async () => {
  await untilQuiet(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  expect(marksIn(Buffer.from(app.logged.join('\n')))).toEqual([]);
  await app.close();
});

/** The call of `callInfo` in the words of the second generation. */
function infoV2(sessionId: string, change: Body = {}): Body {
  const { startTime, endTime, contacts, ...same } = callInfo(sessionId);
  return { ...same, utcStart: startTime, utcEnd: endTime, participants: contacts, ...change };
}

const formOf = (info: unknown, data: TestPart = dataPart()) => [infoPart(info), data];

async function archived(sessionId: string): Promise<string> {
  const { status, body } = await client.form(v2, formOf(infoV2(sessionId)));
  expect(status).toBe(200);
  return String(body['id']);
}

describe('a call of the second generation', () => {
  test('is archived whole, with its parts in either order, and answered with its id', async () => {
    const parts = formOf(infoV2('whole', { masterId: 'm', caseReferenceId: 'c', collectionId: 'k' }));
    const answer = await client.form(v2, parts);
    expect([answer.status, answer.type]).toEqual([200, 'application/json; charset=utf-8']);
    expect(answer.body).toStrictEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown });
    const callId = String(answer.body['id']);
    expect((await client.form(v2, parts.toReversed())).body).toEqual({ id: callId });

    const row = await app.engine.store.reads.calls.find(app.tenant.id, callId);
    expect(row).toMatchObject({ kind: 'call', source: 'creovai', direction: 'inbound', durationMs: 150_000 });
    const { contacts, numberDialed, metadata } = callInfo('whole');
    expect(await stored(app, callId, 'details')).toEqual({
      contacts: (contacts as Body[]).map((contact) => ({ ...contact, extra: {} })),
      numberDialed,
      metadata,
      audio: { format: 'wav', extra: {} },
      extra: {},
    });
    expect(await stored(app, callId, 'correlation')).toEqual({
      sessionId: 'whole',
      masterCallId: 'm',
      caseReferenceId: 'c',
      collectionId: 'k',
    });
    const headers = { authorization: `Bearer ${await app.token(['calls:read'])}` };
    const recording = await fetch(`${origin}/v1/calls/${callId}/recording`, { headers });
    expect(Buffer.from(await recording.arrayBuffer()).equals(audio)).toBe(true);
    expect(await client.status('whole')).toBe('Complete');
  });

  test('is archived once, whichever generation it is sent to and in whose words', async () => {
    const callId = await archived('twice');
    const before = await holdings(app);
    // The inside of metadata is the client's own, and not ours to spell.
    const pascal = { ...(inPascalCase(infoV2('twice')) as Body), Metadata: { queue: 'billing' } };
    for (const words of [infoV2('twice', { masterCallId: null }), callInfo('twice'), pascal]) {
      expect((await client.form(v1, formOf(words))).body).toEqual({ callId });
      expect((await client.form(v2, formOf(words).toReversed())).body).toEqual({ id: callId });
    }
    expect(await holdings(app)).toEqual(before);
  });

  test('may say as little as its client does of a call about which it knows nothing', async () => {
    const bare = { sessionId: 'bare', utcStart: '2024-03-01T10:00:00Z' };
    const { status, body } = await client.form(v2, formOf({ ...bare, participants: [], direction: 0, audio: {} }));
    expect(status).toBe(200);
    expect((await client.form(v2, formOf(bare))).body).toEqual(body);
    const { sessionId, utcStart: startTime } = bare;
    expect((await client.form(v1, formOf({ sessionId, startTime, contacts: [] }))).body).toEqual({
      callId: body['id'],
    });
  });

  test('is found by the phones and e-mails of its external participants, however the list was named', async () => {
    const participants = [
      { type: 'Customer', phoneNumber: '+15125550301', email: 'Caller@Example.com' },
      { type: 'IVR', phoneNumber: '+15125550302' },
    ];
    const rest = { utcStart: '2024-03-01T10:00:00Z' };
    const names = ['participants', 'Participant', 'contacts'];
    for (const name of names) {
      const info = { sessionId: `list ${name}`, ...rest, [name]: participants };
      expect((await client.form(v2, formOf(info))).status).toBe(200);
    }
    const sessions = async (asked: object) => {
      const items = await client.purge('/interactions/v2/purge/customer?whatIf=true', asked);
      return (items as { sessionId: string }[]).map(({ sessionId }) => sessionId);
    };
    const all = names.map((name) => `list ${name}`);
    expect(await sessions({ phoneNumbers: ['(512) 555-0301'] })).toEqual(all);
    expect(await sessions({ emails: ['caller@example.com'] })).toEqual(all);
    expect(await sessions({ phoneNumbers: ['+15125550302', '+15125550199'] })).toEqual([]);
  });

  test('with other content under its session is refused, and nothing of it stays', async () => {
    await archived('clash');
    const before = await holdings(app);
    const changes: Body[] = [{ masterId: 'm' }, { participants: [] }, { numberDialed: null }, { audio: {} }];
    for (const change of changes) {
      expectRefused(await client.form(v2, formOf(infoV2('clash', change))), 400, /session id/);
    }
    const louder = dataPart(Buffer.concat([audio, audio]));
    expectRefused(await client.form(v2, formOf(infoV2('clash'), louder)), 400, /session id/);
    for (const { v2: path, inV2 } of [chats, cases]) {
      expectRefused(await client.post(path, inV2('clash')), 400, /session id/);
    }
    expect(await holdings(app)).toEqual(before);
  });

  test('that was purged is not archived again, by either generation', async () => {
    const callId = await archived('purged');
    const items = await client.purge('/interactions/v2/purge', { ids: [callId], allowIncompleteInteraction: false });
    expect(items).toEqual([{ id: callId, sessionId: 'purged', status: 'Purging', errorMsg: null }]);
    await untilQuiet(app.engine);
    const before = await holdings(app);
    expectRefused(await client.form(v2, formOf(infoV2('purged'))), 400, /erased/);
    expectRefused(await client.form(v1, formOf(callInfo('purged')).toReversed()), 400, /erased/);
    for (const { v1: path, inV1 } of [chats, cases]) {
      expectRefused(await client.post(path, inV1('purged')), 400, /erased/);
    }
    expect(await holdings(app)).toEqual(before);
    expect(await client.status('purged')).toBe('NotFound');
  });

  test('of another tenant may have the same session id', async () => {
    const neighbour = await createTenant(app.engine, { slug: 'neighbour-calls', region: 'US' });
    const theirs = new CaptureClient(origin, await app.token(undefined, neighbour));
    const mine = await archived('shared');
    const other = await theirs.form(v2, formOf(infoV2('shared', { metadata: {} })));
    expect(other.status).toBe(200);
    expect(other.body['id']).not.toBe(mine);
    expect((await client.form(v1, formOf(callInfo('shared')))).body).toEqual({ callId: mine });
  });

  test('is refused in its own words where it lacks something or has it in the wrong type', async () => {
    const before = await holdings(app);
    const wrong: [Body, RegExp][] = [
      [{ sessionId: null }, /^info\.sessionId is required/],
      [{ utcStart: null }, /^info\.utcStart is required/],
      [{ utcStart: marks.session }, /^info\.utcStart must be/],
      [{ utcEnd: { [marks.firstName]: 1 } }, /^info\.utcEnd must be a string/],
      [{ participants: marks.firstName }, /^info\.participants must be an array/],
      [{ participants: [{ phoneNumber: Number(marks.phone) }] }, /^info\.participants\[0\]\.phoneNumber must be/],
      [{ direction: marks.metadata }, /^info\.direction must be/],
      [{ masterId: [marks.master] }, /^info\.masterId must be a string/],
      [{ contacts: [{ phoneNumber: marks.phone }] }, /^info\.participants and info\.contacts are one field/],
    ];
    for (const [change, words] of wrong) {
      const answers = [
        await client.form(v2, formOf(infoV2('wrong', change))),
        await client.form(v2, formOf(infoV2('wrong', change)).toReversed()),
      ];
      for (const answer of answers) {
        expectRefused(answer, 400, words);
        expect(marksIn(Buffer.from(JSON.stringify(answer.body)))).toEqual([]);
      }
    }
    expectRefused(await client.form(v2, [dataPart()]), 400, /info is missing/);
    expectRefused(await client.form(v2, [infoPart(infoV2('wrong'))]), 400, /data is missing/);
    expect(await holdings(app)).toEqual(before);
  });

  test('needs a token, and one with the scope for it', async () => {
    const reader = new CaptureClient(origin, await app.token(['calls:read', 'erasures:execute', 'admin']));
    expectRefused(await reader.form(v2, formOf(infoV2('unseen'))), 403, /calls:write/);
    expectRefused(await new CaptureClient(origin, 'x').form(v2, formOf(infoV2('unseen'))), 401, /token/);
  });
});

test('the routes of capture match in any case and with slashes too many', async () => {
  const call = await client.form('//Capture/V2/Call', formOf(infoV2('spelt')));
  expect((await client.form('/callcapture//v1/ARCHIVE/', formOf(callInfo('spelt')))).body['callId']).toBe(
    call.body['id'],
  );
  for (const { v1: path, inV1, idInV1 } of [chats, cases]) {
    const first = await client.post(path.toUpperCase(), inV1(`spelt ${path}`));
    expect((await client.post(`/${path.toLowerCase()}/`, inV1(`spelt ${path}`))).body[idInV1]).toBe(first.body[idInV1]);
    expect(first.status).toBe(200);
  }
});
