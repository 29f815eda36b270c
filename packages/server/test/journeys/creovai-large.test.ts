/** Calls, chats and cases of the largest kind that clients are promised, every word of them marked. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Generation, type Named, namedBy } from '../support/creovai-bodies.ts';
import { expectDead, visit } from '../support/guest.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { marks } from '../support/marks.ts';
import { expectOnlyTombstones, piecesFound, sealedPieces, untilOverwritten } from '../support/nothing-left.ts';
import { expectFilesUnmarked, expectUnmarked } from '../support/raw-search.ts';
import { VendorClient } from '../support/vendor-client.ts';

let app: TestApp;
let client: VendorClient;

beforeEach(async () => {
  app = await startApp({ env: { TACET_BACKUP_HORIZON: '0' } });
  client = new VendorClient(await app.listen(), await app.token());
});
afterEach(async () => await app.close());

/** One call, by marked names of every kind. */
const named: Named = {
  ...namedBy('', '', `+1${marks.phone}`),
  session: marks.session,
  master: marks.master,
  case: marks.case,
  collection: marks.collection,
  email: marks.email,
};

const person = {
  referenceId: marks.reference,
  firstName: marks.firstName,
  lastName: marks.lastName,
  phoneNumber: `+1${marks.phone}`,
  email: marks.email,
  type: 'Customer',
};
const startMs = Date.parse('2024-03-01T10:00:00Z');
const timeOf = (i: number) => new Date(startMs + i * 1000).toISOString();

/** An object of exactly so many bytes as JSON, marked at every level down to the deepest that is taken. */
function largeMetadata(bytes: number): Record<string, unknown> {
  let nested: unknown = marks.deepValue;
  for (let level = 0; level < 62; level += 1) nested = level % 2 === 0 ? [nested] : { [marks.deepKey]: nested };
  const rows = Array.from({ length: 500 }, (_, i) => ({
    [`${marks.metadataKey} ${i}`]: `${marks.metadata} "\\ \u00e9`,
  }));
  const metadata = { [marks.metadataKey]: marks.metadata, deep: nested, rows, pad: '' };
  const missing = bytes - Buffer.byteLength(JSON.stringify(metadata));
  return { ...metadata, pad: marks.metadata.padEnd(missing, '.') };
}

const routes = {
  v1: { call: '/callCapture/v1/archive', chat: '/chatCapture/v1', case: '/caseCapture/v1' },
  v2: { call: '/capture/v2/call', chat: '/capture/v2/chat', case: '/capture/v2/case' },
} as const satisfies Record<Generation, object>;
const peopleIn = { v1: 'contacts', v2: 'participants' } as const;

/** What the second generation shows of a call, as far as it is looked at here. */
type Shown = {
  sessionId: string;
  masterId: string;
  caseReferenceId: string;
  collectionId: string;
  metadata: Record<string, unknown>;
  participants: { firstName: string; utterances: { text: string; utcStart: string }[] }[];
};

async function shown(callId: string): Promise<Shown> {
  return await client.asked<Shown>('/interactions/v2/*', { ...named, callId });
}

/** Everything that the four kinds of late events bring to a call, and what its metadata then says. */
async function addEvents(): Promise<Record<string, unknown>> {
  const outOfBand = ['/capture/v2/outofband/interaction', '/capture/v2/outofband/master'];
  const all = [...outOfBand, '/callEvent/v1/outofband/case', '/capture/v2/outofband/collection'];
  const said = all.map((path, i) => ({
    path,
    metadata: { [`${marks.eventKey} ${i}`]: { a: [marks.appliedEvent, i] } },
  }));
  for (const { path, metadata } of said) await client.asked(path, named, { metadata });
  return Object.assign({}, ...said.map(({ metadata }) => metadata)) as Record<string, unknown>;
}

/** Purges the one call there is; from then on nothing of it is anywhere. */
async function expectPurged(callId: string, link: string): Promise<void> {
  const pieces = await sealedPieces(app);
  // Some lie across two pages of the database.
  expect(piecesFound(app, pieces)).toBeGreaterThan(pieces.length / 2);
  expectFilesUnmarked(app.folder);
  const items = await client.purged(marks.session);
  expect(items).toEqual([{ id: callId, sessionId: marks.session, status: 'Purging', errorMsg: null }]);
  expect((await client.get(`/interactions/v2/${callId}`)).status).toBe(404);
  expectDead(await visit(link));
  await expectOnlyTombstones(app, [callId]);
  expect(await client.statusOf(marks.session)).toBe('NotFound');
  await untilOverwritten(app, pieces);
  expectFilesUnmarked(app.folder);
  expectUnmarked('log', app.logged.join('\n'));
}

