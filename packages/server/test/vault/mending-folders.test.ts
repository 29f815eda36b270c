import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Folder } from '../../src/vault/folder.ts';
import { archiveFile } from '../../src/vault/vault-files.ts';
import { expectAlike, filesIn } from './alike.ts';
import { bornSlot, horizonMs, newRecovery, TreeOnDisk, type TreeProcess } from './tree-on-disk.ts';

let disk: TreeOnDisk;
let one: string;
let two: string;

beforeEach(async () => {
  disk = await TreeOnDisk.open(2);
  [one = '', two = ''] = disk.folders;
});

afterEach(async () => await disk.close());

describe('a folder put back from an older copy', () => {
  test('is given what it lacks, and what was destroyed since comes back into no other folder and goes again', async () => {
    const running = await disk.started();
    await running.rootKeys.seal();
    await cp(two, `${two}-old`, { recursive: true });
    const old = (await running.vault.current()).keys;
    for (let i = 0; i < 3; i += 1) await running.rootKeys.seal();
    disk.lapsedMs = horizonMs;
    expect(await running.rootKeys.expire()).toBe(4);
    await running.rootKeys.seal();
    const whole = await filesIn(one);
    await rm(two, { recursive: true });
    await rename(`${two}-old`, two);

    const healed = await disk.started();
    const oldFiles = old.map((key) => key.id);
    expect(
      (await filesIn(one)).filter((file) => oldFiles.some((id) => file.includes(id) && /^key/.test(file))),
    ).toEqual([]);
    expect(await filesIn(two)).toEqual(expect.arrayContaining(whole));
    expect((await healed.rootKeys.status()).rootKeys.map((key) => key.generation)).toEqual([1, 2, 5, 6]);
    disk.lapsedMs = 2 * horizonMs;
    expect(await healed.rootKeys.expire()).toBe(3);
    expect((await healed.rootKeys.status()).rootKeys.map((key) => key.generation)).toEqual([6]);
    await expectAlike(disk.folders);
  });

  test('is brought up by the next seal too, before it learns of that seal', async () => {
    const running = await disk.started();
    await cp(two, `${two}-old`, { recursive: true });
    for (let i = 0; i < 2; i += 1) await running.rootKeys.seal();
    await rm(two, { recursive: true });
    await rename(`${two}-old`, two);
    await running.rootKeys.seal();
    await expectAlike(disk.folders);
    expect((await running.vault.current()).keys.map((key) => key.generation)).toEqual([1, 2, 3, 4]);
  });

  test('holds no key as it was that is locked elsewhere, once a process with the recovery key has started', async () => {
    const { recoveryKey } = await newRecovery();
    const running = await disk.started({ recoveryKey });
    await cp(two, `${two}-old`, { recursive: true });
    await running.rootKeys.seal();
    await rm(two, { recursive: true });
    await rename(`${two}-old`, two);
    await disk.started({ recoveryKey });
    await expectAlike(disk.folders);
    expect((await running.vault.current()).keys.map((key) => key.isLocked)).toEqual([true, false]);
  });

  test('and a new folder that holds the archive file alone is filled', async () => {
    const running = await disk.started();
    await running.rootKeys.seal();
    await rm(two, { recursive: true });
    await mkdir(two, { mode: 0o700 });
    await cp(join(one, archiveFile), join(two, archiveFile));
    await disk.started();
    await expectAlike(disk.folders);
  });
});

