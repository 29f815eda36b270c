import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import type { BlobStore, StoredBlob } from '../../src/model/blob-store.ts';
import { Bug, hasCode } from '../../src/model/errors.ts';
import {
  badNames,
  chunks,
  contentOf,
  digest,
  expectBlobFailed,
  expectNothing,
  farFuture,
  inGroups,
  listed,
  longAgo,
  MiB,
  newName,
  noise,
  stallingAfter,
  watching,
  withReader,
} from '../support/blob-bytes.ts';

/** What every blob store guarantees about erasing, looking and tidying up. */
export const erasingCases = {
  'erase tells for each name what became of it, once': async (store) => {
    const [one, two, never] = [newName(), newName(), newName()];
    await store.create(one, chunks(Buffer.from('1'), 1));
    await store.create(two, chunks(Buffer.from('2'), 1));
    expect(await store.erase([])).toEqual(new Map());
    expect(await store.erase([one, never, two, one])).toEqual(
      new Map([
        [one, { kind: 'erased' }],
        [never, { kind: 'absent' }],
        [two, { kind: 'erased' }],
      ]),
    );
    for (const name of [one, two, never]) await expectNothing(store, name);
  },

  'erasing twice says absent': async (store) => {
    const name = newName();
    await store.create(name, chunks(noise(1000, 7), 1000));
    expect(await store.erase([name])).toEqual(new Map([[name, { kind: 'erased' }]]));
    expect(await store.erase([name])).toEqual(new Map([[name, { kind: 'absent' }]]));
  },

  'erase takes its names and nothing else, by the thousand': async (store) => {
    const names = Array.from({ length: 1200 }, newName);
    await inGroups(names, (name) => store.create(name, chunks(Buffer.from(name), 100)));
    const gone = names.filter((_, index) => index % 6 !== 0);
    const kept = names.filter((_, index) => index % 6 === 0);
    expect(await store.erase(gone)).toEqual(new Map(gone.map((name) => [name, { kind: 'erased' }])));
    expect(await store.remaining(names)).toEqual(new Set(kept));
    expect((await listed(store)).map(({ name }) => name).sort()).toEqual([...kept].sort());
  },

  'remaining names those that have bytes, finished or not': async (store) => {
    const [finished, unfinished, never] = [newName(), newName(), newName()];
    await store.create(finished, chunks(Buffer.from('1'), 1));
    const stalled = stallingAfter(noise(6 * MiB, 8));
    const created = store.create(unfinished, stalled.source);
    await stalled.isStalled;
    expect(await store.remaining([never, unfinished, finished])).toEqual(new Set([finished, unfinished]));
    stalled.resume();
    await created;
  },

  'a reader that an erase overtakes never yields wrong bytes': async (store) => {
    const name = newName();
    const bytes = noise(4 * MiB, 9);
    await store.create(name, chunks(bytes, MiB));
    await withReader(store, name, async (reader) => {
      const pieces: Buffer[] = [];
      try {
        for await (const piece of reader.read(0, reader.sizeBytes)) {
          if (pieces.length === 0) await store.erase([name]);
          pieces.push(piece);
        }
        expect(digest(Buffer.concat(pieces))).toBe(digest(bytes));
      } catch (error) {
        expect(hasCode(error, 'damage') || hasCode(error, 'blob_failed')).toBe(true);
        const read = Buffer.concat(pieces);
        expect(digest(read)).toBe(digest(bytes.subarray(0, read.byteLength)));
      }
    });
    await expectNothing(store, name);
  },

  'a create that an erase overtakes brings nothing back': async (store) => {
    const name = newName();
    const stalled = stallingAfter(noise(6 * MiB, 10));
    const created = store.create(name, stalled.source);
    await stalled.isStalled;
    expect(await store.erase([name])).toEqual(new Map([[name, { kind: 'erased' }]]));
    stalled.resume();
    await expectBlobFailed(created);
    await expectNothing(store, name);
  },

  'list shows every blob once, with size and time': async (store) => {
    const sizes = new Map(Array.from({ length: 30 }, (_, index) => [newName(), index * 7]));
    await inGroups([...sizes], ([name, size]) => store.create(name, chunks(noise(size, size), 50)));
    const found = await listed(store);
    expect(new Map(found.map(({ name, sizeBytes }) => [name, sizeBytes]))).toEqual(sizes);
    expect(found).toHaveLength(30);
    for (const { modifiedAt, unfinished } of found) {
      expect(unfinished).toBe(false);
      expect(modifiedAt > longAgo && modifiedAt < farFuture).toBe(true);
    }
  },

  'list goes on while blobs are erased, and misses none that stays': async (store) => {
    const names = Array.from({ length: 200 }, newName);
    await inGroups(names, (name) => store.create(name, chunks(Buffer.from('12345'), 5)));
    const gone = names.filter((_, index) => index % 2 === 0);
    let erasing: Promise<unknown> | undefined;
    const seen: StoredBlob[] = [];
    for await (const blob of store.list()) {
      erasing ??= store.erase(gone);
      seen.push(blob);
      await nextTurn();
    }
    await erasing;
    expect(seen.every(({ sizeBytes }) => sizeBytes === 5)).toBe(true);
    expect(new Set(seen.map(({ name }) => name)).size).toBe(seen.length);
    const stayed = names.filter((_, index) => index % 2 === 1);
    expect(stayed.filter((name) => !seen.some((blob) => blob.name === name))).toEqual([]);
  },

  'an unfinished create is listed as such and removed only when old enough': async (store) => {
    const name = newName();
    const stalled = stallingAfter(noise(6 * MiB, 11));
    const created = store.create(name, stalled.source);
    await stalled.isStalled;
    expect(await listed(store)).toMatchObject([{ name, unfinished: true }]);
    expect(await store.open(name)).toBeNull();
    expect(await store.stat(name)).toBeNull();
    expect(await store.removeUnfinished(longAgo)).toBe(0);
    expect(await store.removeUnfinished(farFuture)).toBe(1);
    stalled.resume();
    await expectBlobFailed(created);
    await expectNothing(store, name);
  },

  'removing unfinished creates leaves finished blobs alone': async (store) => {
    const name = newName();
    await store.create(name, chunks(Buffer.from('stays'), 5));
    expect(await store.removeUnfinished(farFuture)).toBe(0);
    expect((await contentOf(store, name)).toString()).toBe('stays');
  },

  'a name that is not a blob name is a Bug everywhere, and nothing is done': async (store) => {
    const good = newName();
    await store.create(good, chunks(Buffer.from('stays'), 5));
    for (const bad of badNames) {
      const watched = watching(chunks(Buffer.from('x'), 1));
      await expect(store.create(bad, watched.source)).rejects.toBeInstanceOf(Bug);
      expect(watched.wasPulled()).toBe(false);
      await expect(store.open(bad)).rejects.toBeInstanceOf(Bug);
      await expect(store.stat(bad)).rejects.toBeInstanceOf(Bug);
      await expect(store.erase([good, bad])).rejects.toBeInstanceOf(Bug);
      await expect(store.remaining([good, bad])).rejects.toBeInstanceOf(Bug);
    }
    expect((await listed(store)).map(({ name }) => name)).toEqual([good]);
  },

  'check passes on a store that works, again and again, and leaves nothing': async (store) => {
    await store.check();
    await store.check();
    expect(await listed(store)).toEqual([]);
  },
} satisfies Record<string, (store: BlobStore) => Promise<void>>;