describe.each(['v1', 'v2'] as const)('in the words of %s', (of) => {
  test('a chat of ten thousand messages is shown whole, and then gone whole', async () => {
    const textOf = (i: number) => `${marks.message} ${i} <b>&"'\u2028\u{1f512}`;
    const people = [0, 1, 2, 3].map((place) => ({
      ...person,
      firstName: `${marks.firstName} ${place}`,
      messages: Array.from({ length: 2500 }, (_, i) => ({
        content: textOf(i * 4 + place),
        utcTimestamp: timeOf(i * 4 + place),
        customEvents: [{ id: marks.customEvent, source: marks.extra }],
      })),
    }));
    const change = { [peopleIn[of]]: people, metadata: largeMetadata(64 * 1024), [marks.extra]: [marks.extra] };
    const callId = await client.archived(routes[of].chat, named, change);
    const { participants, metadata } = await shown(callId);
    expect(metadata).toEqual(change.metadata);
    expect(participants.map(({ utterances }) => utterances.map(({ text, utcStart }) => [text, utcStart]))).toEqual(
      people.map(({ messages }) => messages.map(({ content, utcTimestamp }) => [content, utcTimestamp])),
    );
    const link = await client.shared(callId);
    const page = (await visit(link)).text;
    const turns = [...page.matchAll(/<bdi>(.*?)<\/bdi>.*?<p dir="auto">(.*?)<\/p>/gs)];
    const written = (i: number) => `${marks.message} ${i} &lt;b&gt;&amp;&quot;&#39;\u2028\u{1f512}`;
    expect(turns).toHaveLength(10_000);
    const wrong = turns.filter(
      ([, who, text], i) => who !== `${marks.firstName} ${i % 4} ${marks.lastName}` || text !== written(i),
    );
    expect(wrong).toEqual([]);
    await addEvents();
    await expectPurged(callId, link);
  });

  test('a call with 64 KB of metadata is shown whole, late events applied, and then gone whole', async () => {
    const metadata = largeMetadata(64 * 1024);
    expect(Buffer.byteLength(JSON.stringify(metadata))).toBe(64 * 1024);
    const audio = Buffer.concat([Buffer.from(marks.audio.repeat(50)), randomBytes(200_000)]);
    const change = { metadata, [peopleIn[of]]: [{ ...person, channel: 0 }], numberDialed: `+1${marks.dialled}` };
    const callId = await client.archived(routes[of].call, named, change, audio);
    expect((await shown(callId)).metadata).toEqual(metadata);
    const late = await addEvents();
    const { metadata: whole, ...rest } = await shown(callId);
    expect(whole).toEqual({ ...metadata, ...late });
    expect(rest).toMatchObject({
      sessionId: marks.session,
      masterId: marks.master,
      caseReferenceId: marks.case,
      collectionId: marks.collection,
    });
    const heard = await client.get(`/interactions/v2/${callId}/audio.mp3`);
    expect(heard.bytes.equals(audio)).toBe(true);
    const link = await client.shared(callId);
    expect((await visit(`${link}/audio`)).bytes.equals(audio)).toBe(true);
    await expectPurged(callId, link);
    expect((await client.get(`/interactions/v2/${callId}/audio.mp3`)).status).toBe(404);
    expectDead(await visit(`${link}/audio`));
  });

  test('a case is shown with all that was written in it, and then gone', async () => {
    const written = { content: marks.message, senderReferenceId: marks.reference, channel: marks.sender };
    const change = {
      [peopleIn[of]]: [person],
      messages: [written, { ...written, senderReferenceId: marks.sender }],
      metadata: largeMetadata(64 * 1024),
    };
    const callId = await client.archived(routes[of].case, named, change);
    const { participants, metadata, caseReferenceId } = await shown(callId);
    expect(participants[0]?.utterances).toMatchObject([{ text: marks.message }]);
    expect(caseReferenceId).toBe(marks.case);
    expect(metadata).toEqual(change.metadata);
    expect(Object.keys(await addEvents())).toHaveLength(4);
    const link = await client.shared(callId);
    expect((await visit(link)).text).toContain(marks.message);
    await expectPurged(callId, link);
  });
});
