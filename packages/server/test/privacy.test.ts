import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Upload } from '../src/engine/archive/upload.ts';
import { eraseNow } from '../src/engine/erasure/erase-now.ts';
import { placeHold } from '../src/engine/holds/place-hold.ts';
import { releaseHold } from '../src/engine/holds/release-hold.ts';
import { archive, audio, type LifeCall, newCallOf } from './crash/life.ts';
import { untilQuiet } from './crash/quiet.ts';
import { startApp, type TestApp } from './support/harness.ts';
import { formsOf, marks, marksIn } from './support/marks.ts';
import { spokenOnce } from './support/spoken.ts';

let folder: string;
let app: TestApp;
let url: string;
let token: string;
/** Bodies of every answer that was not a success. */
const refusals: string[] = [];
/** Headers of all. */
const headersSeen: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-privacy-'));
  app = await startApp({ folder, env: { TACET_BACKUP_HORIZON: '0' } });
  url = await app.listen();
  token = await app.token();
  await wholeLife();
}, 60_000);

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

describe('after a whole life, no word of a client is to be found', () => {
  test('in any log line', () => expectUnmarked('log', app.logged.join('\n')));

  test('in any error or header', () => {
    expect(refusals.length).toBeGreaterThan(15);
    expectUnmarked('answers', [...refusals, ...headersSeen].join('\n'));
  });

  test.each(['job', 'audit', 'journal', 'tombstone', 'tombstone_token', 'token', 'erasure', 'item', 'hold', 'client'])(
    'in table %s',
    (table) => {
      expect(rowsOf(table)).not.toBe('');
      expectUnmarked(table, rowsOf(table));
    },
  );

  test('in any table there is', () => {
    for (const table of tables()) expectUnmarked(table, rowsOf(table));
  });

  test('in the raw bytes of database, write-ahead log, recordings and vault', () => {
    const files = [join(folder, 'home'), join(folder, 'home-keys')].flatMap(filesBelow);
    expect(files.some((file) => file.endsWith('tacet.sqlite'))).toBe(true);
    expect(files.some((file) => file.endsWith('-wal'))).toBe(true);
    expect(files.some((file) => file.includes('/blobs/'))).toBe(true);
    for (const file of files) expectUnmarked(file, readFileSync(file));
  });
});

describe('the search itself', () => {
  test('finds every mark in every form, whatever stands around it', () => {
    for (const [name, mark] of Object.entries(marks)) {
      for (const form of formsOf(mark)) {
        const planted = Buffer.concat([Buffer.alloc(5, 0xee), form, Buffer.alloc(7, 0xee)]);
        expect(marksIn(planted), name).toContain(name);
      }
    }
  });

  test('finds every mark inside longer text in base64, wherever it begins', () => {
    for (const [name, mark] of Object.entries(marks)) {
      for (const before of ['', 'a', 'ab', 'abc']) {
        const text = Buffer.from(`${before}${mark} and more`).toString('base64');
        expect(marksIn(Buffer.from(text)), name).toContain(name);
      }
    }
  });

  test('finds what a careless line would have left', () => {
    expect(marksIn(Buffer.from(JSON.stringify({ event: 'x', detail: `no such session ${marks.session}` })))).toEqual([
      'session',
    ]);
    expect(marksIn(Buffer.from(`+1${marks.phone}`))).toEqual(['phone']);
    expect(marksIn(Buffer.from('call (512) 555-9147'))).toEqual(['phone']);
  });
});

/** Archive, previews, holds, erasures of each kind, refusals of each kind, over real HTTP where there is a route. */
async function wholeLife(): Promise<void> {
  const callId = await upload(marks.session, `+1${marks.phone}`);
  expect(callId).not.toBe('');
  const keptId = await upload(marks.keptSession, `+1${marks.otherPhone}`);
  await upload(marks.session, `+1${marks.phone}`);
  await spoken(`${marks.session}-spoken`);
  await badInputs(callId);
  const hold = { callIds: [], from: null, to: null, reviewAt: null, reason: marks.holdReason };
  const identifiers = [
    { kind: 'phone', value: marks.phone },
    { kind: 'email', value: marks.email },
  ] as const;
  const placed = await placeHold(app.engine, app.caller(), { ...hold, identifiers });
  await post('/purge/v1/calls/sessions', { ids: [marks.session, marks.badInput] });
  await releaseHold(app.engine, app.caller(), placed.id);
  await placeHold(app.engine, app.caller(), { ...hold, callIds: [keptId], identifiers: [] });
  await post('/purge/v1/calls/customer?whatIf=true', { phoneNumber: `(512) 555-9147` });
  const purged = await post('/purge/v1/calls/customer', { phoneNumber: `+1 ${marks.phone}` });
  expect(purged).toContain(marks.session);
  expect(purged).toContain('Purging');
  const third = await upload(`${marks.session}-3`, `+1${marks.phone}`);
  const asked = { action: 'depersonalize', keepRecording: true, callIds: [third] } as const;
  await (await eraseNow(app.engine, app.caller(), asked))?.ended;
  await post('/purge/v1/calls', { ids: [callId, marks.badInput] });
  await untilQuiet(app.engine);
  await app.engine.epochs.turn(app.tenant.id);
  await upload(marks.session, `+1${marks.phone}`);
  await post('/callCapture/v1/status', { callSessionIds: [marks.session, marks.keptSession] });
}

