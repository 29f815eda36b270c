/** The vault on file systems that are full, read-only or gone, under a running server. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { startTacet } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { mountFolder, mountSmall, remount, unmount, whyNoMounts } from './mount.ts';

const whyNot = await whyNoMounts();
if (whyNot !== undefined) process.stderr.write(`test/vault/mounts.test.ts is skipped: cannot mount here: ${whyNot}\n`);

const audio = Buffer.alloc(40_000, 7);

let folder: string;
/** The first is an ordinary folder, the second a mount point. */
let folders: [string, string];
let env: Record<string, string>;
let app: TestApp;
let client: CreovaiClient;
let kept: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-mounts-'));
  folders = [join(folder, 'one'), join(folder, 'two')];
  await mkdir(folders[1], { mode: 0o700 });
  env = { TACET_KEYS_DIR: folders.join(), TACET_BACKUP_HORIZON: '0' };
});

afterEach(async () => {
  await unmount(folders[1]).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

/** A server with two calls. */
async function serve(): Promise<void> {
  app = await startApp({ folder, env });
  client = new CreovaiClient(await app.listen(), await app.token());
  kept = (await client.archive('kept', '+15125550100', audio)).callId ?? '';
  await client.archive('purged', '+15125550101', audio);
  await app.engine.sealer.sealed();
}

/** The purged call is unreadable at once; that nothing can bring it back is not said before the vault took the seal. */
async function purgeWhileRefused(): Promise<void> {
  const failing = failedSeals(2);
  expect((await client.purge('/customer', { phoneNumber: '+15125550101' }))[0]?.status).toBe('Purging');
  await failing;
  expect(await client.status('purged')).toBe('Complete');
  const [erasure] = await app.engine.store.reads.erasures.page('', 1);
  expect(erasure).toMatchObject({ state: 'running', goneAt: null });
  expect(await app.engine.store.reads.erasures.tally(erasure?.id ?? '')).toMatchObject({ verified: 0 });
  expect((await client.recording(kept)).status).toBe(200);
}

async function failedSeals(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    expect(await app.nextLog(({ event }) => event === 'seal.failed')).toMatchObject({ code: 'vault_unreachable' });
  }
}

/** Without a restart. */
async function expectGoesOn(): Promise<void> {
  await until(async () => (await client.status('purged')) === 'NotFound');
  await untilQuiet(app.engine);
  expect((await client.recording(kept)).status).toBe(200);
  await app.engine.sealer.sealed();
  await app.engine.rootKeys.expire();
  expect((await fsck(app.engine)).problems).toEqual([]);
  await app.close();
  const [one, two] = [await readdir(folders[0]), await readdir(folders[1])];
  expect(one.sort()).toEqual(two.filter((name) => name !== 'filler').sort());
  expect(one.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(one.filter((name) => name.startsWith('key-'))).toHaveLength(1);
}

describe.skipIf(whyNot !== undefined)('a purge while one of the folders of the vault', { timeout: 60_000 }, () => {
  test('is full is verified once there is room again, without a restart', async () => {
    await mountSmall(folders[1], 256);
    await serve();
    await fill(folders[1]);
    await purgeWhileRefused();
    expect((await readdir(folders[1])).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    await rm(join(folders[1], 'filler'));
    await expectGoesOn();
  });

  test('is read-only is verified once it can be written, without a restart', async () => {
    await mountSmall(folders[1], 1024);
    await serve();
    await remount(folders[1], 'ro');
    await purgeWhileRefused();
    await remount(folders[1], 'rw');
    await expectGoesOn();
  });

  test('is not mounted is verified once it is, and the empty mount point stays empty', async () => {
    const disk = join(folder, 'disk');
    await mkdir(disk, { mode: 0o700 });
    await mountFolder(disk, folders[1]);
    await serve();
    // The seal that is just over may still have its folder open, to retire the key before it.
    await until(
      async () =>
        await unmount(folders[1]).then(
          () => true,
          () => false,
        ),
    );
    await purgeWhileRefused();
    expect(await readdir(folders[1])).toEqual([]);
    const refused = await startTacet(['keys', 'status'], { TACET_HOME: app.config.home, ...env }).ended;
    expect(refused).toMatchObject({ code: 1, output: '' });
    expect(refused.errors).toContain('folder 2 of 2 holds no vault: mount it, or copy the vault into it');
    expect(refused.errors).not.toContain(folder);
    expect(await readdir(folders[1])).toEqual([]);
    await mountFolder(disk, folders[1]);
    await expectGoesOn();
  });
});

/** Until not one more block fits. */
async function fill(mount: string): Promise<void> {
  for (let bytes = 64 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) await writeFile(join(mount, 'filler'), Buffer.alloc(bytes, 1), { flag: 'a' });
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
    }
  }
}
