/** docs/backup.md, command by command, on an archive that suffers each loss that the page speaks of. */
import { randomBytes } from 'node:crypto';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { CreovaiClient } from './support/creovai-client.ts';
import { commandsOf, DocShell, docPage } from './support/doc-commands.ts';
import { startTacet, type TacetProcess } from './support/tacet-process.ts';
import { until } from './support/until.ts';

/** What happens to the archive before the commands of a section, and what must be so after them. */
type Chapter = { before?(): Promise<void>; after?(): Promise<void> };

const chapterMsMax = 240_000;
const page = docPage('backup.md');
// That one has a test of its own, `docs-backup-server.test.ts`.
const commands = commandsOf(page).filter(({ chapter }) => chapter !== 'With PostgreSQL and S3');
const sections = [...new Set(commands.map(({ section }) => section))];

const shell = new DocShell();
const audio = randomBytes(80_000);
const callIds = new Map<string, string>();
let credentials: { clientId: string; clientSecret: string } | undefined;
let server: TacetProcess | undefined;
let client: CreovaiClient;
let phones = 0;
/** Standard output of the last command. */
let said = '';
/** The same of the last restore. */
let reported = '';

afterAll(async () => {
  await endServer('SIGTERM');
  shell.remove();
});

const chapters: Record<string, Chapter> = {
  'Where things are': {
    async after() {
      await serving(async () => await archived('alive', 'erased-later', 'erased-in-snapshot', 'erased-without-vault'));
    },
  },
  'Taking a backup': {
    before: startServer,
    async after() {
      const made = readdirSync(join(await shell.value('BACKUPS'), await shell.value('STAMP')));
      expect(made.sort()).toEqual(['blobs.jsonl', 'database.sqlite', 'manifest.json']);
      await purged('erased-later');
      await archived('archived-later');
      await endServer('SIGTERM');
    },
  },
  'Before you restore': {},
  'The database is lost': {
    before: loseDatabase,
    async after() {
      await expectErasedIsGone();
      // It went with the database: nothing of it is here, and its client may send it again.
      await serving(async () => {
        expect(await client.status('archived-later')).toBe('NotFound');
        await archived('archived-later');
      });
    },
  },
  'The recordings are lost': {
    before: async () => rmSync(join(await shell.value('TACET_HOME'), 'blobs'), { recursive: true }),
    async after() {
      expect(reported).toMatch(/^callsWithoutBytes: \["[-0-9a-f]+"\]$/m);
      expect(reported).toContain(callIds.get('archived-later'));
      await expectErasedIsGone();
      expect(storedCount(await shell.value('TACET_HOME'))).toBeLessThan(storedCount(await shell.value('BACKUPS')));
      await serving(async () => await purged('archived-later'));
    },
  },
  'The home is lost': {
    before: async () => rmSync(await shell.value('TACET_HOME'), { recursive: true }),
    after: expectErasedIsGone,
  },
  'A snapshot of the home was put back': {
    async before() {
      const home = await shell.value('TACET_HOME');
      cpSync(home, `${home}-snapshot`, { recursive: true });
      await serving(async () => await purged('erased-in-snapshot'));
      rmSync(home, { recursive: true });
      cpSync(`${home}-snapshot`, home, { recursive: true });
    },
    after: async () => await serving(async () => await expectGone('erased-in-snapshot')),
  },
  'One of several vault folders is lost': {
    before: async () => rmSync(await shell.value('VAULT_2'), { recursive: true }),
    async after() {
      await serving(async () => await expectPlays('alive'));
      const [one, other] = [await shell.value('VAULT_1'), await shell.value('VAULT_2')];
      expect(readdirSync(other).sort()).toEqual(readdirSync(one).sort());
    },
  },
  'Every vault folder is lost': {
    async before() {
      await backUpAgain();
      await serving(async () => await purged('erased-without-vault'));
      await loseVault();
    },
    // The limit that the section states: what the vault's copy does not know of is back, all but its audio.
    after: async () =>
      await serving(async () => {
        await expectPlays('alive');
        expect(await client.status('erased-without-vault')).toBe('Complete');
        expect(said).toMatch(new RegExp(`^callsWithoutBytes: \\["${callIds.get('erased-without-vault')}"\\]$`, 'm'));
        await purged('erased-without-vault');
        await expectGone('erased-later', 'erased-in-snapshot', 'erased-without-vault');
      }),
  },
  'The machine is lost': {
    async before() {
      await backUpAgain();
      await loseVault();
      rmSync(await shell.value('TACET_HOME'), { recursive: true });
    },
    after: expectErasedIsGone,
  },
  'Restored by mistake': {
    async before() {
      await serving(async () => await archived('archived-before-mistake', 'erased-before-mistake'));
      await runSection('Before you restore');
      await serving(async () => await purged('erased-before-mistake'));
      await mustRun('bin/tacet restore --from "$BACKUPS/$STAMP"');
    },
    after: async () =>
      await serving(async () => {
        await expectPlays('alive', 'archived-before-mistake');
        await expectGone('erased-before-mistake');
      }),
  },
  'A backup past its horizon': {
    async before() {
      await mustRun('bin/tacet keys seal');
      const sealedAt = Date.now();
      await until(async () => Date.now() > sealedAt + 1000);
      await mustRun('TACET_BACKUP_HORIZON=1s');
    },
    async after() {
      await mustRun('unset TACET_BACKUP_HORIZON');
      await serving(async () => await expectPlays('alive', 'archived-before-mistake'));
    },
  },
  Afterwards: {},
  'The recovery key': {
    async after() {
      await serving(async () => await archived('erased-under-key'));
      await backUpAgain();
      await serving(async () => await purged('erased-under-key'));
    },
  },
  'Restoring with it': {
    before: loseDatabase,
    after: async () =>
      await serving(async () => {
        await expectPlays('alive');
        await expectGone('erased-under-key');
      }),
  },
  'Changing it, and losing it': {
    after: async () =>
      await serving(async () => {
        await expectPlays('alive');
        await expectGone('erased-under-key');
      }),
  },
};

