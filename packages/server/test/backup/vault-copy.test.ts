import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApp, openVault } from '../../src/app.ts';
import { takeVaultCopy } from '../../src/backup/take-vault-copy.ts';
import { readConfig } from '../../src/config.ts';
import { KeyTree } from '../../src/keys/key-tree.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { TopRow } from '../../src/model/key-store.ts';
import { copyVault, destroyVaultCopy } from '../../src/vault/copy-vault.ts';
import { openFolder } from '../../src/vault/folder.ts';
import {
  archiveFile,
  type FileKind,
  fileName,
  writeArchive,
  writeKey,
  writeSegment,
} from '../../src/vault/vault-files.ts';
import { type BackupScene, startBackupScene } from './backup-scene.ts';

let scene: BackupScene;

beforeAll(async () => {
  scene = await startBackupScene();
  for (const args of [
    ['tenant', 'create', 'one'],
    ['keys', 'seal'],
  ]) {
    expect(await scene.run(args)).toMatchObject({ code: 0 });
  }
});

afterAll(async () => await scene.end());

const vaultOf = (home: string) => `${home}-keys`;
const never = new AbortController().signal;

const named = (generation: number) => ({ id: '0'.repeat(32), generation });
const fileOf = (kind: FileKind, generation: number) => fileName(kind, named(generation));
const keyFile = (generation: number) => writeKey('archive-1', named(generation), Buffer.alloc(32, generation));
const archive = writeArchive('archive-1');

describe('`tacet backup --vault DIR`', () => {
  test('copies every file of the vault, for its owner alone, and says what the copy is', async () => {
    const { code, output, errors } = await scene.run(['backup', '--vault', scene.at('copy'), '--json']);
    expect(code, errors).toBe(0);
    const names = (await readdir(vaultOf(scene.home))).sort();
    expect((await readdir(scene.at('copy'))).sort()).toEqual(names);
    for (const name of names) {
      const [original, copied] = [join(vaultOf(scene.home), name), scene.at('copy', name)];
      expect(await readFile(copied)).toEqual(await readFile(original));
      expect((await stat(copied)).mode & 0o777).toBe(0o600);
    }
    expect((await stat(scene.at('copy'))).mode & 0o777).toBe(0o700);
    const newest = Math.max(...names.map((name) => Number(/^head-(\d+)-/.exec(name)?.[1] ?? 0)));
    expect(JSON.parse(output)).toEqual({
      vault: { dir: scene.at('copy'), archiveId: expect.any(String), generation: newest, files: names.length },
    });
    expect(errors).toMatch(/holds the keys .* keep it apart from every backup of the database/);
    expect(errors).toMatch(/destroy it when a newer one replaces it/);
  });

  test('makes a vault that opens the archive in place of the other', async () => {
    const { code, output } = await scene.run(['fsck', '--json'], { TACET_KEYS_DIR: scene.at('copy') });
    expect(code, output).toBe(0);
  });

  test('copies a wrapped vault as it is, and proves it with the master key', async () => {
    const key = scene.at('master-key');
    await writeFile(key, Buffer.alloc(32, 5), { mode: 0o600 });
    const env = { TACET_HOME: scene.at('wrapped'), TACET_MASTER_KEY_FILE: key };
    expect(await scene.run(['keys', 'seal'], env)).toMatchObject({ code: 0 });
    const { code, errors } = await scene.run(
      ['backup', scene.at('wrapped-db'), '--vault', scene.at('wrapped-copy')],
      env,
    );
    expect(code, errors).toBe(0);
    const copied = { ...env, TACET_KEYS_DIR: scene.at('wrapped-copy') };
    expect(await scene.run(['fsck'], copied)).toMatchObject({ code: 0 });
  });

  test('is refused inside the home, inside the vault and beside the copy of the database', async () => {
    await symlink(scene.home, scene.at('link'));
    const db = scene.at('both');
    for (const args of [
      ['--vault', join(scene.home, 'keys')],
      ['--vault', scene.at('link', 'keys')],
      ['--vault', join(vaultOf(scene.home), 'copy')],
      [db, '--vault', db],
      [db, '--vault', join(db, 'keys')],
      [join(db, 'database'), '--vault', db],
      [join(vaultOf(scene.home), 'copy')],
      [join(scene.home, 'db', 'copy')],
    ]) {
      expect(await scene.run(['backup', ...args]), args.join(' ')).toMatchObject({ code: 2, output: '' });
    }
    expect(await readdir(scene.folder)).not.toContain('both');
    expect(await readdir(scene.home)).not.toContain('keys');
  });
});

