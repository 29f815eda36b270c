import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CaptureClient, expectRefused, stored } from '../support/capture-client.ts';
import { holdings } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { marks } from '../support/marks.ts';
import { ann, avery, type Body, cases, chats, inPascalCase, saidAt, times } from '../support/written-calls.ts';

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
  await app.close();
});

describe.each([
  ['a chat', chats],
  ['a case', cases],
])('%s', (name, kind) => {
  const session = (of: string) => `${name} ${of}`;
  const routes = [
    ['v1', kind.v1, kind.inV1],
    ['v2', kind.v2, kind.inV2],
  ] as const;

  async function archived(sessionId: string): Promise<string> {
    const { status, body } = await client.post(kind.v2, kind.inV2(sessionId));
    expect(status).toBe(200);
    return String(body['id']);
  }

  test('is archived once, whichever generation it is sent to and in whose words', async () => {
    const first = await client.post(kind.v1, kind.inV1(session('twice')));
    expect([first.status, first.type]).toEqual([200, 'application/json; charset=utf-8']);
    const callId = first.body[kind.idInV1];
    const before = await holdings(app);
    for (const [generation, path] of routes) {
      for (const body of [kind.inV1(session('twice')), kind.inV2(session('twice'))]) {
        const again = await client.post(path, body);
        expect(again.status).toBe(200);
        expect(again.body[generation === 'v1' ? kind.idInV1 : 'id']).toBe(callId);
      }
    }
    expect(await holdings(app)).toEqual(before);
    expect(await client.status(session('twice'))).toBe('Complete');
  });

  test('is answered with its id under the one name that the generation has for it', async () => {
    const second = await client.post(kind.v2, kind.inV2(session('named')));
    expect(second.body).toStrictEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown });
    const { id: caseId } = second.body;
    const first = await client.post(kind.v1, kind.inV1(session('named')));
    expect(first.body).toStrictEqual(
      kind.kind === 'chat' ? { callId: caseId } : { referenceId: session('named'), caseId, collectionId: null },
    );
  });

  test('keeps who took part apart from what was written, and each message with who wrote it and when', async () => {
    const callId = await archived(session('kept'));
    const row = await app.engine.store.reads.calls.find(app.tenant.id, callId);
    expect(row).toMatchObject({ status: 'complete', source: 'creovai', direction: 'unknown', durationMs: 150_000 });
    expect(row?.kind).toBe(kind.kind);
    expect(await stored(app, callId, 'details')).toEqual({
      contacts: [
        { ...ann, extra: {} },
        { ...avery, extra: {} },
      ],
      extra: {},
    });
    expect(await stored(app, callId, 'correlation')).toEqual({
      sessionId: session('kept'),
      masterCallId: 'm',
      ...(kind.kind === 'chat' ? {} : { caseReferenceId: session('kept') }),
    });
    const said = (text: string, participant: number, time: string | null, extra: object) => ({
      text,
      participant,
      role: null,
      at: time === null ? null : Date.parse(time),
      startMs: null,
      endMs: null,
      extra: kind.kind === 'chat' ? {} : extra,
    });
    expect(await stored(app, callId, 'transcript')).toEqual({
      turns: [
        said(marks.transcript, 0, saidAt.first, { senderReferenceId: 'c1', channel: 'Web' }),
        said('and more', 0, null, { senderReferenceId: 'c1', channel: 'email' }),
        said('Hello', 1, saidAt.early, { senderReferenceId: 'a1', channel: 'email' }),
      ],
    });
    const artifacts = await app.engine.store.reads.artifacts.ofOwner(callId);
    expect(artifacts.map((artifact) => artifact.kind).sort()).toEqual(['correlation', 'details', 'transcript']);
  });

  test('with other content under its session is refused, and nothing of it stays', async () => {
    await archived(session('clash'));
    const before = await holdings(app);
    const later = [{ utcStart: '2024-03-01T10:00:01Z' }, { utcEnd: '2024-03-01T10:02:31Z' }];
    const changes: Body[] = [
      ...later,
      { masterId: 'n' },
      { metadata: { a: 1 } },
      { participants: [] },
      { Colour: 'red' },
    ];
    for (const change of changes) {
      expectRefused(await client.post(kind.v2, kind.inV2(session('clash'), change)), 400, /session id/);
    }
    const renamed = JSON.stringify(kind.inV1(session('clash'))).replace(marks.transcript, `${marks.transcript}!`);
    expectRefused(await client.post(kind.v1, renamed), 400, /session id/);
    expect(await holdings(app)).toEqual(before);
  });

  test('that was purged by its session is not archived again, by either generation', async () => {
    const callId = await archived(session('purged'));
    expect(await client.purge('/purge/v1/calls/sessions', { ids: [session('purged')] })).toEqual([
      { callId, sessionId: session('purged'), status: 'Purging', errorMsg: null },
    ]);
    await untilQuiet(app.engine);
    const before = await holdings(app);
    for (const [, path, words] of routes) {
      expectRefused(await client.post(path, words(session('purged'))), 400, /erased/);
    }
    expect(await holdings(app)).toEqual(before);
    expect(await client.status(session('purged'))).toBe('NotFound');
  });

  test('is found by the phones and e-mails of its external people, by those without a type too, and by no others', async () => {
    const digits = kind.kind === 'chat' ? '1' : '2';
    const person = (change: Body) => ({ ...change, messages: [{ content: 'x' }] });
    const people = [
      person({ type: 'Customer', phoneNumber: `+151255502${digits}1` }),
      person({ phoneNumber: `+151255502${digits}2`, email: ` Ann${digits}@Example.com ` }),
      person({ type: 'AGENT', phoneNumber: `+151255502${digits}3`, email: `agent${digits}@example.com` }),
      person({ type: 'Bot', phoneNumber: `+151255502${digits}4` }),
    ];
    const { body } = await client.post(kind.v1, kind.inV1(session('customer'), { contacts: people }));
    const callId = body[kind.idInV1];
    const found = [{ id: callId, sessionId: session('customer'), status: 'WhatIf', errorMsg: null }];
    const look = async (asked: object) => await client.purge('/interactions/v2/purge/customer?whatIf=true', asked);
    expect(await look({ phoneNumbers: [`(512) 555-02${digits}1`] })).toEqual(found);
    expect(await look({ phoneNumbers: [`+151255502${digits}2`] })).toEqual(found);
    expect(await look({ emails: [`ann${digits}@example.com`] })).toEqual(found);
    expect(await look({ phoneNumbers: [`+151255502${digits}3`, `+151255502${digits}4`] })).toEqual([]);
    expect(await look({ emails: [`agent${digits}@example.com`] })).toEqual([]);

    const asked = { emails: [`ANN${digits}@example.com`], allowIncompleteInteraction: false };
    const purged = await client.purge('/interactions/v2/purge/customer', asked);
    expect(purged).toEqual([{ ...found[0], status: 'Purging' }]);
    await untilQuiet(app.engine);
    expect(await client.status(session('customer'))).toBe('NotFound');
    expect(await stored(app, String(callId), 'transcript')).toBeUndefined();
  });

  test('of another tenant may have the same session id', async () => {
    const slug = `neighbour-${name.slice(2)}`;
    const neighbour = await createTenant(app.engine, { slug, region: 'US' });
    const theirs = new CaptureClient(origin, await app.token(undefined, neighbour));
    const mine = await archived(session('shared'));
    const other = await theirs.post(kind.v2, kind.inV2(session('shared'), { metadata: { mine: false } }));
    expect(other.status).toBe(200);
    expect(other.body['id']).not.toBe(mine);
    await theirs.purge('/interactions/v2/purge/sessions', { ids: [session('shared')] });
    await untilQuiet(app.engine);
    expect(await theirs.status(session('shared'))).toBe('NotFound');
    expect(await client.status(session('shared'))).toBe('Complete');
    expect((await client.post(kind.v1, kind.inV1(session('shared')))).body[kind.idInV1]).toBe(mine);
  });

  test('is the same in PascalCase, with explicit nulls, under any Content-Type', async () => {
    const callId = await archived(session('pascal'));
    for (const [generation, path, words] of routes) {
      const body = inPascalCase({ ...words(session('pascal')), metadata: null, collectionId: null });
      const answer = await client.post(path, body, 'text/plain');
      expect(answer.body[generation === 'v1' ? kind.idInV1 : 'id']).toBe(callId);
    }
  });

  test('of ten thousand messages keeps every one of them in order', async () => {
    const texts = Array.from({ length: 10_000 }, (_, i) => `message ${i} \u{1f600}`);
    const messages = texts.map((content, i) => ({
      content,
      utcTimestamp: new Date(Date.parse(times.utcStart) + i).toISOString(),
    }));
    const people = [{ type: 'Customer', ...(kind.kind === 'chat' ? { messages } : {}) }];
    const body = kind.inV2(session('long'), { participants: people, ...(kind.kind === 'chat' ? {} : { messages }) });
    const { status, body: answer } = await client.post(kind.v2, body);
    expect(status).toBe(200);
    const transcript = await stored(app, String(answer['id']), 'transcript');
    const turns = transcript?.['turns'] as { text: string; at: number }[];
    expect(turns.map(({ text }) => text)).toEqual(texts);
    expect(turns[9_999]?.at).toBe(Date.parse(times.utcStart) + 9_999);
    expect((await client.post(kind.v2, body)).body['id']).toBe(answer['id']);
  });
});

test('a chat and a case are never taken for one another, nor for a call', async () => {
  await client.post(chats.v1, chats.inV1('one session'));
  expectRefused(await client.post(cases.v1, cases.inV1('one session')), 400, /session id/);
  const bare = { sessionId: 'bare', caseReferenceId: 'bare', utcStart: times.utcStart };
  expect((await client.post(cases.v2, bare)).status).toBe(200);
  expectRefused(await client.post(chats.v2, bare), 400, /session id/);
});

test('the answer for a case of the first generation repeats the ids that were sent', async () => {
  const referenceId = ' Case/1 \u{1f600} ';
  const { body } = await client.post(cases.v1, cases.inV1(referenceId, { collectionId: 'col-1' }));
  expect(body).toStrictEqual({ referenceId, caseId: expect.any(String) as unknown, collectionId: 'col-1' });
});
