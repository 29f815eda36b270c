/** The vendor's recipe of a campaign, from login to erasure and re-read, polling in place of webhooks. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { marks, marksIn } from '../support/marks.ts';
import { expectProblem, NativeClient } from '../support/native-client.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import { expectFilesUnmarked, expectUnmarked } from '../support/raw-search.ts';
import { StyledClient, type TwinStyle, twinStyles } from '../support/twin-styles.ts';
import { newUser } from '../support/twin-users.ts';
import { until } from '../support/until.ts';

const hourMs = 3_600_000;
const numbers = { first: `1${marks.phone}`, second: `1${marks.otherPhone}`, neighbour: '12125550188' };
/** Of samples: the first two are the candidate's own, the third is the neighbour's. */
const [firstAudio, secondAudio, otherAudio] = ['05-parcel-late', '06-parcel-locker', '12-invoice-corrected'].map(
  (name) => readFileSync(join(import.meta.dirname, `../../../../samples/audio/${name}.wav`)),
) as [Buffer, Buffer, Buffer];

let folder: string;
let app: TestApp;
let origin: string;
let aheadMs = 0;
const nowMs = () => Date.now() + aheadMs;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-recipe-'));
  app = await startApp({ folder, clock: { now: nowMs }, env: { TACET_BACKUP_HORIZON: '0' } });
  origin = await app.listen();
});

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

type Journey = { client: StyledClient; tenant: Tenant; taskId: string; candidateId: string; neighbourId: string };
type Reported = { first: string; second: string; other: string };

describe.each(twinStyles)('as $name sends it', (style) => {
  test('the recipe runs from login to erasure and re-read, and leaves no word of the person behind', async () => {
    const journey = await setUp(style);
    const calls = await dial(journey);
    const rows = await readAndSave(journey, calls);
    expectShown(rows);

    aheadMs += 2 * hourMs;
    const links = await erase(journey, calls);
    expect(journey.client.refreshes, 'the token was over when the erasures began').toBe(1);

    await expectErased(journey, calls, { rows, links });
    await expectLateRefused(journey, calls);
    await untilQuiet(app.engine);
    await expectErased(journey, calls, { rows, links });
    expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
    expectFilesUnmarked(folder);
    expectUnmarked('log', app.logged.join('\n'));
  });
});

/** Steps 1 to 3: a token for an hour, a task that records, people on it, and its start. */
async function setUp(style: TwinStyle): Promise<Journey> {
  const tenant = await createTenant(app.engine, { slug: `recipe-${twinStyles.indexOf(style)}`, region: 'US' });
  const scopes = ['calls:write', 'calls:read', 'erasures:execute'] as const;
  const client = await StyledClient.logIn({ origin, style, nowMs }, await newUser(app, { tenant, scopes }), 3600);
  const made = await client.post<{ id: { identity: string } }>('/telephony/autoCall', {
    name: marks.metadata,
    defaultExec: 'robot',
    defaultExecData: '6b1d1d34-4e52-4a53-9d07-5a3f3ed4a001',
    secondExec: 'end',
    cidType: 'default',
    startType: 'manual',
    cps: '0.97',
    additionalOptions: { recordCall: true, recTrimLeft: false },
    redialStrategyOptions: [],
    webhookUrls: [],
  });
  const taskId = made.id.identity;
  const added = await client.post<{ items: { id: string }[] }>('/telephony/autoCallCandidate/batch', {
    batch: [
      {
        autoCallId: taskId,
        phone: [numbers.first, numbers.second],
        variables: { имя: marks.firstName, [marks.metadataKey]: marks.extra },
        callbackData: { order: marks.collection },
        clientExternalId: marks.case,
      },
      { autoCallId: taskId, phone: [numbers.neighbour], variables: [], callbackData: [] },
    ],
    forceStart: false,
  });
  expect((await client.ask('POST', `/telephony/autoCall/${taskId}/play`)).status).toBe(200);
  const [candidateId = '', neighbourId = ''] = added.items.map(({ id }) => id);
  return { client, tenant, taskId, candidateId, neighbourId };
}

