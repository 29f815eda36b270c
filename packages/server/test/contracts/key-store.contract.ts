import { describe, expect, test } from 'vitest';
import type { KeyStore, StoredPage, TopRow } from '../../src/model/key-store.ts';
import { entryOf, id } from '../support/store-rows.ts';

/** One store, fresh and empty. `nameSlots` makes rows that name these slots, where the store has such rows. */
export type KeyStoreSubject = {
  keyStore: KeyStore;
  close(): Promise<void>;
  nameSlots?(slots: readonly number[]): Promise<void>;
};

/** What the key tree relies on. Every implementation of `KeyStore` passes it. */
export function keyStoreContract(name: string, factory: () => Promise<KeyStoreSubject>): void {
  describe(`key store contract: ${name}`, () => {
    for (const [guarantee, run] of Object.entries({ ...pageCases, ...transactionCases, ...recordCases })) {
      test(guarantee, async () => {
        const subject = await factory();
        try {
          await run(subject.keyStore);
        } finally {
          await subject.close();
        }
      });
    }
    test('named slots are told ascending, both ends included', async (context) => {
      const subject = await factory();
      try {
        if (!subject.nameSlots) return context.skip('this store has no rows that name slots');
        await subject.nameSlots([900, 300, 255, 256, 511, 512]);
        const named = await subject.keyStore.write((tx) => tx.namedSlots(256, 511));
        expect(named).toEqual([256, 300, 511]);
      } finally {
        await subject.close();
      }
    });
  });
}

type Cases = Record<string, (store: KeyStore) => Promise<void>>;

const top: TopRow = {
  archiveId: id(),
  keyId: id(),
  generation: 1,
  sealedAt: 1_700_000_000_000,
  isRestoring: false,
  nextLeaf: 0,
  page: Buffer.alloc(8220, 7),
};

const page = (level: number, index: number, text: string): StoredPage => ({ level, index, sealed: Buffer.from(text) });

async function withTop(store: KeyStore): Promise<void> {
  await store.write((tx) => tx.createTop(top));
}

/** Pages by place, whatever kind of byte array they came as. */
function byPlace(pages: readonly StoredPage[]): Record<string, string> {
  return Object.fromEntries(
    pages.map(({ level, index, sealed }) => [`${level}/${index}`, Buffer.from(sealed).toString()]),
  );
}

function plain(row: TopRow | undefined) {
  return row && { ...row, page: Buffer.from(row.page).toString('hex') };
}

