/** docs/operations.md and docs/scale.md: what they name exists, and what they say to type does what they say. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { settings } from '../src/config.ts';
import { metrics } from '../src/model/metrics.ts';
import { migrations } from '../src/store/migrations/index.ts';
import { commandsOf, DocShell, docPage } from './support/doc-commands.ts';
import { startApp, type TestApp } from './support/harness.ts';
import { OwnPostgres } from './support/own-postgres.ts';
import { type ScalePlaces, scalePlaces } from './support/pair.ts';
import { archivePlatformCall } from './support/platform-calls.ts';
import { adminQuery } from './support/postgres.ts';
import { describeWithPostgres, describeWithServers } from './support/servers.ts';
import { until } from './support/until.ts';
import { whole } from './support/whole-call.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const pages = { operations: docPage('operations.md'), scale: docPage('scale.md') };
const both = Object.values(pages).join('\n');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('docs/operations.md and docs/scale.md', () => {
  test('name settings that exist', () => {
    const known = new Set<string>(settings.map(({ name }) => name));
    expect(named(both + readme, /\bTACET_[A-Z_]+\b/g).filter((name) => !known.has(name))).toEqual([]);
  });

  test('name metrics that exist, with labels and values that they have', () => {
    const unknown = [...both.matchAll(/\b(tacet_[a-z_]+)(?:\{(\w+)="([\w]+)"\})?/g)].filter(
      ([, name = '', label, value]) => !hasMetric(name, label, value),
    );
    expect(unknown.map(([text]) => text)).toEqual([]);
  });

  test('name events that docs/logs.md knows', () => {
    const listed = new Set([...docPage('logs.md').matchAll(/^\| `([^`]+)`/gm)].map(([, event]) => event));
    const events = named(pages.operations, /`((?:database|seal|expiry|erasure|job|http)\.[a-z_]+)`/g);
    expect(events.length).toBeGreaterThan(4);
    expect(events.filter((event) => !listed.has(event))).toEqual([]);
  });

  test('name commands that exist', () => {
    const help = new Set(readdirSync(join(root, 'packages/server/src/cli')).map((file) => file.replace('.ts', '')));
    const commands = named(both + readme, /`?bin\/tacet ([a-z]+)/g);
    const inOneFile = new Set(['migrate', 'work', ...help]);
    expect(commands.filter((command) => !inOneFile.has(command))).toEqual([]);
  });

  test('allow an account of S3 exactly what the processes may ask for', () => {
    const source = readFileSync(join(root, 'packages/server/src/blobs/s3-failure.ts'), 'utf8');
    const asked = named(source, /^ {2}\| '(s3:\w+)'/gm).sort();
    const policy = /```json\n(.*?)```/s.exec(pages.operations)?.[1] ?? '';
    // Written by hand on the page, in the shape that AWS gives its policies.
    const { Statement } = JSON.parse(policy) as { Statement: { Action: string[] }[] };
    expect(Statement.flatMap(({ Action }) => Action).sort()).toEqual(asked);
  });

  test('list exit codes by their numbers', () => {
    const chapter = pages.operations.slice(pages.operations.indexOf('## Exit codes of processes'));
    const listed = [...chapter.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
    const { unusable, restored, mismatch, newer, moved } = exitCodes;
    expect(listed).toEqual([unusable, restored, mismatch, newer, moved]);
  });

  test('link to pages and headings that exist', () => {
    const links = [...both.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
    const broken = links.filter(([, file = '', heading]) => !isThere(file, heading));
    expect(links.length).toBeGreaterThan(10);
    expect(broken.map(([text]) => text)).toEqual([]);
  });

  test('name tables, primary keys and migrations that the schema has', () => {
    const names = migrations.map(({ name }) => name);
    expect(named(pages.scale, /`(\d{4}-[a-z-]+)`/g).filter((name) => !names.includes(name))).toEqual([]);
    const text = '';
    const schema = { text, bytes: '', integer: '', counter: '', heap: '', clustered: '', isTunable: false };
    const words = { ...schema, dropsConstraints: true };
    const statements = migrations.flatMap((migration) => migration.statements(words)).join('\n');
    const rows = [...pages.scale.matchAll(/^\| `(\w+)` +\| `([\w, ]+)`(?:,[^|]*)? +\| /gm)];
    expect(rows.length).toBeGreaterThan(6);
    const wrong = rows.filter(([, table = '', key = '']) => !hasKey(statements, table, key));
    expect(wrong.map(([row]) => row)).toEqual([]);
  });
});

describeWithServers('the commands of docs/operations.md', (servers) => {
  const commands = commandsOf(pages.operations);
  let shell: DocShell;
  let places: ScalePlaces;

  beforeAll(async () => {
    shell = new DocShell();
    places = await scalePlaces(servers);
    const folders = { TACET_HOME: join(shell.folder, 'home'), TACET_KEYS_DIR: join(shell.folder, 'vault') };
    for (const [name, value] of Object.entries({ ...places.env, ...folders })) {
      expect((await shell.run(`export ${name}='${value}'`)).code).toBe(0);
    }
  }, 60_000);

  afterAll(async () => {
    shell.remove();
    await places.remove();
  }, 60_000);

  test.each(commands)('line $line: $command', { timeout: 60_000 }, async ({ command, exitCode }) => {
    const { code, output, errors } = await shell.run(command);
    expect(code, `${output}${errors}`).toBe(exitCode);
  });
});

describeWithPostgres('the log of a PostgreSQL server', () => {
  // Below those that Linux lends to outgoing connections.
  const port = 27_532;
  const clientWords = ['Casey', 'c@example.org', '9991234567', '123-45-67', 'Kazan', 'order-77', 'debtor', 'Reminders'];
  let server: OwnPostgres;
  let app: TestApp;

  beforeAll(async () => {
    server = await OwnPostgres.start(port);
    const admin = { url: `${server.address}/postgres` };
    for (const setting of ["log_statement = 'all'", 'log_min_duration_statement = 0']) {
      await adminQuery(admin, `alter system set ${setting}`);
    }
    for (const length of ['log_parameter_max_length', 'log_parameter_max_length_on_error']) {
      await adminQuery(admin, `alter system set ${length} = -1`);
    }
    await adminQuery(admin, 'select pg_reload_conf()');
    await adminQuery(admin, 'create database tacet');
    app = await startApp({ env: { TACET_DATABASE_URL: `${server.address}/tacet` } });
  }, 120_000);

  afterAll(async () => {
    await app.close();
    await server.remove();
  }, 60_000);

  test('shows no word of a client, however much of each statement it is told to keep', {
    timeout: 60_000,
  }, async () => {
    const callId = await archivePlatformCall(app.engine, app.caller(), whole);
    const headers = { authorization: `Bearer ${await app.token()}` };
    const post = async (url: string, payload: object) =>
      await app.http.inject({ method: 'POST', url, headers, payload });
    const preview = await post('/purge/v1/calls/customer?whatIf=true', { phoneNumber: '+7 (999) 123-45-67' });
    expect(preview.json()).toMatchObject({ items: [{ callId }] });
    expect((await post('/purge/v1/calls', { ids: [callId] })).statusCode).toBe(200);
    const sql = "SELECT count(*) AS left FROM item WHERE state <> 'verified'";
    await until(async () => (await adminQuery({ url: `${server.address}/tacet` }, sql))[0]?.['left'] === '0');

    const log = readFileSync(join(server.dataFolder, '../log/server.log'), 'utf8');
    // It does hold what statements were given: ids as they are, bytes in hex.
    expect(log).toContain(callId);
    expect(log).toMatch(/\\x[0-9a-f]{200}/);
    expect(clientWords.filter((word) => formsOf(word).some((form) => log.includes(form)))).toEqual([]);
  });
});

/** A word as a log might show it: as text, and within bytes in hex or base64 whatever stands before it. */
function formsOf(word: string): string[] {
  const shifted = ['', ' ', '  '].map((before) => {
    const text = Buffer.from(before + word).toString('base64');
    // Digits at either end depend on the neighbours too.
    return text.slice(before === '' ? 0 : 4, -4);
  });
  return [word, Buffer.from(word).toString('hex'), ...shifted.filter((text) => text.length > 5)];
}

