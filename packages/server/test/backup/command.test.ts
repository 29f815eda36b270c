import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBackup, verifyBackup } from '../../src/backup/read-backup.ts';
import { mountSmallDisk, noSmallDisk } from '../faults/small-disk.ts';
import { startTacet } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { type BackupScene, fillDatabase, startBackupScene } from './backup-scene.ts';

let scene: BackupScene;

beforeAll(async () => {
  scene = await startBackupScene();
  expect(await scene.run(['tenant', 'create', 'one', '--json'])).toMatchObject({ code: 0 });
});

afterAll(async () => await scene.end());

const copy = () => scene.at('copies', 'first');

describe('`tacet backup DIR`', () => {
  test('says what it took, as one document, and nothing more than a line beside it', async () => {
    const { code, output, errors } = await scene.run(['backup', copy(), '--json']);
    expect(code, errors).toBe(0);
    const { manifest } = await readBackup(copy());
    expect(JSON.parse(output)).toEqual({
      dir: copy(),
      archiveId: manifest.archiveId,
      generation: manifest.generation,
      takenAt: new Date(manifest.takenAt).toISOString(),
      database: { bytes: manifest.database.bytes },
      blobs: { count: 0, bytes: 0, missing: 0 },
      opensUntil: null,
    });
    expect(errors.trimEnd().split('\n')).toHaveLength(1);
    await verifyBackup(await readBackup(copy()));
  });

  test('makes folders and files for their owner alone', async () => {
    for (const name of ['', 'database.sqlite', 'blobs.jsonl', 'manifest.json']) {
      expect((await stat(scene.at('copies', 'first', name))).mode & 0o077).toBe(0);
    }
    expect((await stat(scene.at('copies'))).mode & 0o777).toBe(0o700);
    expect((await readdir(copy())).sort()).toEqual(['blobs.jsonl', 'database.sqlite', 'manifest.json']);
  });

  test('copies no key', async () => {
    const names = (await readdir(`${scene.home}-keys`)).filter((name) => name.startsWith('key-'));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const key = (await readFile(`${scene.home}-keys/${name}`)).subarray(-32);
      for (const file of await readdir(copy())) expect((await readFile(`${copy()}/${file}`)).includes(key)).toBe(false);
    }
  });

  test('says when the copy ceases to open, once its root key has been retired', async () => {
    await scene.run(['backup', scene.at('copies', 'older'), '--json']);
    const { manifest } = await readBackup(scene.at('copies', 'older'));
    expect(manifest.horizonMs).toBe(7 * 24 * 3_600_000);
    await scene.run(['keys', 'seal']);
    const status = JSON.parse((await scene.run(['keys', 'status', '--json'])).output) as {
      rootKeys: { generation: number; diesAt: string | null }[];
    };
    const key = status.rootKeys.find((one) => one.generation === manifest.generation);
    expect(Date.parse(key?.diesAt ?? '')).toBeGreaterThanOrEqual(manifest.takenAt + manifest.horizonMs);
  });

  test('uses a folder that is there and empty, and refuses one that is not, touching nothing in it', async () => {
    await mkdir(scene.at('copies', 'empty'));
    expect(await scene.run(['backup', scene.at('copies', 'empty')])).toMatchObject({ code: 0 });
    await mkdir(scene.at('copies', 'filled'));
    await writeFile(scene.at('copies', 'filled', 'something'), 'here');
    for (const args of [[scene.at('copies', 'filled')], ['--vault', scene.at('copies', 'filled')]]) {
      expect(await scene.run(['backup', ...args])).toMatchObject({ code: 2, output: '' });
    }
    await writeFile(scene.at('copies', 'a-file'), 'here');
    expect(await scene.run(['backup', scene.at('copies', 'a-file')])).toMatchObject({ code: 2, output: '' });
    expect(await readdir(scene.at('copies', 'filled'))).toEqual(['something']);
  });

  test('wants to be told where to', async () => {
    expect(await scene.run(['backup', '--json'])).toMatchObject({ code: 2, output: '' });
  });

  test('works under horizon 0, and warns that the next seal ends it', async () => {
    const { code, errors } = await scene.run(['backup', scene.at('copies', 'short')], { TACET_BACKUP_HORIZON: '0' });
    expect(code).toBe(0);
    expect(errors).toContain('no backup can be restored');
  });

  test.skipIf(noSmallDisk !== undefined)('on a full disk fails, and leaves the folder as it found it', async () => {
    const disk = mountSmallDisk(1);
    try {
      for (const bytes of [0, 4096, 100_000, 200_000]) {
        disk.leave(bytes);
        // In a folder of its own: the disk has its filling beside it.
        const ended = await scene.run(['backup', `${disk.folder}/backups/copy`, '--json']);
        expect(ended, ended.errors).toMatchObject({ code: 1, output: '' });
        expect(ended.errors).not.toContain(disk.folder);
        expect(await readdir(disk.folder)).toEqual(['ballast']);
      }
      disk.clear();
      expect(await scene.run(['backup', `${disk.folder}/backups/copy`])).toMatchObject({ code: 0 });
    } finally {
      disk.unmount();
    }
  });
});

