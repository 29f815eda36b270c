import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { archiveFile, writeArchive } from '../../src/vault/vault-files.ts';
import { expectAlike, filesIn } from './alike.ts';
import { bornSlot, horizonMs, TreeOnDisk } from './tree-on-disk.ts';

let disk: TreeOnDisk;
let one: string;
let two: string;

beforeEach(async () => {
  disk = await TreeOnDisk.open(2);
  [one = '', two = ''] = disk.folders;
});

afterEach(async () => await disk.close());

/** Takes a folder away, as when its file system is no longer mounted: an empty place is left. */
async function unmount(folder: string): Promise<() => Promise<void>> {
  await rename(folder, `${folder}-unmounted`);
  await mkdir(folder, { mode: 0o700 });
  return async () => {
    expect(await filesIn(folder), 'what was written into the empty place').toEqual([]);
    await rm(folder, { recursive: true });
    await rename(`${folder}-unmounted`, folder);
  };
}

const missing = (position: string) => ({
  code: 'vault_unreachable',
  detail: `${position} holds no vault: mount it, or copy the vault into it`,
});

describe('at the start', () => {
  test.each([
    ['missing', async () => await rm(two, { recursive: true })],
    ['empty', async () => await rm(two, { recursive: true }).then(() => mkdir(two, { mode: 0o700 }))],
    ['without its archive file', async () => await rm(join(two, archiveFile))],
  ])(
    'a folder that is %s while another holds the vault is refused, by its position, and never filled',
    async (_, hurt) => {
      const { rootKeys } = await disk.started();
      await rootKeys.seal();
      await hurt();
      const before = await filesIn(two).catch(() => undefined);
      const starting = disk.process().rootKeys.ready('archive-2');
      await expect(starting).rejects.toMatchObject(missing('folder 2 of 2'));
      expect(await filesIn(two).catch(() => undefined)).toEqual(before);
    },
  );

  test('the first folder is refused like the second', async () => {
    await disk.started();
    await rm(one, { recursive: true });
    await expect(disk.process().rootKeys.ready('archive-2')).rejects.toMatchObject(missing('folder 1 of 2'));
  });

  test('a creation cut short at any step is completed, under the same archive id once that was written', async () => {
    for (let step = 1; ; step += 1) {
      let left = step;
      const dying = disk.process({
        faults: {
          at(point) {
            left -= point.startsWith('vault-create:') ? 1 : 0;
            if (left === 0) throw new Error('died');
          },
        },
      });
      const died = await dying.rootKeys.ready('archive-1').then(
        () => false,
        () => true,
      );
      const begun = (await disk.state()).archiveId;
      const { rootKeys } = disk.process();
      await rootKeys.ready('archive-2');
      const archiveId = (await disk.state()).archiveId;
      if (begun !== undefined) expect(archiveId).toBe(begun);
      await rootKeys.seal();
      await expectAlike(disk.folders);
      await disk.close();
      disk = await TreeOnDisk.open(2);
      [one = '', two = ''] = disk.folders;
      if (!died) return expect(step).toBeGreaterThan(8);
    }
  });

  test('a folder of another archive is refused', async () => {
    await disk.started();
    await writeFile(join(two, archiveFile), writeArchive('archive-9'));
    const before = await filesIn(two);
    await expect(disk.process().rootKeys.ready('archive-1')).rejects.toMatchObject({ code: 'archive_mismatch' });
    expect(await filesIn(two)).toEqual(before);
  });

  test.each([
    ['a folder', async () => await chmod(two, 0o750)],
    ['a key file', async () => await chmod(join(two, await keyFile()), 0o604)],
  ])('%s that others may read is refused, and how to put it right is said', async (_, expose) => {
    await disk.started();
    await expose();
    const refusal = await disk
      .process()
      .rootKeys.ready('archive-1')
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('chmod 700') });
    expect(String(refusal)).toContain('folder 2 of 2');
    expect(String(refusal)).not.toContain(disk.home);
  });

  async function keyFile(): Promise<string> {
    return (await filesIn(two)).find((file) => file.startsWith('key-')) ?? '';
  }
});

describe('a folder that goes while processes run', () => {
  test.each([1, 2])(
    'folder %i: reads go on, nothing is written until it is back, and then all goes on',
    async (which) => {
      const running = await disk.started();
      const { slot, key } = await bornSlot(running);
      await running.rootKeys.seal();
      disk.lapsedMs = horizonMs;
      const mount = await unmount(which === 1 ? one : two);
      const position = `folder ${which} of 2`;
      running.tree.dropCaches();
      expect(await running.tree.open(slot)).toEqual({ kind: 'live', key });
      expect((await running.vault.current()).keys).toHaveLength(2);
      await expect(running.rootKeys.seal()).rejects.toMatchObject(missing(position));
      await expect(running.rootKeys.expire()).rejects.toMatchObject(missing(position));
      expect((await running.vault.current()).keys).toHaveLength(2);
      await mount();
      expect(await running.rootKeys.expire()).toBe(1);
      expect((await running.rootKeys.seal()).generation).toBe(3);
      await expectAlike(disk.folders);
    },
  );

  test('and both of them: unreachable, and never an empty vault', async () => {
    const running = await disk.started();
    const { slot } = await bornSlot(running);
    await running.rootKeys.seal();
    const mounts = [await unmount(one), await unmount(two)];
    running.tree.dropCaches();
    for (const work of [
      async () => await running.tree.open(slot),
      async () => await running.rootKeys.seal(),
      async () => await running.rootKeys.expire(),
      async () => await running.rootKeys.nextExpiry(),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: 'vault_unreachable' });
    }
    for (const mount of mounts) await mount();
    await running.rootKeys.seal();
    await expectAlike(disk.folders);
  });
});
