/** docs/backup.md, "With PostgreSQL and S3", command by command, on a server of its own that is dumped, lost and put back. */
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newTarget, type Target } from './move/moves.ts';
import { CreovaiClient } from './support/creovai-client.ts';
import { commandsOf, DocShell, docPage } from './support/doc-commands.ts';
import { OwnPostgres } from './support/own-postgres.ts';
import { adminQuery } from './support/postgres.ts';
import { describeWithServers, type Servers } from './support/servers.ts';
import { startTacet, type TacetProcess } from './support/tacet-process.ts';
import { until } from './support/until.ts';

/** What happens before the commands of a section, and what must be so after them. */
type Part = { before?(): Promise<void>; after?(): Promise<void> };

const partMsMax = 240_000;
const chapter = 'With PostgreSQL and S3';
const page = docPage('backup.md');
const commands = commandsOf(page).filter((command) => command.chapter === chapter);
const sections = [...new Set(commands.map(({ section }) => section))];
const settings = [...page.slice(page.indexOf(`## ${chapter}`)).matchAll(/```ini\n(.*?)```/gs)].map(
  ([, lines]) => lines ?? '',
);

const shell = new DocShell();
const audio = randomBytes(80_000);
const callIds = new Map<string, string>();
let server: OwnPostgres;
let target: Target;
let credentials: { clientId: string; clientSecret: string } | undefined;
let running: TacetProcess | undefined;
let client: CreovaiClient;
let momentBefore = '';

async function prepare(servers: Servers): Promise<void> {
  server = await OwnPostgres.start();
  target = await newTarget(servers);
  await adminQuery({ url: `${server.address}/postgres` }, 'create database tacet');
  const places = {
    ...target.credentials,
    DATABASE_SERVER: server.address,
    PGDATA: server.dataFolder,
    TACET_BLOBS_URL: target.env['TACET_BLOBS_URL'] ?? '',
    TACET_HOME: join(shell.folder, 'home'),
    BACKUPS: join(server.shared, 'backups'),
    VAULT_COPIES: join(shell.folder, 'safe'),
  };
  for (const [name, value] of Object.entries(places)) await mustRun(`export ${name}='${value}'`);
}

afterAll(() => shell.remove());

const parts: Record<string, Part> = {
  'Settings of this chapter': {},
  'A dump': {
    before: async () => {
      await startServing();
      await archived('alive', 'erased-later');
    },
    after: async () => {
      await purged('erased-later');
      await archived('archived-later');
      await endServing();
    },
  },
  'Putting a dump back': {},
  'Once the database is back': {
    after: async () => {
      await startServing();
      await expectPlays('alive');
      await expectGone('erased-later');
      // It went with the database.
      expect(await client.status('archived-later')).toBe('NotFound');
    },
  },
  'A base backup and the log': {
    before: async () => {
      await endServing();
      await server.stop();
      server.configure(ours(settings[0] ?? ''));
      await server.again();
      await startServing();
    },
    after: async () => {
      await archived('in-the-log', 'erased-after-base');
      momentBefore = await now();
      await purged('erased-after-base');
      await archived('after-the-moment');
      const last = String((await query('select pg_walfile_name(pg_switch_wal()) as file'))[0]?.['file']);
      await until(async () => readdirSync(server.shared).includes(last));
      await endServing();
      await server.stop();
    },
  },
  'Going back to a moment': {
    after: async () => {
      server.configure(ours(settings[1] ?? '').replace(/'2026-[^']*'/, `'${momentBefore}'`));
      await server.own(server.dataFolder);
      await server.again();
      await runSection('Once the database is back');
      await startServing();
      await expectPlays('alive', 'in-the-log');
      await expectGone('erased-later', 'erased-after-base');
      expect(await client.status('after-the-moment')).toBe('NotFound');
      await endServing();
    },
  },
};

describeWithServers(`docs/backup.md, ${chapter}`, (servers) => {
  beforeAll(async () => await prepare(servers), partMsMax);
  afterAll(async () => {
    await endServing();
    await server.remove();
    await target.remove();
  }, partMsMax);

  test.each(sections)('%s: does what it says', { timeout: partMsMax }, async (section) => {
    const part = parts[section];
    if (part === undefined) throw new Error('no part of this test speaks of the section');
    await part.before?.();
    await runSection(section);
    await part.after?.();
  });
});

/** Settings as the page has them, with the folder of this test's server. */
function ours(lines: string): string {
  return lines.replaceAll('/srv/tacet-wal', server.shared);
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  return await adminQuery({ url: `${server.address}/postgres` }, sql);
}

async function now(): Promise<string> {
  return String((await query('select clock_timestamp()::text as now'))[0]?.['now']);
}

async function runSection(section: string): Promise<void> {
  for (const one of commands.filter((command) => command.section === section)) {
    const { code, output, errors } = await shell.run(one.command);
    expect(code, `line ${one.line}: ${one.command}\n${output}${errors}`).toBe(one.exitCode);
  }
}

async function mustRun(command: string): Promise<string> {
  const { code, output, errors } = await shell.run(command);
  expect(code, `${command}\n${output}${errors}`).toBe(0);
  return output;
}

async function startServing(): Promise<void> {
  if (running !== undefined) return;
  credentials ??= await makeClient();
  const env = { ...(await shell.settings()), ...target.credentials, TACET_LISTEN: '127.0.0.1:0' };
  running = startTacet(['serve'], env);
  const url = await running.listening;
  const form = { grant_type: 'client_credentials', client_id: credentials.clientId };
  const body = new URLSearchParams({ ...form, client_secret: credentials.clientSecret });
  const granted = (await (await fetch(`${url}/Token`, { method: 'POST', body })).json()) as { access_token: string };
  client = new CreovaiClient(url, granted.access_token);
}

async function makeClient(): Promise<{ clientId: string; clientSecret: string }> {
  await mustRun('bin/tacet tenant create acme --region US');
  const made = await mustRun('bin/tacet client create --tenant acme --scopes all --json');
  // What our own command has just printed.
  return JSON.parse(made) as { clientId: string; clientSecret: string };
}

async function endServing(): Promise<void> {
  running?.child.kill('SIGTERM');
  await running?.ended;
  running = undefined;
}

async function archived(...sessions: string[]): Promise<void> {
  for (const session of sessions) {
    const { status, callId = '' } = await client.archive(session, `+1512555${1000 + callIds.size}`, audio);
    expect(status, session).toBe(200);
    callIds.set(session, callId);
  }
}

/** Purges a call and waits until its erasure is verified, and so sealed. */
async function purged(session: string): Promise<void> {
  const [item] = await client.purge('/sessions', { ids: [session] });
  expect(item, session).toMatchObject({ status: 'Purging' });
  await until(async () => (await client.status(session)) === 'NotFound');
}

async function expectPlays(...sessions: string[]): Promise<void> {
  for (const session of sessions) {
    expect(await client.status(session), session).toBe('Complete');
    const answer = await client.recording(callIds.get(session) ?? '');
    expect(Buffer.from(await answer.arrayBuffer()).equals(audio), session).toBe(true);
  }
}

/** Not there by session or id, and refused when it is sent again. */
async function expectGone(...sessions: string[]): Promise<void> {
  for (const session of sessions) {
    expect(await client.status(session), session).toBe('NotFound');
    expect((await client.recording(callIds.get(session) ?? '')).status, session).toBe(404);
    expect((await client.archive(session, '+15125559999', audio)).status, session).toBe(400);
  }
}