/** What the first group of the pattern finds, or else all of it; each once. */
function named(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([found, group]) => group ?? found))];
}

function hasMetric(name: string, label: string | undefined, value: string | undefined): boolean {
  const found = Object.entries<{ labels: Readonly<Record<string, readonly string[] | 'route patterns'>> }>(
    metrics,
  ).find(([known]) => known === name);
  if (found === undefined || label === undefined) return found !== undefined;
  return found[1].labels[label]?.includes(value ?? '') ?? false;
}

/** True where a table of the schema has these columns as its primary key. */
function hasKey(statements: string, table: string, key: string): boolean {
  const made = new RegExp(`CREATE TABLE ${table} \\((.*?)^\\s*\\) *$`, 'ms').exec(statements)?.[1] ?? '';
  if (made.includes(`PRIMARY KEY (${key})`)) return true;
  // The counter of a table is its key without saying so where the words of the schema are empty, as here.
  return new RegExp(`^\\s*${key}\\s`).test(made);
}

/** True where a page of the docs is there, and has the heading. */
function isThere(file: string, heading: string | undefined): boolean {
  const linkingPage = ['operations.md', 'scale.md'];
  const path = join(root, 'docs', file);
  if (!existsSync(path)) return false;
  if (heading === undefined) return true;
  const candidates = file === '' ? linkingPage.map((page) => join(root, 'docs', page)) : [path];
  return candidates.some((page) => anchorsOf(readFileSync(page, 'utf8')).includes(heading));
}

/** Headings as GitHub links to them. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