describe('a folder that refuses', () => {
  /** Fails the calls of one kind in folder 2, from the `from`th on, until `isOver`. */
  function refusing(call: 'write' | 'rename' | 'sync' | 'destroy', code: string, from = 1) {
    const state = { isOver: false, calls: 0 };
    const view = (folder: Folder, position: number): Folder =>
      position === 1
        ? folder
        : {
            ...folder,
            async [call](...args: [never, never]) {
              state.calls += 1;
              if (!state.isOver && state.calls >= from) {
                throw Object.assign(new Error(`${code}: refused`), { code, syscall: call });
              }
              await folder[call](...args);
            },
          };
    return { state, view };
  }

  async function expectNothingBegun(running: TreeProcess, before: string[]): Promise<void> {
    for (const folder of disk.folders) {
      const files = await filesIn(folder);
      expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([]);
    }
    expect(await filesIn(two)).toEqual(before);
    expect((await running.rootKeys.status()).generation).toBe(1);
  }

  test.each(['ENOSPC', 'EROFS', 'EACCES', 'EDQUOT', 'EIO'])(
    'to write (%s) makes a seal fail and leaves nothing in any folder, until it takes writes again',
    async (code) => {
      const { state, view } = refusing('write', code);
      await disk.started();
      const running = disk.process({ view });
      const { slot, key } = await bornSlot(running);
      const [before, other] = [await filesIn(two), await filesIn(one)];
      for (let i = 0; i < 3; i += 1) {
        const detail = `folder 2 of 2: ${code}`;
        await expect(running.rootKeys.seal()).rejects.toMatchObject({ code: 'vault_unreachable', detail });
        await expectNothingBegun(running, before);
        expect(await filesIn(one), 'what a failed seal leaves where there was room').toEqual(other);
      }
      state.isOver = true;
      expect((await running.rootKeys.seal()).generation).toBe(2);
      expect(await running.tree.open(slot)).toEqual({ kind: 'live', key });
      await expectAlike(disk.folders);
    },
  );

  test.each(['rename', 'sync'] as const)('to %s leaves at most a key that nobody names, and goes on', async (call) => {
    const { state, view } = refusing(call, 'EIO');
    await disk.started();
    const running = disk.process({ view });
    await expect(running.rootKeys.seal()).rejects.toMatchObject({ code: 'vault_unreachable' });
    expect((await running.rootKeys.status()).generation).toBe(1);
    expect((await filesIn(two)).filter((file) => file.endsWith('.tmp'))).toEqual([]);
    state.isOver = true;
    await running.rootKeys.seal();
    await running.rootKeys.ready('archive-2');
    disk.lapsedMs = horizonMs;
    await running.rootKeys.expire();
    expect((await running.rootKeys.status()).rootKeys.map((key) => key.isNamed)).toEqual([true]);
    await expectAlike(disk.folders);
  });

  test('to destroy keeps the key listed, so that an expiry comes back for it', async () => {
    const { state, view } = refusing('destroy', 'EROFS');
    await disk.started();
    const running = disk.process({ view });
    await running.rootKeys.seal();
    disk.lapsedMs = horizonMs;
    for (let i = 0; i < 2; i += 1) {
      await expect(running.rootKeys.expire()).rejects.toMatchObject({ code: 'vault_unreachable' });
      expect((await running.rootKeys.status()).rootKeys.map((key) => key.generation)).toEqual([1, 2]);
    }
    // Destroyed in the first folder, it never comes back there meanwhile.
    expect((await filesIn(one)).filter((file) => file.startsWith('key-'))).toHaveLength(1);
    state.isOver = true;
    expect(await running.rootKeys.expire()).toBe(1);
    await expectAlike(disk.folders);
  });

  test('to be read is passed over, and a file that no other has is unreachable, not gone', async () => {
    const { rootKeys, vault } = await disk.started();
    await rootKeys.seal();
    const [first] = (await vault.current()).keys;
    const isClosed = { value: true };
    const running = disk.process({
      view: (folder, position) => ({
        ...folder,
        async read(name) {
          if (position === 1 && isClosed.value) {
            throw Object.assign(new Error('ESTALE: refused'), { code: 'ESTALE', syscall: 'read' });
          }
          return await folder.read(name);
        },
      }),
    });
    expect(await running.vault.open(first?.id ?? '', 1)).toHaveLength(32);
    const unreachable = { code: 'vault_unreachable', detail: 'folder 1 of 2: ESTALE' };
    await expect(running.vault.open('f'.repeat(32), 9)).rejects.toMatchObject(unreachable);
    isClosed.value = false;
    expect(await running.vault.open('f'.repeat(32), 9)).toBeUndefined();
  });
});