/** Step 4, at the other end: the platform dials whom the task names, twice the one; one recording comes later. */
async function dial({ tenant, taskId, candidateId, neighbourId }: Journey): Promise<Reported> {
  const platform = await platformOf(tenant);
  const path = `/cis/api/v1/telephony/autoCallCandidate?autoCallId=${taskId}&status=PENDING`;
  const { text } = await platform.send('GET', path, '');
  const { items } = JSON.parse(text) as { items: { id: string }[] };
  expect(items.map(({ id }) => id).sort()).toEqual([candidateId, neighbourId].sort());
  const first = await platform.archived(reportOf(candidateId, numbers.first), { recording: firstAudio });
  const second = await platform.archived(reportOf(candidateId, numbers.second));
  expect((await platform.putRecording(second, secondAudio)).status).toBe(201);
  const neighbour = { startedAt: '2026-01-02T03:06:05Z', candidateId: neighbourId, status: 'ANSWERED' };
  const participants = [{ role: 'customer', phone: numbers.neighbour }];
  const other = await platform.archived({ ...neighbour, participants }, { recording: otherAudio });
  return { first, second, other };
}

function reportOf(candidateId: string, phone: string): object {
  return {
    direction: 'outbound',
    status: 'ANSWERED',
    startedAt: '2026-01-02T03:04:05Z',
    endedAt: '2026-01-02T03:05:05Z',
    candidateId,
    ownNumber: '18005550199',
    price: 2.5,
    participants: [{ role: 'customer', phone, email: marks.email, name: marks.lastName }],
    results: { answer: marks.message, confirmation: marks.reference },
    transcript: [
      { role: 'bot', text: 'Are you at home?', startMs: 0, endMs: 900 },
      { role: 'customer', text: `Yes, and the word is ${marks.transcript}`, startMs: 1000, endMs: 3000 },
    ],
    logLink: `https://logs.example/${marks.sender}`,
  };
}

/** By call: its row without `recordPath`, and the link that was given last. */
type Rows = ReadonlyMap<string, Record<string, unknown>>;
type Links = ReadonlyMap<string, string>;

/** Steps 4 to 6: polls until every call is there, then reads each by its id and saves its audio. */
async function readAndSave({ client, taskId }: Journey, calls: Reported): Promise<Rows> {
  const asked = { taskId, from: '2026-01-01T00:00:00.000Z', fields: 'id,\n   currentStatusName, number,nonsense' };
  await until(async () => (await client.rows(asked)).count === 3);
  const saved = new Map<string, Record<string, unknown>>();
  for (const [id, link] of await playing(client, calls)) {
    const { recordPath, ...row } = await rowOf(client, id);
    expect([typeof recordPath, typeof link]).toEqual(['string', 'string']);
    saved.set(id, row);
  }
  return saved;
}

/** A link to the audio of each call, which is as it was reported, bit for bit. */
async function playing(client: StyledClient, calls: Reported): Promise<Links> {
  const links = new Map<string, string>();
  for (const [id, bytes] of [
    [calls.first, firstAudio],
    [calls.second, secondAudio],
    [calls.other, otherAudio],
  ] as const) {
    const { recordPath } = await rowOf(client, id);
    expect(await downloaded(String(recordPath))).toEqual(bytes);
    links.set(id, String(recordPath));
  }
  return links;
}

async function rowOf(client: StyledClient, id: string): Promise<Record<string, unknown>> {
  const { count, items } = await client.rows({ id });
  const [row] = items;
  expect([count, items.length]).toEqual([1, 1]);
  return row ?? {};
}

async function downloaded(link: string): Promise<Buffer | number> {
  const answer = await fetch(link);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return answer.status === 200 ? bytes : answer.status;
}

/** What an erasure takes was there to be taken. */
function expectShown(rows: Rows): void {
  const shown = new Set([...rows.values()].flatMap((row) => marksIn(Buffer.from(JSON.stringify(row)))));
  const sensitive = ['phone', 'otherPhone', 'firstName', 'metadataKey', 'extra', 'message', 'reference'];
  const wanted = [...sensitive, 'transcript', 'sender', ...kept];
  expect(wanted.filter((name) => !shown.has(name as keyof typeof marks))).toEqual([]);
}