async function badInputs(callId: string): Promise<void> {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const client = `client_id=${app.client.clientId}&client_secret=${marks.wrongSecret}`;
  await send('/Token', { headers: form, body: `grant_type=client_credentials&${client}` });
  await send('/Token', {
    headers: form,
    body: `grant_type=client_credentials&client_id=${marks.wrongClient}&client_secret=x`,
  });
  await send('/Token', { headers: form, body: `grant_type=${marks.badInput}&${client}` });
  await send('/callCapture/v1/status', { headers: { authorization: `Bearer ${marks.badToken}` }, body: '{}' });
  await post('/purge/v1/calls', `{"ids": ["${marks.badInput}`);
  await post('/purge/v1/calls', { ids: marks.badInput });
  await post('/purge/v1/calls', { ids: [{ [marks.badInput]: 1 }] });
  await post(`/purge/v1/calls/customer?whatIf=${marks.badInput}`, { phoneNumber: marks.phone });
  await post('/purge/v1/calls/customer', { phoneNumber: marks.firstName });
  await post('/purge/v1/calls/customer', { phoneNumbers: [marks.phone] });
  await post(`/${marks.badInput}/${marks.phone}`, {});
  await post(`/v1/calls/${marks.badInput}/recording?phone=${marks.phone}`, {});
  await send(`/v1/calls/${marks.badInput}/recording`, { method: 'GET' });
  await send(`/v1/calls/${callId}/recording`, { method: 'GET', headers: { range: `bytes=${marks.badInput}` } });
  await send('/callCapture/v1/archive', { body: marks.badInput });
  await upload(marks.badInput, marks.phone, { startTime: marks.badInput });
  await upload(marks.badInput, marks.phone, { direction: marks.badInput });
  await upload(marks.session, `+1${marks.otherPhone}`);
  await multipart([['info', '{"sessionId": ', 'application/json']]);
  await multipart([[marks.badInput, marks.badInput, marks.badInput]]);
}

/** A call with a transcript, which only the engine's own verb takes so far. */
async function spoken(session: string): Promise<void> {
  const call: LifeCall = { session, phone: `+1${marks.phone}`, bytes: 0, hasTranscript: true };
  await archive(app.engine, app.caller(), call);
  const transcript = spokenOnce(marks.transcript);
  const other = new Upload(app.engine, app.caller());
  const identifiers = [
    { kind: 'session', value: `${session}-2` },
    { kind: 'external', value: marks.reference },
  ] as const;
  await other.describe({ ...newCallOf(call), kind: 'call', identifiers, transcript });
  await other.storeRecording(
    (async function* () {
      yield Buffer.from(marks.audio);
    })(),
    audio,
  );
  await other.finish();
}

/** The id of an archived call; empty when it was refused. */
async function upload(session: string, phone: string, change: object = {}): Promise<string> {
  const info = {
    sessionId: session,
    masterCallId: marks.master,
    caseReferenceId: marks.case,
    collectionId: marks.collection,
    direction: 'Inbound',
    startTime: '2026-01-02T03:04:05Z',
    endTime: '2026-01-02T03:05:05Z',
    numberDialed: `+1${marks.dialled}`,
    contacts: [
      {
        referenceId: marks.reference,
        firstName: marks.firstName,
        lastName: marks.lastName,
        phoneNumber: phone,
        email: marks.email,
        channel: 0,
        type: 'Customer',
      },
    ],
    audio: { format: 'wav' },
    metadata: { [marks.metadataKey]: marks.metadata },
    ...change,
  };
  const answer = await multipart([
    ['info', JSON.stringify(info), 'application/json'],
    [`data"; filename="${marks.fileName}`, marks.audio.repeat(50), 'audio/wav'],
  ]);
  const { callId = '' } = JSON.parse(answer) as { callId?: string };
  return callId;
}

async function multipart(parts: readonly (readonly [name: string, body: string, type: string])[]): Promise<string> {
  const boundary = 'between';
  const lines = parts.map(
    ([name, body, type]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`,
  );
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  return await send('/callCapture/v1/archive', { headers, body: `${lines.join('')}--${boundary}--\r\n` });
}

async function post(path: string, body: object | string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  return await send(path, { headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

/** One request with our token. Keeps what a log of the client's side, or of a proxy, would see of the answer. */
async function send(
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<string> {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  });
  const body = await answer.text();
  expect(answer.status, `${path.slice(0, 30)} ${body}`).toBeLessThan(500);
  headersSeen.push(JSON.stringify([...answer.headers]));
  if (answer.status >= 400) refusals.push(body);
  return body;
}

function expectUnmarked(where: string, what: string | Buffer): void {
  expect(marksIn(Buffer.from(what)), where).toEqual([]);
}

function tables(): string[] {
  return withDatabase((database) =>
    database
      .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map((row) => row.name),
  );
}

/** Every value of every row, bytes as Latin-1, one to a line. */
function rowsOf(table: string): string {
  return withDatabase((database) => {
    const rows = database.prepare<[], unknown[]>(`SELECT * FROM "${table}"`).raw().all();
    const text = (value: unknown) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value));
    return rows.flatMap((row) => row.map(text)).join('\n');
  });
}

function withDatabase<T>(work: (database: Database.Database) => T): T {
  const database = new Database(join(folder, 'home', 'db', 'tacet.sqlite'), { readonly: true });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
