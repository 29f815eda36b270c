import { beforeEach, describe, expect, test } from 'vitest';
import type { PagePlace, StoredPage } from '../model/key-store.ts';
import { openByCachedParents } from './cached-parents.ts';
import { associatedDataOf, entryOf, keyBytes, nodeKeyCrypto, parentOf, type TreeShape } from './page.ts';
import { PageCache } from './page-cache.ts';

const shape: TreeShape = { fanOut: 3, levels: 3 };
const page = () => nodeKeyCrypto.random(shape.fanOut * keyBytes);

let now: number;
let cache: PageCache;
let stored: Map<number, Buffer>;
/** What was asked of the store, read by read. */
let asked: number[][];
/** Keys that pages were opened under, as the crypto was given them. */
let used: Uint8Array[];

const reads = {
  async readPages(places: readonly PagePlace[]): Promise<StoredPage[]> {
    asked.push(places.map(({ index }) => index));
    return places.flatMap(({ level, index }) => {
      const sealed = stored.get(index);
      return sealed === undefined ? [] : [{ level, index, sealed }];
    });
  },
};
const crypto: typeof nodeKeyCrypto = {
  ...nodeKeyCrypto,
  open(key, associated, sealed) {
    used.push(key);
    return nodeKeyCrypto.open(key, associated, sealed);
  },
};

const open = async (...leaves: number[]) => await openByCachedParents({ reads, cache, crypto, shape }, leaves);

/** A parent in the cache; its leaves are what is given, sealed under its keys. */
function parentWith(leaves: ReadonlyMap<number, Buffer>): Buffer {
  const keys = page();
  for (const [index, plain] of leaves) {
    const { place, offset } = parentOf({ level: 0, index }, shape);
    cache.keepPage(place, keys);
    const key = entryOf({ place, keys }, offset);
    stored.set(index, nodeKeyCrypto.seal(key, associatedDataOf({ level: 0, index }), plain));
  }
  return keys;
}

beforeEach(() => {
  now = 1_750_000_000_000;
  cache = new PageCache({ now: () => now });
  stored = new Map();
  asked = [];
  used = [];
});

describe('leaves whose parents are cached', () => {
  test('are opened in one read, each under the key of its own parent', async () => {
    const leaves = new Map([0, 2, 4].map((index) => [index, page()]));
    parentWith(new Map([...leaves].filter(([index]) => index < 3)));
    parentWith(new Map([...leaves].filter(([index]) => index >= 3)));
    const opened = await open(0, 2, 4);
    expect(new Map([...opened].map(([index, { keys }]) => [index, keys]))).toEqual(leaves);
    expect(asked).toEqual([[0, 2, 4]]);
  });

  test('leave no key behind but in the cache', async () => {
    parentWith(new Map([[1, page()]]));
    await open(1);
    expect(used).toHaveLength(1);
    expect(used.every((key) => key.every((byte) => byte === 0))).toBe(true);
    expect((await open(1)).size).toBe(1);
  });

  test('are opened though the cache forgets their parent while they are read', async () => {
    parentWith(new Map([[1, page()]]));
    const forgetful = {
      async readPages(places: readonly PagePlace[]) {
        cache.drop();
        return await reads.readPages(places);
      },
    };
    expect((await openByCachedParents({ reads: forgetful, cache, crypto, shape }, [1])).size).toBe(1);
  });
});

describe('left to whoever reads whole paths', () => {
  test('is a leaf whose parent is not cached, or no longer, and the store is not asked for it', async () => {
    parentWith(new Map([[1, page()]]));
    expect([...(await open(1, 7)).keys()]).toEqual([1]);
    now += 60_000;
    expect((await open(1, 7)).size).toBe(0);
    expect(asked).toEqual([[1]]);
  });

  test('is one that was rewritten since its parent was cached, and one that is damaged, without the others', async () => {
    parentWith(
      new Map([
        [0, page()],
        [1, page()],
        [2, page()],
      ]),
    );
    stored.set(0, nodeKeyCrypto.seal(page().subarray(0, keyBytes), associatedDataOf({ level: 0, index: 0 }), page()));
    stored.get(2)?.reverse();
    expect([...(await open(0, 1, 2)).keys()]).toEqual([1]);
  });

  test('is one that was never born, and one in the place of another', async () => {
    parentWith(new Map([[1, page()]]));
    const moved = stored.get(1);
    if (moved) stored.set(0, moved);
    expect([...(await open(0, 1, 2)).keys()]).toEqual([1]);
  });
});