describe('docs/backup.md', () => {
  test('has a loss, or a look afterwards, for every section with commands', () => {
    expect(sections).toEqual(Object.keys(chapters));
  });

  test('says what each exit code means', () => {
    const told = [...page.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
    expect(told).toEqual(Object.values(exitCodes).sort((a, b) => a - b));
  });

  test.each(sections)('%s: does what it says', { timeout: chapterMsMax }, async (section) => {
    await chapters[section]?.before?.();
    await runSection(section);
    await chapters[section]?.after?.();
  });

  test('says what each field of the report means, and names no other', () => {
    const table = page.slice(page.indexOf('## What the report means'), page.indexOf('## The recovery key'));
    const told = table.split('\n').flatMap((row) => row.split('|')[1]?.match(/`\w+`/g) ?? []);
    expect(told.map((name) => name.slice(1, -1)).sort()).toEqual(
      [...reported.matchAll(/^(\w+): /gm)].map(([, name]) => name).sort(),
    );
  });
});

async function runSection(section: string): Promise<void> {
  for (const one of commands.filter((command) => command.section === section)) {
    const { code, output, errors } = await shell.run(one.command);
    expect(code, `line ${one.line}: ${one.command}\n${output}${errors}`).toBe(one.exitCode);
    said = output;
    if (/^bin\/tacet restore/.test(one.command) && code === 0) reported = output;
  }
}

async function mustRun(command: string): Promise<string> {
  const { code, output, errors } = await shell.run(command);
  expect(code, `${command}\n${output}${errors}`).toBe(0);
  return output;
}

/** A whole new backup: the next sections start from it. */
async function backUpAgain(): Promise<void> {
  await runSection('Taking a backup');
}

async function loseDatabase(): Promise<void> {
  rmSync(join(await shell.value('TACET_HOME'), 'db'), { recursive: true });
}

/** Recordings below a folder's `blobs`. */
function storedCount(folder: string): number {
  const entries = readdirSync(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

async function loseVault(): Promise<void> {
  for (const name of ['VAULT_1', 'VAULT_2']) rmSync(await shell.value(name), { recursive: true });
}

async function serving(work: () => Promise<void>): Promise<void> {
  await startServer();
  try {
    await work();
  } finally {
    await endServer('SIGTERM');
  }
}

async function startServer(): Promise<void> {
  credentials ??= await makeClient();
  server = startTacet(['serve'], { ...(await shell.settings()), TACET_LISTEN: '127.0.0.1:0' });
  const url = await server.listening;
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

async function endServer(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  server?.child.kill(signal);
  await server?.ended;
  server = undefined;
}

async function archived(...sessions: string[]): Promise<void> {
  for (const session of sessions) {
    phones += 1;
    const { status, callId = '' } = await client.archive(session, `+1512555${1000 + phones}`, audio);
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

async function expectErasedIsGone(): Promise<void> {
  await serving(async () => {
    await expectPlays('alive');
    await expectGone('erased-later');
  });
}
