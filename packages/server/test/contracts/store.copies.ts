import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { topRowOf } from '../../src/backup/read-backup.ts';
import type { Store } from '../../src/model/store.ts';
import { RestingDatabase } from '../../src/store/resting-database.ts';
import { openSqliteStore } from '../../src/store/store.ts';
import { addTenant, artifactOf, callOf, id } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** What `copyTo` promises. */
export const copyCases = {
  'a copy holds what was committed before it and nothing that came after': async ({ store }) => {
    await inFolder(async (folder) => {
      const tenant = await addTenant(store);
      const [before, after] = [callOf(tenant), callOf(tenant)];
      await store.write((tx) => tx.calls.insert(before));
      await store.copyTo(join(folder, 'copy'), {});
      await store.write((tx) => tx.calls.insert(after));
      await withCopy(join(folder, 'copy'), async (copy) => {
        expect(await copy.migrate()).toEqual([]);
        expect(await copy.reads.tenants.list()).toEqual([tenant]);
        expect(await copy.reads.calls.page('', 10)).toEqual([before]);
      });
    });
  },
  'a copy counts on where its original stood': async ({ store }) => {
    await inFolder(async (folder) => {
      const numbers = [(await addTenant(store)).number, (await addTenant(store)).number];
      await store.copyTo(join(folder, 'copy'), {});
      await withCopy(join(folder, 'copy'), async (copy) => {
        expect((await addTenant(copy)).number).toBeGreaterThan(Math.max(...numbers));
      });
    });
  },
  'a copy is one whole file for its owner alone, and reading it leaves nothing beside it': async ({ store }) => {
    await inFolder(async (folder) => {
      const top = { archiveId: id(), keyId: id(), generation: 3, sealedAt: 1, isRestoring: false, nextLeaf: 2 };
      await store.keyStore.write((tx) => tx.createTop({ ...top, page: Buffer.alloc(8, 7) }));
      const file = join(folder, 'copy');
      await store.copyTo(file, {});
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await topRowOf(file)).toEqual({ ...top, page: Buffer.alloc(8, 7) });
      const copy = RestingDatabase.open(file);
      copy.proveWhole();
      copy.close();
      expect(await readdir(folder)).toEqual(['copy']);
    });
  },
  'a copy neither waits for an open write nor holds one up, and sees nothing of it': async ({ store }) => {
    await inFolder(async (folder) => {
      const tenant = await addTenant(store);
      await store.write(async (tx) => {
        await tx.calls.insert(callOf(tenant));
        await store.copyTo(join(folder, 'copy'), {});
      });
      expect(await store.reads.calls.count(tenant.id)).toBe(1);
      await withCopy(join(folder, 'copy'), async (copy) => expect(await copy.reads.calls.count(tenant.id)).toBe(0));
    });
  },
  'a copy taken while everybody writes is of one instant': async ({ store }) => {
    await inFolder(async (folder) => {
      const tenant = await addTenant(store);
      let slot = 0;
      const addPair = () =>
        store.write(async (tx) => {
          const call = callOf(tenant);
          slot += 1;
          await tx.calls.insert(call);
          await tx.artifacts.insert([artifactOf(call, slot, { sealed: Buffer.alloc(2000) })]);
        });
      for (let i = 0; i < 200; i += 1) await addPair();
      const copying = { isDone: false };
      const done = store.copyTo(join(folder, 'copy'), {}).finally(() => {
        copying.isDone = true;
      });
      while (!copying.isDone) await addPair();
      await done;
      expect(slot).toBeGreaterThan(200);
      await withCopy(join(folder, 'copy'), async (copy) => {
        const calls = await copy.reads.calls.count(tenant.id);
        expect(calls).toBeGreaterThanOrEqual(200);
        expect(await copy.reads.artifacts.page(0, slot + 1)).toHaveLength(calls);
      });
    });
  },
  'a copy has nothing in it of what was deleted': async ({ store }) => {
    await inFolder(async (folder) => {
      const tenant = await addTenant(store);
      const mark = (call: { id: string }) => `marked ${call.id}`;
      const calls = Array.from({ length: 2000 }, () => callOf(tenant));
      await store.write(async (tx) => {
        for (const [i, call] of calls.entries()) {
          await tx.artifacts.insert([artifactOf(call, i, { sealed: Buffer.from(mark(call).repeat(1 + (i % 40))) })]);
        }
      });
      const gone = calls.filter((_, i) => i % 3 > 0);
      await store.write(async (tx) => {
        for (const call of gone) await tx.artifacts.deleteOfOwner(call.id);
      });
      await store.copyTo(join(folder, 'copy'), {});
      const bytes = await readFile(join(folder, 'copy'), 'latin1');
      expect(calls.filter((call) => bytes.includes(mark(call)))).toHaveLength(calls.length - gone.length);
      expect(gone.filter((call) => bytes.includes(call.id))).toEqual([]);
    });
  },
  'a copy that is ended fails with the reason and leaves no file': async ({ store }) => {
    await inFolder(async (folder) => {
      const ended = new AbortController();
      const copying = store.copyTo(join(folder, 'copy'), { signal: ended.signal });
      ended.abort(new Error('told to stop'));
      await expect(copying).rejects.toThrow('told to stop');
      await expect(store.copyTo(join(folder, 'copy'), { signal: ended.signal })).rejects.toThrow('told to stop');
      expect(await readdir(folder)).toEqual([]);
    });
  },
  'a copy is refused where there is a file of its name, and that file stays': async ({ store }) => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'copy'), 'something else');
      await expect(store.copyTo(join(folder, 'copy'), {})).rejects.toMatchObject({ code: 'store_failed' });
      expect(await readFile(join(folder, 'copy'), 'utf8')).toBe('something else');
      const nowhere = store.copyTo(join(folder, 'missing', 'copy'), {});
      await expect(nowhere).rejects.toMatchObject({ code: 'store_failed', detail: 'ENOENT' });
    });
  },
  'a store that is closed cannot be copied': async ({ store }) => {
    await inFolder(async (folder) => {
      await store.close();
      await expect(store.copyTo(join(folder, 'copy'), {})).rejects.toMatchObject({ code: 'internal' });
      expect(await readdir(folder)).toEqual([]);
    });
  },
} satisfies StoreCases;

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tacet-copy-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function withCopy(file: string, look: (copy: Store) => Promise<void>): Promise<void> {
  const copy = await openSqliteStore({ file });
  try {
    await look(copy);
  } finally {
    await copy.close();
  }
}