describe('an archive that may not be used', () => {
  test('is not backed up: a restored database, one beside a foreign vault', async () => {
    const home = scene.at('rolled-back', 'home');
    await cp(scene.home, home, { recursive: true });
    await cp(`${scene.home}-keys`, `${home}-keys`, { recursive: true });
    const env = { TACET_HOME: home };
    await cp(`${home}/db`, scene.at('rolled-back', 'db'), { recursive: true });
    await scene.run(['keys', 'seal'], env);
    await rm(`${home}/db`, { recursive: true });
    await cp(scene.at('rolled-back', 'db'), `${home}/db`, { recursive: true });
    const target = scene.at('rolled-back', 'copy');
    expect(await scene.run(['backup', target], env)).toMatchObject({ code: 7, output: '' });
    await scene.run(['keys', 'status'], { TACET_HOME: scene.at('foreign') });
    const foreign = { TACET_KEYS_DIR: scene.at('foreign-keys') };
    expect(await scene.run(['backup', target], foreign)).toMatchObject({ code: 8, output: '' });
    expect(await readdir(scene.at('rolled-back'))).not.toContain('copy');
  });
});

describe('a backup that is ended in its middle', () => {
  beforeAll(() => fillDatabase(scene.home, 200));

  /** Starts one and ends it as soon as it has begun to write. */
  async function endWhileCopying(dir: string, signal: NodeJS.Signals) {
    const backup = startTacet(['backup', dir], scene.env);
    await until(async () => ((await sizeOf(`${dir}/database.sqlite`)) ?? 0) > 0);
    backup.child.kill(signal);
    return await backup.ended;
  }

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s leaves nothing, the folders that it made included',
    async (signal) => {
      const ended = await endWhileCopying(scene.at('cut', 'deep', 'copy'), signal);
      expect(ended).toMatchObject({ code: 1, output: '' });
      expect(ended.errors).toContain(`stopped by ${signal}`);
      expect(await sizeOf(scene.at('cut'))).toBeUndefined();
    },
  );

  test('by SIGKILL leaves no manifest, and nobody who goes on writing', async () => {
    const dir = scene.at('killed');
    expect(await endWhileCopying(dir, 'SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    await until(async () => !(await isRunning(dir)));
    expect(await readdir(dir)).not.toContain('manifest.json');
    await expect(readBackup(dir)).rejects.toMatchObject({ code: 'input_invalid' });
    expect(await scene.run(['fsck'])).toMatchObject({ code: 0 });
  });
});

async function sizeOf(file: string): Promise<number | undefined> {
  return await stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}

/** True while a process has been told of this folder. */
async function isRunning(dir: string): Promise<boolean> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(dir)) return true;
  }
  return false;
}