/** What the client needs to recognise a row, and the task's name. */
const kept = ['case', 'collection', 'metadata'];

/**
 * Step 7, with the flag, then each method in the style's own way of saying nothing; step 8, 200 with no body, repeats too.
 * Answers with links that still played after the first.
 */
async function erase({ client, candidateId }: Journey, calls: Reported): Promise<Links> {
  const first = `/calls/${calls.first}/depersonalization`;
  const candidate = `/telephony/autoCallCandidate/${candidateId}/depersonalization`;
  expectSilence(await client.postJson(first, { skipDeleteRecord: true }));
  const { recordPath: _, ...row } = await rowOf(client, calls.first);
  expect(marksIn(Buffer.from(JSON.stringify(row))).sort()).toEqual(kept.toSorted());
  const links = await playing(client, calls);
  expect((await client.rows({ phone: numbers.first })).count).toBe(0);
  expect((await client.rows({ phone: numbers.second })).count).toBe(1);
  for (const _time of ['once', 'again']) {
    expectSilence(await client.ask('DELETE', `/calls/${calls.first}/record`));
    expectSilence(await client.ask('POST', candidate));
    expectSilence(await client.ask('POST', first));
    expectSilence(await client.ask('DELETE', `/calls/${calls.second}/record`));
  }
  return links;
}

function expectSilence({ status, headers, body }: RawAnswer): void {
  expect([status, body.length, headers.get('content-length'), headers.has('content-type')]).toEqual([
    200,
    0,
    '0',
    false,
  ]);
}

type Before = { rows: Rows; links: Links };

/** By id and by number: empty rows with their skeletons, links that are dead, and the neighbour as before. */
async function expectErased({ client, candidateId, taskId }: Journey, calls: Reported, before: Before): Promise<void> {
  for (const id of [calls.first, calls.second]) {
    expect(await rowOf(client, id)).toEqual({ ...before.rows.get(id), ...emptied });
    expect(await downloaded(before.links.get(id) ?? '')).toBe(404);
  }
  for (const phone of [numbers.first, numbers.second, marks.phone, `+${numbers.first}`]) {
    expect(await client.rows({ phone })).toEqual({ count: 0, items: [] });
  }
  const candidate = await client.get(`/telephony/autoCallCandidate/${candidateId}`);
  expect(candidate).toMatchObject({ phone: [], variables: {}, status: 'CANCELLED', clientExternalId: marks.case });
  const { recordPath: _, ...row } = await rowOf(client, calls.other);
  expect(row).toEqual(before.rows.get(calls.other));
  expect(await downloaded(before.links.get(calls.other) ?? '')).toEqual(otherAudio);
  expect((await client.rows({ phone: numbers.neighbour, fields: 'id' })).items).toEqual([{ id: calls.other }]);
  expect((await client.rows({ taskId, fields: 'id' })).count).toBe(3);
}

const emptied = {
  phone: null,
  number: null,
  callTo: null,
  variables: {},
  variablesString: null,
  result: {},
  results: {},
  resultsString: null,
  confirmation: null,
  messages: [],
  messagesAsString: null,
  linkToLog: null,
  recordPath: null,
};

/** The platform's clock is behind: what it still has of the person comes now. */
async function expectLateRefused({ tenant, candidateId }: Journey, calls: Reported): Promise<void> {
  const platform = await platformOf(tenant);
  const late = { results: { answer: marks.message } };
  expectProblem(await platform.patch(calls.first, late), 409, 'call_erased');
  expectProblem(await platform.putRecording(calls.second, secondAudio), 409, 'recording_erased');
  expectProblem(await platform.archive(reportOf(candidateId, numbers.first)), 409, 'candidate_erased');
}

/** A client of its own, since a program's token is over after half an hour. */
async function platformOf(tenant: Tenant): Promise<NativeClient> {
  return new NativeClient(app, await app.token(['calls:write'], tenant));
}