const pageCases: Cases = {
  'before the archive was created there is no topmost row, no path and nothing to lock': async (store) => {
    expect(await store.reads.readTop()).toBeUndefined();
    expect(await store.reads.readPath([{ level: 0, index: 0 }])).toBeUndefined();
    expect(await store.write((tx) => tx.lockTop())).toBeUndefined();
    await expect(store.write((tx) => tx.updateTop({ nextLeaf: 1 }))).rejects.toThrow();
  },
  'an update of the topmost row changes what it names and nothing else': async (store) => {
    await withTop(store);
    expect(plain(await store.reads.readTop())).toEqual(plain(top));
    await store.write((tx) => tx.updateTop({ nextLeaf: 2 ** 32, isRestoring: true }));
    expect(plain(await store.reads.readTop())).toEqual(plain({ ...top, nextLeaf: 2 ** 32, isRestoring: true }));
    const sealed = { keyId: id(), generation: 2, sealedAt: top.sealedAt + 1, page: Buffer.from('new') };
    await store.write((tx) => tx.updateTop({ ...sealed, isRestoring: false }));
    expect(plain(await store.reads.readTop())).toEqual(plain({ ...top, ...sealed, nextLeaf: 2 ** 32 }));
  },
  'an archive cannot be created twice': async (store) => {
    await withTop(store);
    await expect(store.write((tx) => tx.createTop({ ...top, archiveId: id() }))).rejects.toThrow();
    expect((await store.reads.readTop())?.archiveId).toBe(top.archiveId);
  },
  'pages are found at their level and index, and those that do not exist are left out': async (store) => {
    const last = 2 ** 40 - 1;
    await store.write((tx) => tx.writePages([page(0, 5, 'leaf'), page(1, 5, 'middle'), page(0, last, 'last')]));
    const places = [0, 1, 2].flatMap((level) => [5, 6, last].map((index) => ({ level, index })));
    const found = { '0/5': 'leaf', '1/5': 'middle', [`0/${last}`]: 'last' };
    expect(byPlace(await store.reads.readPages(places))).toEqual(found);
    expect(await store.reads.readPages([])).toEqual([]);
  },
  'a page that is written again is replaced': async (store) => {
    await store.write((tx) => tx.writePages([page(0, 1, 'old'), page(0, 2, 'kept')]));
    await store.write((tx) => tx.writePages([page(0, 1, 'new')]));
    const pages = await store.reads.readPages([
      { level: 0, index: 1 },
      { level: 0, index: 2 },
    ]);
    expect(byPlace(pages)).toEqual({ '0/1': 'new', '0/2': 'kept' });
  },
  'any number of pages is written and read at once': async (store) => {
    const pages = Array.from({ length: 333 }, (_, index) => page(0, 7 * index, `page ${index}`));
    await store.write((tx) => tx.writePages(pages));
    expect(byPlace(await store.reads.readPages(pages))).toEqual(byPlace(pages));
  },
  'a path comes with the topmost row and with those of its pages that exist': async (store) => {
    await withTop(store);
    await store.write((tx) => tx.writePages([page(0, 300, 'leaf'), page(1, 1, 'middle')]));
    const path = await store.reads.readPath([
      { level: 0, index: 300 },
      { level: 1, index: 1 },
      { level: 2, index: 0 },
    ]);
    expect(plain(path?.top)).toEqual(plain(top));
    expect(byPlace(path?.pages ?? [])).toEqual({ '0/300': 'leaf', '1/1': 'middle' });
    expect(await store.reads.readPath([])).toMatchObject({ pages: [] });
  },
};

const transactionCases: Cases = {
  'a transaction sees its own writes, others see them once it has committed': async (store) => {
    await withTop(store);
    const answer = await store.write(async (tx) => {
      await tx.writePages([page(0, 1, 'new')]);
      await tx.updateTop({ nextLeaf: 1 });
      expect(byPlace(await tx.readPages([{ level: 0, index: 1 }]))).toEqual({ '0/1': 'new' });
      expect((await tx.lockTop())?.nextLeaf).toBe(1);
      expect((await tx.readPath([{ level: 0, index: 1 }]))?.pages).toHaveLength(1);
      expect(await store.reads.readPages([{ level: 0, index: 1 }])).toEqual([]);
      expect((await store.reads.readTop())?.nextLeaf).toBe(0);
      return 'answer';
    });
    expect(answer).toBe('answer');
    expect((await store.reads.readTop())?.nextLeaf).toBe(1);
  },
  'a transaction that throws leaves nothing behind': async (store) => {
    await withTop(store);
    const entry = entryOf();
    for (const door of ['write', 'writeFresh'] as const) {
      const attempt = store[door](async (tx) => {
        await tx.updateTop({ nextLeaf: 9 });
        await tx.writePages([page(0, 1, 'lost')]);
        await tx.insertReservation({ leaf: 1, owner: 'us', leaseUntil: 1 });
        await tx.appendJournal([entry]);
        await tx.recordSeal({ generation: 2, keyId: 'k', sealedAt: 2 });
        throw new Error('work failed');
      });
      await expect(attempt).rejects.toThrow('work failed');
    }
    await store.write(async (tx) => {
      expect((await tx.readTop())?.nextLeaf).toBe(0);
      expect(await tx.readPages([{ level: 0, index: 1 }])).toEqual([]);
      expect(await tx.findReservations('all')).toEqual([]);
      expect(await tx.pendingJournal()).toEqual([]);
      expect(await tx.knownJournalIds([entry.id])).toEqual(new Set());
      expect(await tx.knownSeals([{ generation: 2, keyId: 'k' }])).toEqual(new Set());
    });
  },
  'transactions run one after the other, on whichever connection: no update is lost': async (store) => {
    await withTop(store);
    const increments = Array.from({ length: 20 }, (_, i) =>
      store[i % 3 === 0 ? 'writeFresh' : 'write'](async (tx) => {
        const row = await tx.lockTop();
        await tx.readPages([{ level: 0, index: 0 }]);
        await tx.updateTop({ nextLeaf: (row?.nextLeaf ?? 0) + 1 });
      }),
    );
    await Promise.all(increments);
    expect((await store.reads.readTop())?.nextLeaf).toBe(20);
  },
  'a fresh connection sees what was committed, and what it commits is seen': async (store) => {
    await withTop(store);
    await store.writeFresh(async (tx) => {
      expect(plain(await tx.lockTop())).toEqual(plain(top));
      await tx.updateTop({ nextLeaf: 4 });
    });
    expect((await store.reads.readTop())?.nextLeaf).toBe(4);
    expect((await store.write((tx) => tx.lockTop()))?.nextLeaf).toBe(4);
  },
};

