import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectorsOf } from '../src/engine/upkeep/readings.ts';
import { PromMeter } from '../src/metrics/prom-meter.ts';
import { creovaiRoutes } from './support/creovai-routes.ts';
import { startApp, type TestApp } from './support/harness.ts';
import { liveMarkedCampaign, type TwinSecrets } from './support/marked-campaign.ts';
import { liveMarked } from './support/marked-life.ts';
import { askEveryRoute } from './support/marked-surface.ts';
import { formsOf, marks, marksIn } from './support/marks.ts';
import { expectFilesUnmarked, expectUnmarked, filesOf } from './support/raw-search.ts';
import { VendorClient } from './support/vendor-client.ts';

let folder: string;
let app: TestApp;
let client: VendorClient;
/** Every share link that was given. */
let links: string[];
/** What users were given, and links to recordings. */
let twin: TwinSecrets;
const meter = new PromMeter();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-privacy-'));
  app = await startApp({ folder, env: { TACET_BACKUP_HORIZON: '0' }, meter });
  meter.collectBy(collectorsOf(app.engine));
  client = new VendorClient(await app.listen(), await app.token());
  await liveMarked(app, client);
  links = await askEveryRoute(app, client);
  twin = await liveMarkedCampaign(app, client);
}, 120_000);

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

describe('after a whole life, no word of a client is to be found', () => {
  test('in any log line', () => expectUnmarked('log', app.logged.join('\n')));

  test('on the page of metrics, nor any id of ours', async () => {
    const page = await meter.page();
    expect(page).toContain('route="/callCapture/v1/archive"');
    expectUnmarked('metrics', page);
    expect(page).not.toContain(app.tenant.slug);
    expect(page).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  });

  test('in any error or header', () => {
    const refusals = client.answers.filter(({ status }) => status >= 400);
    expect(refusals.length).toBeGreaterThan(60);
    expectUnmarked('errors', refusals.map(({ text }) => text).join('\n'));
    const headers = client.answers.map((answer) => JSON.stringify([...answer.headers]));
    expectUnmarked('headers', headers.join('\n'));
  });

  test.each([
    'job',
    'audit',
    'journal',
    'tombstone',
    'tombstone_token',
    'token',
    'erasure',
    'item',
    'hold',
    'client',
    'metadata_event',
    'task',
    'candidate',
    'account',
    'kept_answer',
  ])('in table %s', (table) => {
    expect(rowsOf(table)).not.toBe('');
    expectUnmarked(table, rowsOf(table));
  });

  test('in any table there is', () => {
    for (const table of tables()) expectUnmarked(table, rowsOf(table));
  });

  test('in the raw bytes of database, write-ahead log, recordings and vault', () => {
    const files = filesOf(folder);
    expect(files.some((file) => file.endsWith('tacet.sqlite'))).toBe(true);
    expect(files.some((file) => file.endsWith('-wal'))).toBe(true);
    expect(files.some((file) => file.includes('/blobs/'))).toBe(true);
    expectFilesUnmarked(folder);
  });

  test('and no link is, nor the secret part of one, nor a token of a user', () => {
    expect(links.length).toBeGreaterThan(10);
    expect(twin.links.length).toBe(4);
    const secretParts = (path: string) => path.split(/[/.]/).filter((part) => part.length > 20);
    const secrets = [
      ...[...links, ...twin.links].flatMap((link) => secretParts(new URL(link).pathname)),
      // The first part of a token is the same in all of them.
      ...twin.tokens.flatMap((token) => secretParts(token).slice(1)),
    ];
    expect(secrets.length).toBeGreaterThan(20);
    const written = [...filesOf(folder).map((file) => readFileSync(file)), Buffer.from(app.logged.join('\n'))];
    const found = secrets.filter((secret) => written.some((bytes) => bytes.includes(secret)));
    expect(found).toEqual([]);
  });
});

describe('the life itself', () => {
  test('had every route of the surface answer what was asked of it, and none break', () => {
    const missing = creovaiRoutes.filter(({ pattern }) => !client.succeeded.has(pattern));
    expect(missing.map(({ pattern }) => pattern)).toEqual([]);
    expect(client.answers.filter(({ status }) => status >= 500).map(({ text }) => text)).toEqual([]);
  });

  test('showed every word to whom it was for, so that it was there to be lost', async () => {
    const shown = marksIn(Buffer.from(client.answers.map(({ text }) => text).join('\n')));
    const creovai = ['message', 'metadataKey', 'deepKey', 'deepValue', 'eventKey', 'appliedEvent', 'reference'];
    const campaign = ['taskName', 'taskSetting', 'variable', 'variableKey', 'callbackData', 'clientExternalId'];
    const call = ['candidatePhone', 'result', 'laterResult', 'redirect', 'logLink', 'botName', 'responder', 'turn'];
    const kept = [...creovai, ...campaign, ...call, 'laterTurn', 'ownNumber', 'email', 'userEmail', 'audio'];
    expect(kept.filter((name) => !shown.includes(name))).toEqual([]);
    expect(shown).not.toContain('droppedEvent');
    expect(await client.statusOf(marks.keptSession)).toBe('Complete');
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
