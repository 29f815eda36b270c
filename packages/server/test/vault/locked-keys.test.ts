import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileVault } from '../../src/vault/file-vault.ts';
import { openFolder } from '../../src/vault/folder.ts';
import { fileName } from '../../src/vault/vault-files.ts';
import { bornSlot, horizonMs, newRecovery, TreeOnDisk } from './tree-on-disk.ts';

const { recoveryKey, identities } = await newRecovery();
const other = await newRecovery();
const masterKey = Buffer.alloc(32, 1);

let disk: TreeOnDisk;

beforeEach(async () => {
  disk = await TreeOnDisk.open(2);
});

afterEach(async () => await disk.close());

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort();
}

/** Root keys by generation: `raw` or `locked`, the same in every folder. */
async function standing(): Promise<Record<number, string>> {
  const { keys } = await disk.state();
  for (const folder of disk.folders) {
    const kept = (await filesIn(folder)).filter((file) => /^(key|locked)-/.test(file));
    const told = keys.map((key) => fileName(key.isLocked ? 'locked' : 'key', key)).sort();
    expect(kept).toEqual(told);
  }
  return Object.fromEntries(keys.map((key) => [key.generation, key.isLocked ? 'locked' : 'raw']));
}

function dieAt(wanted: string) {
  return {
    at(point: string) {
      if (point === wanted) throw new Error('died');
    },
  };
}

describe('with a recovery key', () => {
  test('a seal has ended when no root key but the named one is there as it was, in any folder', async () => {
    const { rootKeys, vault } = await disk.started({ recoveryKey, masterKey });
    const named = (await vault.current()).keys[0];
    const key = await vault.open(named?.id ?? '', 1);
    await rootKeys.seal();
    expect(await standing()).toEqual({ 1: 'locked', 2: 'raw' });
    for (const folder of disk.folders) {
      for (const file of await filesIn(folder)) {
        expect((await readFile(join(folder, file))).includes(key ?? ''), file).toBe(false);
      }
    }
    await rootKeys.seal();
    expect(await standing()).toEqual({ 1: 'locked', 2: 'locked', 3: 'raw' });
  });

  test('a locked key opens with its identity alone, also where keys are wrapped', async () => {
    const { rootKeys, vault } = await disk.started({ recoveryKey, masterKey });
    const [named] = (await vault.current()).keys;
    const key = await vault.open(named?.id ?? '', 1);
    await rootKeys.seal();
    const folders = disk.folders.map(openFolder);
    expect(await new FileVault({ folders, identities }).open(named?.id ?? '', 1)).toEqual(key);
    const message = expect.stringContaining('--identity');
    await expect(vault.open(named?.id ?? '', 1)).rejects.toMatchObject({ code: 'key_locked', message, retry: 'never' });
    const stranger = new FileVault({ folders, identities: other.identities });
    const none = expect.stringContaining('None of the identities');
    await expect(stranger.open(named?.id ?? '', 1)).rejects.toMatchObject({ code: 'key_locked', message: none });
  });

  test('the live tree is as it was, for this process and for one that knows of no recovery key', async () => {
    const one = await disk.started({ recoveryKey });
    const { slot, key } = await bornSlot(one);
    await one.rootKeys.seal();
    for (const process of [one, await disk.started(), await disk.started({ recoveryKey })]) {
      expect(await process.tree.open(slot)).toEqual({ kind: 'live', key });
    }
  });

  test('a locked key expires on the clock of its seal, like any other', async () => {
    const { rootKeys } = await disk.started({ recoveryKey });
    const { sealedAt } = await rootKeys.seal();
    expect(await rootKeys.nextExpiry()).toBe(sealedAt + horizonMs);
    expect((await rootKeys.status()).rootKeys).toEqual([
      { generation: 1, isNamed: false, isLocked: true, diesAt: sealedAt + horizonMs },
      { generation: 2, isNamed: true, isLocked: false, diesAt: null },
    ]);
    expect(await rootKeys.expire()).toBe(0);
    disk.lapsedMs = horizonMs;
    expect(await rootKeys.expire()).toBe(1);
    expect(await standing()).toEqual({ 2: 'raw' });
  });

  test('a restore may leave keys as they are; the next seal, start or expiry locks them away', async () => {
    const one = await disk.started({ recoveryKey });
    for (const lockAway of [
      async () => void (await one.rootKeys.seal()),
      async () => void (await disk.started({ recoveryKey })),
      async () => void (await one.rootKeys.expire()),
    ]) {
      await one.rootKeys.seal({ restoring: false, leaveUnlocked: true });
      expect(Object.values(await standing()).filter((how) => how === 'raw')).toHaveLength(2);
      await lockAway();
      expect(Object.values(await standing()).filter((how) => how === 'raw')).toHaveLength(1);
    }
  });

  test('set for the first time, it locks away every key that was retired before, however many', async () => {
    const before = await disk.started();
    for (let generation = 2; generation < 72; generation += 1) {
      const name = { id: String(generation).padStart(32, '0'), generation };
      await before.vault.write({ name, key: Buffer.alloc(32, generation), entries: [] });
    }
    await before.rootKeys.seal();
    await disk.started({ recoveryKey });
    const { keys } = await disk.state();
    expect(keys).toHaveLength(72);
    expect(keys.filter((key) => !key.isLocked).map((key) => key.generation)).toEqual([72]);
  });

  test('changed or removed, it says what becomes of later keys alone', async () => {
    await (await disk.started({ recoveryKey })).rootKeys.seal();
    await (await disk.started({ recoveryKey: other.recoveryKey })).rootKeys.seal();
    const without = await disk.started();
    await without.rootKeys.seal();
    await without.rootKeys.expire();
    expect(await standing()).toEqual({ 1: 'locked', 2: 'locked', 3: 'raw', 4: 'raw' });
    const [first, second] = (await disk.state()).keys;
    const folders = disk.folders.map(openFolder);
    for (const [key, mine, theirs] of [
      [first, identities, other.identities],
      [second, other.identities, identities],
    ] as const) {
      const { id = '', generation = 0 } = key ?? {};
      expect(await new FileVault({ folders, identities: mine }).open(id, generation)).toHaveLength(32);
      const refused = new FileVault({ folders, identities: theirs }).open(id, generation);
      await expect(refused).rejects.toMatchObject({ code: 'key_locked' });
    }
  });

  test('locking away again changes nothing', async () => {
    const { rootKeys, vault } = await disk.started({ recoveryKey });
    await rootKeys.seal();
    const [folder = ''] = disk.folders;
    const before = await filesIn(folder);
    const times = await Promise.all(before.map(async (file) => (await stat(join(folder, file))).mtimeMs));
    await vault.lockAway((await vault.current()).keys.filter((key) => key.isLocked));
    await vault.lockAway([{ id: 'f'.repeat(32), generation: 9 }]);
    await rootKeys.ready('archive-2');
    expect(await filesIn(folder)).toEqual(before);
    expect(await Promise.all(before.map(async (file) => (await stat(join(folder, file))).mtimeMs))).toEqual(times);
  });
});

