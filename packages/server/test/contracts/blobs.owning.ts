import { expect } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { BlobStore } from '../../src/model/blob-store.ts';
import { chunks, farFuture, listed, newName } from '../support/blob-bytes.ts';

/** What every blob store guarantees about the archive that it belongs to. */
export const owningCases = {
  'a store bears no mark until it is marked, whatever is in it': async (store) => {
    await store.check();
    await store.create(newName(), chunks(Buffer.from('sealed'), 6));
    expect(await store.owner()).toBeUndefined();
  },
  'a mark names its archive, and may be made again': async (store) => {
    const archiveId = newId(Date.now());
    await store.mark(archiveId);
    expect(await store.owner()).toBe(archiveId);
    await store.mark(archiveId);
    await store.check();
    expect(await store.owner()).toBe(archiveId);
  },
  'a store that is marked takes no mark of another archive': async (store) => {
    const archiveId = newId(Date.now());
    await store.mark(archiveId);
    await expect(store.mark(newId(Date.now()))).rejects.toMatchObject({ code: 'archive_mismatch' });
    expect(await store.owner()).toBe(archiveId);
  },
  'of several that mark it at the same time one is the owner, and the others are told': async (store) => {
    const ids = [1, 2, 3].map(() => newId(Date.now()));
    const marks = await Promise.allSettled([...ids, ...ids].map((id) => store.mark(id)));
    const owner = await store.owner();
    expect(ids).toContain(owner);
    const made = marks.map((mark, index) => (mark.status === 'fulfilled' ? ids[index % 3] : undefined));
    expect(made.filter((id) => id !== undefined)).toEqual([owner, owner]);
  },
  'a mark is no blob: it is not listed, and nothing removes it': async (store) => {
    const archiveId = newId(Date.now());
    const name = newName();
    await store.mark(archiveId);
    await store.create(name, chunks(Buffer.from('sealed'), 6));
    expect((await listed(store)).map((blob) => blob.name)).toEqual([name]);
    await store.erase([name, 'archive']);
    await store.removeUnfinished(farFuture);
    expect(await listed(store)).toEqual([]);
    expect(await store.owner()).toBe(archiveId);
  },
} satisfies Record<string, (store: BlobStore) => Promise<void>>;