describe('a copy of the vault', () => {
  const open = async () => await openApp(readConfig(scene.env), { log: silentLog });

  test('taken while seals and expiries run all the time is of one instant, and opens the database of that instant', async () => {
    const config = { ...readConfig(scene.env), horizonMs: 0 };
    const app = await openApp(config, { log: silentLog });
    const sealing = { isOver: false };
    const seals = (async () => {
      while (!sealing.isOver) {
        await app.engine.rootKeys.seal();
        await app.engine.rootKeys.expire();
      }
    })();
    try {
      for (let i = 0; i < 10; i += 1) {
        const dir = scene.at('busy', String(i));
        const proveOpens = async (_: string, top: TopRow) => {
          const vault = await openVault({ ...config, keysDirs: [dir] });
          const state = await vault.current();
          expect(state.keys.map((key) => key.id)).toContain(top.keyId);
          expect(state.heads.at(-1)?.generation).toBeLessThanOrEqual(top.generation);
          const tree = new KeyTree({ store: app.engine.store.keyStore, vault, clock: app.engine.clock });
          (await tree.openTop(top)).fill(0);
        };
        const folders = [openFolder(vaultOf(scene.home))];
        const { keyStore } = app.engine.store;
        await takeVaultCopy(dir, { keyStore, folders, proveOpens, signal: never });
        expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      }
    } finally {
      sealing.isOver = true;
      await seals;
      await app.close();
    }
  });

  test('has what any of several folders holds, once, and nothing that is on its way', async () => {
    const [first, second, target] = [scene.at('several', 'a'), scene.at('several', 'b'), scene.at('several', 'copy')];
    for (const dir of [first, second, target]) await mkdir(dir, { recursive: true });
    await writeFile(join(first, archiveFile), archive);
    await writeFile(join(first, fileOf('key', 1)), keyFile(1));
    await writeFile(join(second, fileOf('key', 1)), keyFile(1));
    await writeFile(join(second, fileOf('segment', 2)), writeSegment('archive-1', named(2), []));
    await writeFile(join(second, `${fileOf('key', 3)}.0a0b0c0d.tmp`), 'three');
    await writeFile(join(second, `${fileOf('key', 1)}.gone.tmp`), 'gone');
    await writeFile(join(first, 'notes.txt'), 'not ours');
    const folders = [first, second].map(openFolder);
    const underLock = async <T>(work: () => Promise<T>) => await work();
    expect(await copyVault({ folders, target: openFolder(target), underLock, signal: never })).toBe(3);
    expect((await readdir(target)).sort()).toEqual([archiveFile, fileOf('key', 1), fileOf('segment', 2)]);
  });

  test.each([
    ['key', 'empty', () => Buffer.alloc(0)],
    ['key', 'of which a bit has rotted', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from('!')])],
    ['segment', 'cut', (bytes: Buffer) => bytes.subarray(0, -3)],
    ['archive', 'empty', () => Buffer.alloc(0)],
  ] as const)(
    'takes no %s file that is %s while another folder has it whole, and fails where none has',
    async (kind, how, hurt) => {
      const dir = scene.at('torn', kind, how);
      const [first, second] = [join(dir, 'a'), join(dir, 'b')];
      const whole = new Map([
        [archiveFile, archive],
        [fileOf('key', 1), keyFile(1)],
        [fileOf('segment', 2), writeSegment('archive-1', named(2), [])],
      ]);
      const file = [...whole.keys()].find((name) => name.startsWith(kind)) ?? '';
      for (const folder of [first, second]) {
        await mkdir(folder, { recursive: true });
        for (const [name, bytes] of whole) await writeFile(join(folder, name), bytes);
      }
      const copyTo = async (target: string) => {
        await mkdir(join(dir, target));
        const underLock = async <T>(work: () => Promise<T>) => await work();
        const folders = [first, second].map((path) => openFolder(path));
        return await copyVault({ folders, target: openFolder(join(dir, target)), underLock, signal: never });
      };
      const torn = hurt(whole.get(file) ?? Buffer.alloc(0));
      await writeFile(join(first, file), torn);
      expect(await copyTo('copy')).toBe(3);
      expect(await readFile(join(dir, 'copy', file))).toEqual(whole.get(file));
      await writeFile(join(second, file), torn);
      await expect(copyTo('none')).rejects.toMatchObject({ code: 'damage', detail: expect.stringContaining(file) });
    },
  );

  test('does not keep a key that was destroyed while it was taken, and has what came meanwhile', async () => {
    const [source, target] = [scene.at('moving', 'a'), scene.at('moving', 'copy')];
    for (const dir of [source, target]) await mkdir(dir, { recursive: true });
    const [old, next] = [fileOf('key', 1), fileOf('key', 2)];
    await writeFile(join(source, archiveFile), archive);
    await writeFile(join(source, old), keyFile(1));
    const folder = openFolder(source);
    const underLock = async <T>(work: () => Promise<T>) => {
      expect(await readdir(target)).toEqual([old]);
      await folder.write(next, keyFile(2));
      await folder.destroy(old);
      // A conflict at commit runs it again.
      await work();
      return await work();
    };
    expect(await copyVault({ folders: [folder], target: openFolder(target), underLock, signal: never })).toBe(2);
    expect((await readdir(target)).sort()).toEqual(['archive', next]);
  });

  test('that fails is destroyed, and the folder that was made for it is gone', async () => {
    const app = await open();
    try {
      const dir = scene.at('failed', 'copy');
      const folders = [openFolder(vaultOf(scene.home))];
      const { keyStore } = app.engine.store;
      const proveOpens = async () => {
        throw new Error('does not open');
      };
      const failing = takeVaultCopy(dir, { keyStore, folders, proveOpens, signal: never });
      await expect(failing).rejects.toThrow('does not open');
      const told = AbortSignal.abort(new Error('told to stop'));
      const stopped = takeVaultCopy(dir, { keyStore, folders, proveOpens, signal: told });
      await expect(stopped).rejects.toThrow('told to stop');
      expect(await readdir(scene.folder)).not.toContain('failed');
    } finally {
      await app.close();
    }
  });

  test('that was cut by a crash is no vault: its archive file comes last', async () => {
    const [source, target] = [scene.at('cut', 'a'), scene.at('cut', 'copy')];
    for (const dir of [source, target]) await mkdir(dir, { recursive: true });
    await writeFile(join(source, archiveFile), archive);
    for (const generation of [1, 2]) await writeFile(join(source, fileOf('key', generation)), keyFile(generation));
    const written: string[] = [];
    const inner = openFolder(target);
    const noting = {
      ...inner,
      write: async (name: string, bytes: Uint8Array) => {
        written.push(name);
        await inner.write(name, bytes);
      },
    };
    const underLock = async <T>(work: () => Promise<T>) => await work();
    await copyVault({ folders: [openFolder(source)], target: noting, underLock, signal: never });
    expect(written.at(-1)).toBe('archive');
    await destroyVaultCopy(inner);
    expect(await readdir(target)).toEqual([]);
  });
});