const recordCases: Cases = {
  'a leaf is reserved once, and only its owner renews it': async (store) => {
    const reservation = { leaf: 3, owner: 'us', leaseUntil: 100 };
    await store.write((tx) => tx.insertReservation(reservation));
    await expect(store.write((tx) => tx.insertReservation({ ...reservation, owner: 'them' }))).rejects.toThrow();
    await store.write(async (tx) => {
      expect(await tx.renewReservation({ leaf: 3, owner: 'them', leaseUntil: 300 })).toBe(false);
      expect(await tx.renewReservation({ leaf: 4, owner: 'us', leaseUntil: 300 })).toBe(false);
      expect(await tx.renewReservation({ leaf: 3, owner: 'us', leaseUntil: 200 })).toBe(true);
      expect(await tx.findReservations('all')).toEqual([{ leaf: 3, owner: 'us', leaseUntil: 200 }]);
    });
  },
  'a reservation that was ended is not renewed': async (store) => {
    const reservation = { leaf: 3, owner: 'us', leaseUntil: 100 };
    await store.write((tx) => tx.insertReservation(reservation));
    await store.write(async (tx) => {
      await tx.deleteReservation(3);
      await tx.deleteReservation(3);
    });
    expect(await store.write((tx) => tx.renewReservation(reservation))).toBe(false);
    expect(await store.write((tx) => tx.findReservations('all'))).toEqual([]);
  },
  'a reservation is held by its owner alone, and its lease stays as it is': async (store) => {
    const reservation = { leaf: 3, owner: 'us', leaseUntil: 100 };
    await store.write((tx) => tx.insertReservation(reservation));
    await store.write(async (tx) => {
      expect(await tx.holdReservation({ leaf: 3, owner: 'them' })).toBe(false);
      expect(await tx.holdReservation({ leaf: 4, owner: 'us' })).toBe(false);
      expect(await tx.holdReservation({ leaf: 3, owner: 'us' })).toBe(true);
      expect(await tx.findReservations('all')).toEqual([reservation]);
    });
  },
  'a reservation that is held is ended when its holders have committed': async (store) => {
    const found = { leaf: 3, owner: 'us', leaseUntil: 100 };
    await store.write((tx) => tx.insertReservation(found));
    const order: string[] = [];
    let ending: Promise<void> | undefined;
    await store.write(async (tx) => {
      expect(await tx.holdReservation(found)).toBe(true);
      ending ??= store.write(async (other) => {
        expect(await other.endReservation(found)).toBe(true);
        order.push('ended');
      });
      // Time in which it would be ended if nothing kept it.
      for (let look = 0; look < 20; look += 1) expect(await tx.findReservations('all')).toEqual([found]);
      order.push('held');
    });
    await ending;
    expect(order).toEqual(['held', 'ended']);
  },
  'a reservation is ended only as it was found': async (store) => {
    const found = { leaf: 3, owner: 'us', leaseUntil: 100 };
    await store.write(async (tx) => {
      await tx.insertReservation(found);
      await tx.renewReservation({ ...found, leaseUntil: 200 });
    });
    await store.write(async (tx) => {
      expect(await tx.endReservation(found)).toBe(false);
      expect(await tx.endReservation({ ...found, owner: 'them', leaseUntil: 200 })).toBe(false);
      expect(await tx.endReservation({ ...found, leaf: 4, leaseUntil: 200 })).toBe(false);
      expect(await tx.endReservation({ ...found, leaseUntil: 200 })).toBe(true);
      expect(await tx.endReservation({ ...found, leaseUntil: 200 })).toBe(false);
      expect(await tx.findReservations('all')).toEqual([]);
    });
  },
  'reservations are found by owner, or when their lease has ended': async (store) => {
    await store.write(async (tx) => {
      await tx.insertReservation({ leaf: 1, owner: 'us', leaseUntil: 100 });
      await tx.insertReservation({ leaf: 2, owner: 'them', leaseUntil: 101 });
      await tx.insertReservation({ leaf: 3, owner: 'us', leaseUntil: 102 });
      const leaves = async (which: { endedBy: number } | { owner: string }) =>
        (await tx.findReservations(which)).map((reservation) => reservation.leaf).toSorted();
      expect(await leaves({ owner: 'us' })).toEqual([1, 3]);
      expect(await leaves({ endedBy: 99 })).toEqual([]);
      expect(await leaves({ endedBy: 101 })).toEqual([1, 2]);
    });
  },
  'journal entries wait in the order in which they were appended, exactly as they were': async (store) => {
    const [early, late] = [id(), id()];
    const full = entryOf({
      id: late,
      kind: 'hold_placed',
      tenantId: id(),
      ownerId: id(),
      action: 'purge',
      slots: [
        [0, 3],
        [2 ** 39, 2 ** 39],
      ],
      at: 1_700_000_000_000,
      detail: { tokens: ['a'], range: { from: null, to: 5 } },
    });
    const bare = entryOf({ id: early });
    await store.write((tx) => tx.appendJournal([full]));
    await store.write((tx) => tx.appendJournal([bare]));
    expect(await store.write((tx) => tx.pendingJournal())).toEqual([full, bare]);
  },
  'a copied entry waits no more and is still known': async (store) => {
    const entries = Array.from({ length: 70 }, () => entryOf());
    const ids = entries.map((entry) => entry.id);
    await store.write((tx) => tx.appendJournal(entries));
    await store.write((tx) => tx.markCopied([...ids.slice(1), id()], 2));
    await store.write(async (tx) => {
      expect(await tx.pendingJournal()).toEqual(entries.slice(0, 1));
      expect(await tx.knownJournalIds([...ids, id()])).toEqual(new Set(ids));
    });
  },
  'an entry is appended once': async (store) => {
    const entry = entryOf();
    await store.write((tx) => tx.appendJournal([entry]));
    await expect(store.write((tx) => tx.appendJournal([{ ...entry, at: 2 }]))).rejects.toThrow();
    expect(await store.write((tx) => tx.pendingJournal())).toEqual([entry]);
  },
  'a seal is known by its generation and key together': async (store) => {
    await store.write((tx) => tx.recordSeal({ generation: 5, keyId: 'a', sealedAt: 1 }));
    await store.write(async (tx) => {
      const asked = [
        { generation: 5, keyId: 'a' },
        { generation: 5, keyId: 'b' },
      ];
      expect(await tx.knownSeals(asked)).toEqual(new Set(['a']));
      expect(await tx.knownSeals([{ generation: 6, keyId: 'a' }])).toEqual(new Set());
    });
  },
};