describe('a retired key file that cannot be read', () => {
  test.each([
    [
      'changed',
      async (path: string) => await writeFile(path, `?${(await readFile(path, 'latin1')).slice(1)}`, 'latin1'),
    ],
    ['empty', async (path: string) => await writeFile(path, '')],
  ])('(%s) is sealed as it is, and keeps no other key from being locked away', async (_, hurt) => {
    const before = await disk.started();
    await before.rootKeys.seal();
    await before.rootKeys.seal();
    const [first] = (await disk.state()).keys;
    if (first === undefined) throw new Error('no key');
    for (const folder of disk.folders) await hurt(join(folder, fileName('key', first)));
    const left = await readFile(join(disk.folders[0] ?? '', fileName('key', first)));
    const { rootKeys } = await disk.started({ recoveryKey });
    await rootKeys.seal();
    expect(await standing()).toEqual({ 1: 'locked', 2: 'locked', 3: 'locked', 4: 'raw' });
    const sealed = await readFile(join(disk.folders[0] ?? '', fileName('locked', first)));
    expect(await identities.open(sealed)).toEqual({ kind: 'opened', plain: left });
  });
});

describe('without a recovery key', () => {
  test('nothing is locked away', async () => {
    const { rootKeys, vault } = await disk.started();
    await rootKeys.seal();
    await vault.lockAway((await vault.current()).keys);
    expect(vault.hasRecoveryKey).toBe(false);
    expect(await standing()).toEqual({ 1: 'raw', 2: 'raw' });
  });
});

describe('a process that died', () => {
  const points = ['seal:vault-written', 'seal:committed', 'seal:head-moved', 'lock:sealed', 'lock:destroyed'];

  test.each([...points, 'vault-create:renamed', 'vault-destroy:destroyed'])(
    'at %s leaves nothing unlocked that the next start, seal or expiry does not lock away',
    async (point) => {
      const first = await disk.started({ recoveryKey });
      const { slot, key } = await bornSlot(first);
      for (const next of ['ready', 'seal', 'expire'] as const) {
        const dying = disk.process({ recoveryKey, faults: dieAt(point) });
        await expect(dying.rootKeys.seal()).rejects.toThrow('died');
        const process = disk.process({ recoveryKey });
        if (next === 'ready') await process.rootKeys.ready('archive-2');
        else await process.rootKeys[next]();
        const { keys } = await disk.state();
        const named = (await disk.store.keyStore.reads.readTop())?.keyId;
        expect(keys.filter((one) => !one.isLocked).map((one) => one.id)).toEqual([named]);
        expect(await process.tree.open(slot)).toEqual({ kind: 'live', key });
      }
      await first.rootKeys.ready('archive-2');
      await standing();
    },
  );
});

describe('a locked file', () => {
  async function lockedFile() {
    const { rootKeys } = await disk.started({ recoveryKey });
    await rootKeys.seal();
    const [key] = (await disk.state()).keys;
    if (key === undefined) throw new Error('no key');
    const vault = new FileVault({ folders: disk.folders.map(openFolder), identities });
    return { key, vault, paths: disk.folders.map((folder) => join(folder, fileName('locked', key))) };
  }

  test('that is damaged is damage, and no lost identity', async () => {
    const { key, vault, paths } = await lockedFile();
    for (const path of paths) {
      const bytes = await readFile(path);
      await writeFile(path, bytes.subarray(0, -1));
    }
    await expect(vault.open(key.id, key.generation)).rejects.toMatchObject({ code: 'damage' });
  });

  test('under the name of another key is damage: what it says is bound to archive, generation and id', async () => {
    const { key, vault, paths } = await lockedFile();
    const moved = { id: 'e'.repeat(32), generation: key.generation };
    for (const [i, path] of paths.entries()) {
      await rename(path, join(disk.folders[i] ?? '', fileName('locked', moved)));
    }
    await expect(vault.open(moved.id, moved.generation)).rejects.toMatchObject({ code: 'damage' });
    expect(await vault.open(key.id, key.generation)).toBeUndefined();
  });
});
