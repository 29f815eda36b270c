import { expect } from 'vitest';
import type { BlobStore } from '../../src/model/blob-store.ts';
import { AppError, Bug, hasCode } from '../../src/model/errors.ts';
import {
  chunks,
  contentOf,
  digest,
  expectBlobFailed,
  expectNothing,
  failing,
  gather,
  listed,
  MiB,
  newName,
  noise,
  reusingOneBuffer,
  stallingAfter,
  watching,
  withReader,
} from '../support/blob-bytes.ts';

/** What every blob store guarantees about creating and reading. */
export const creatingCases = {
  'a created blob reads back byte for byte': async (store) => {
    const name = newName();
    const bytes = noise(200_000, 1);
    expect(await store.create(name, chunks(bytes, 65_536))).toEqual({ sizeBytes: 200_000 });
    expect(await store.stat(name)).toEqual({ sizeBytes: 200_000 });
    expect(digest(await contentOf(store, name))).toBe(digest(bytes));
  },

  'an empty blob is a blob': async (store) => {
    const name = newName();
    expect(await store.create(name, chunks(Buffer.alloc(0), 1))).toEqual({ sizeBytes: 0 });
    expect(await store.stat(name)).toEqual({ sizeBytes: 0 });
    expect(await contentOf(store, name)).toEqual(Buffer.alloc(0));
  },

  'a blob of 5 MiB in uneven chunks survives': async (store) => {
    const name = newName();
    const bytes = noise(5 * MiB + 1, 2);
    expect(await store.create(name, chunks(bytes, 99_991))).toEqual({ sizeBytes: bytes.byteLength });
    expect(digest(await contentOf(store, name))).toBe(digest(bytes));
  },

  'a source may use the memory of a chunk again': async (store) => {
    const name = newName();
    await store.create(name, reusingOneBuffer());
    expect((await contentOf(store, name)).toString()).toBe('aaaabbbbcccc');
  },

  'any range can be read, in any order and at once': async (store) => {
    const name = newName();
    const bytes = noise(3 * MiB, 3);
    await store.create(name, chunks(bytes, MiB));
    await withReader(store, name, async (reader) => {
      const ranges = [
        [0, 0],
        [0, 1],
        [3 * MiB, 3 * MiB],
        [3 * MiB - 1, 3 * MiB],
        [65_535, 65_537],
        [1000, 2 * MiB],
      ] as const;
      const found = await Promise.all(ranges.map(([start, end]) => gather(reader.read(start, end))));
      expect(found.map(digest)).toEqual(ranges.map(([start, end]) => digest(bytes.subarray(start, end))));
    });
  },

  'a range outside the blob is a Bug': async (store) => {
    const name = newName();
    await store.create(name, chunks(noise(10, 4), 10));
    await withReader(store, name, async (reader) => {
      for (const [start, end] of [
        [-1, 5],
        [5, 4],
        [0, 11],
        [0.5, 5],
        [0, Number.NaN],
      ] as const) {
        expect(() => reader.read(start, end)).toThrow(Bug);
      }
    });
  },

  'a closed reader reads nothing, and closing twice is fine': async (store) => {
    const name = newName();
    await store.create(name, chunks(noise(10, 5), 10));
    await withReader(store, name, async (reader) => {
      await reader.close();
      expect(() => reader.read(0, 10)).toThrow(Bug);
    });
  },

  'what was never created is absent': async (store) => {
    expect(await store.open(newName())).toBeNull();
    expect(await store.stat(newName())).toBeNull();
    expect(await store.remaining([newName()])).toEqual(new Set());
    expect(await listed(store)).toEqual([]);
  },

  'a second create is refused and the first blob stays': async (store) => {
    const name = newName();
    await store.create(name, chunks(Buffer.from('first'), 5));
    await expectBlobFailed(store.create(name, chunks(Buffer.from('second'), 6)));
    expect((await contentOf(store, name)).toString()).toBe('first');
    expect(await listed(store)).toMatchObject([{ name, sizeBytes: 5, unfinished: false }]);
  },

  'of many creates of one name exactly one wins': async (store) => {
    const name = newName();
    const contents = Array.from({ length: 8 }, (_, index) => noise(100_000, 100 + index));
    const results = await Promise.allSettled(contents.map((bytes) => store.create(name, chunks(bytes, 10_000))));
    const winners = contents.filter((_, index) => results[index]?.status === 'fulfilled');
    expect(winners.map(digest)).toEqual([digest(await contentOf(store, name))]);
    for (const result of results) {
      if (result.status === 'rejected') expect(hasCode(result.reason, 'blob_failed')).toBe(true);
    }
    expect(await listed(store)).toMatchObject([{ name, unfinished: false }]);
  },

  'a source that fails leaves nothing, and its own error comes through': async (store) => {
    const name = newName();
    const cut = new AppError('upload_cut');
    await expect(store.create(name, failing(6 * MiB, cut))).rejects.toBe(cut);
    await expectNothing(store, name);
    await store.create(name, chunks(Buffer.from('again'), 5));
    expect((await contentOf(store, name)).toString()).toBe('again');
  },

  'an abort leaves nothing, even while the source is silent': async (store) => {
    const name = newName();
    const abort = new AbortController();
    const stalled = stallingAfter(noise(6 * MiB, 6));
    const created = store.create(name, stalled.source, { signal: abort.signal });
    await stalled.isStalled;
    const reason = new AppError('upload_cut');
    abort.abort(reason);
    await expect(created).rejects.toBe(reason);
    await expectNothing(store, name);
    stalled.resume();
  },

  'a create that was aborted before it began pulls nothing from its source': async (store) => {
    const name = newName();
    const watched = watching(chunks(Buffer.from('x'), 1));
    await expect(store.create(name, watched.source, { signal: AbortSignal.abort(new Error('early')) })).rejects.toThrow(
      'early',
    );
    expect(watched.wasPulled()).toBe(false);
    await expectNothing(store, name);
  },

  'the longest and the shortest name work': async (store) => {
    for (const name of ['0', 'z'.repeat(100)]) {
      await store.create(name, chunks(Buffer.from(name), 100));
      expect((await contentOf(store, name)).toString()).toBe(name);
    }
    expect(await listed(store)).toHaveLength(2);
  },
} satisfies Record<string, (store: BlobStore) => Promise<void>>;
