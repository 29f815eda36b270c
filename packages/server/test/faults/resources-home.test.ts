import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LifeCall } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { type BrokenScene, startBrokenScene } from './broken-scene.ts';
import { expectTryLater } from './honest-answers.ts';

/** Longer than opened keys are remembered, and shorter than a token lives. */
const rememberedMs = 2 * 60_000;

let scene: BrokenScene;
let kept: LifeCall;
let purged: LifeCall;
let ids: { kept: string; purged: string };
let home: string;
let aside: string;

beforeEach(async () => {
  scene = await startBrokenScene();
  [kept, purged] = [scene.newCall('kept'), scene.newCall('purged')];
  ids = { kept: await scene.archived(kept), purged: await scene.archived(purged) };
  home = scene.app.config.home;
  aside = join(scene.folder, 'aside');
});

afterEach(async () => await scene.end());

/** No write is taken, all say so, nothing of it comes to be later, and the process lives. */
async function expectNoWrites(): Promise<void> {
  const { client } = scene;
  expectTryLater(await client.archive('new', '+15125550148', Buffer.from('new audio')), 'creovai');
  expectTryLater(await scene.purge(ids.purged), 'creovai');
  await expect(scene.app.engine.rootKeys.seal()).rejects.toMatchObject({ code: 'store_failed', retry: 'later' });
  const ready = await client.get('/readyz');
  expect([ready.status, ready.body]).toEqual([503, '{"status":"not ready"}']);
  expect((await client.get('/healthz')).status).toBe(200);
}

/** The fault is gone: what was refused was not done, what was there is there, and all goes on in the same process. */
async function expectMended(): Promise<void> {
  const { client } = scene;
  expect((await client.get('/readyz')).status).toBe(200);
  await scene.settle();
  expect(await client.statusOf('new')).toBe('NotFound');
  await scene.expectStanding(purged, 'whole');
  expect((await client.archive('new', '+15125550148', Buffer.from('new audio'))).status).toBe(200);
  expect((await scene.purge(ids.purged)).body).toContain('Purging');
  await scene.settle();
  await scene.expectStanding(kept, 'whole');
  await scene.expectStanding(purged, 'gone');
  await scene.expectRest();
}

describe('a home', () => {
  test('that is moved away takes nothing, makes no second home, and goes on where it was when it is back', async () => {
    renameSync(home, aside);
    await expectNoWrites();
    expectTryLater(await scene.play(ids.kept), 'native');
    expect(readdirSync(scene.folder).sort()).toEqual(['aside', 'home-keys']);
    renameSync(aside, home);
    await expectMended();
  });

  test('that is removed takes nothing, and its process lives and ends in order', async () => {
    rmSync(home, { recursive: true });
    await expectNoWrites();
    expectTryLater(await scene.play(ids.kept), 'native');
    expect(readdirSync(scene.folder)).toEqual(['home-keys']);
  });

  test('whose database was replaced by a copy of it writes to neither', async () => {
    await untilQuiet(scene.app.engine);
    const db = join(home, 'db');
    cpSync(db, `${aside}-copy`, { recursive: true });
    renameSync(db, aside);
    renameSync(`${aside}-copy`, db);
    await expectNoWrites();
    rmSync(db, { recursive: true });
    renameSync(aside, db);
    await expectMended();
  });

  test('whose write-ahead log was removed takes nothing that would be lost with it', async () => {
    const log = join(home, 'db', 'tacet.sqlite-wal');
    renameSync(log, aside);
    await expectNoWrites();
    renameSync(aside, log);
    await expectMended();
  });
});

test('a vault that cannot be reached is told in the form of every surface, once what it held is forgotten', async () => {
  const { client, app } = scene;
  const [vault = ''] = app.config.keysDirs;
  await untilQuiet(app.engine);
  renameSync(vault, aside);
  writeFileSync(vault, '');
  scene.pass(rememberedMs);
  expectTryLater(await client.login('/Token', app.client), 'oauth');
  expectTryLater(await client.login('/v1/token', app.client), 'oauth');
  expectTryLater(await scene.play(ids.kept), 'native');
  expectTryLater(await scene.purge(ids.purged), 'creovai');
  expectTryLater(await client.archive('new', '+15125550148', Buffer.from('new audio')), 'creovai');
  expect((await client.get('/readyz')).status).toBe(503);
  rmSync(vault);
  renameSync(aside, vault);
  await expectMended();
});

const cannotFreeze = whyNotFreeze();

describe.skipIf(cannotFreeze !== undefined)('a database that becomes read-only', () => {
  test.each(['tacet.sqlite', 'tacet.sqlite-wal'])(
    '(%s) takes nothing, is read on, and goes on when it may',
    async (name) => {
      const file = join(home, 'db', name);
      execFileSync('chattr', ['+i', file]);
      try {
        await expectNoWrites();
        expect((await scene.play(ids.kept)).status).toBe(200);
        expect((await scene.play(ids.purged)).status).toBe(200);
      } finally {
        execFileSync('chattr', ['-i', file]);
      }
      await expectMended();
    },
  );
});

/** Rights alone stop nobody who is root; the immutable flag does, where file system and rights allow to set it. */
function whyNotFreeze(): string | undefined {
  const probe = join(tmpdir(), `.immutable-${process.pid}`);
  try {
    writeFileSync(probe, '');
    execFileSync('chattr', ['+i', probe], { stdio: 'ignore' });
    execFileSync('chattr', ['-i', probe]);
    return undefined;
  } catch {
    process.stderr.write(
      'Tests of a read-only database are skipped: `chattr +i` takes root and a file system with it.\n',
    );
    return 'files cannot be made immutable here';
  } finally {
    rmSync(probe, { force: true });
  }
}
