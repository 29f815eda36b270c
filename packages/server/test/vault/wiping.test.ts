import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type KeyCrypto, keyBytes, nodeKeyCrypto } from '../../src/keys/page.ts';
import type { KeyStore, KeyTx, StoredPage } from '../../src/model/key-store.ts';
import type { Folder } from '../../src/vault/folder.ts';
import { bornSlot, type ProcessOptions, TreeOnDisk, type TreeProcess } from './tree-on-disk.ts';

let disk: TreeOnDisk;
let slot: number;

beforeEach(async () => {
  disk = await TreeOnDisk.open();
  slot = (await bornSlot(await disk.started())).slot;
});

afterEach(async () => await disk.close());

/** Primitives that remember every key drawn and every page opened, in the very buffers that were handed out. */
function watched() {
  const handedOut: Buffer[] = [];
  const crypto: KeyCrypto = {
    ...nodeKeyCrypto,
    random(bytes) {
      const drawn = nodeKeyCrypto.random(bytes);
      if (bytes === keyBytes) handedOut.push(drawn);
      return drawn;
    },
    open(key, associated, sealed) {
      const plain = nodeKeyCrypto.open(key, associated, sealed);
      if (plain !== undefined) handedOut.push(plain);
      return plain;
    },
  };
  return { handedOut, crypto };
}

/** Runs work that must fail (or, without a code, succeed) and expects that nothing opened on the way is left. */
async function expectWiped(options: ProcessOptions, work: (on: TreeProcess) => Promise<unknown>, code?: string) {
  const { handedOut, crypto } = watched();
  const on = disk.process({ ...options, crypto });
  if (code === undefined) await work(on);
  else await expect(work(on)).rejects.toMatchObject({ code });
  expect(handedOut.length).toBeGreaterThan(0);
  expect(handedOut.filter((bytes) => bytes.some((byte) => byte !== 0))).toEqual([]);
}

const destroy = async ({ store, tree }: TreeProcess) => await store.write(async (tx) => await tree.destroy(tx, [slot]));
const seal = async ({ rootKeys }: TreeProcess) => await rootKeys.seal();

/** A store whose transactions are these instead. */
function through(change: (tx: KeyTx) => Partial<KeyTx>): ProcessOptions {
  const changed = (store: KeyStore): KeyStore => ({
    ...store,
    write: async (work) => await store.write(async (tx) => await work({ ...tx, ...change(tx) })),
  });
  return { store: changed };
}

const failing = async () => {
  throw Object.assign(new Error('no'), { code: 'no' });
};

function flipped(pages: readonly StoredPage[], level: number): StoredPage[] {
  return pages.map((page) => {
    const sealed = Buffer.from(page.sealed);
    if (page.level === level) sealed.writeUInt8(sealed.readUInt8(0) ^ 1, 0);
    return { ...page, sealed };
  });
}

describe('keys that were opened or drawn are filled with zeros', () => {
  test('when slots were destroyed, and when a seal has ended', async () => {
    await expectWiped({}, destroy);
    await expectWiped({}, seal);
  });

  test.each([0, 1, 2, 3])('when a destroy meets a page of level %i that does not open', async (level) => {
    const damaged = through((tx) => ({ readPages: async (places) => flipped(await tx.readPages(places), level) }));
    await expectWiped(damaged, destroy, 'damage');
  });

  test('when a destroy meets a page that is missing, and when its pages cannot be written', async () => {
    const leafless = through((tx) => ({
      readPages: async (places) => (await tx.readPages(places)).filter((page) => page.level > 0),
    }));
    await expectWiped(leafless, destroy, 'damage');
    await expectWiped(
      through(() => ({ writePages: failing })),
      destroy,
      'no',
    );
    await expectWiped(
      through(() => ({ updateTop: failing })),
      destroy,
      'no',
    );
  });

  test.each([0, 1, 2, 3])('when a read meets a page of level %i that does not open', async (level) => {
    const store = (real: KeyStore): KeyStore => ({
      ...real,
      reads: {
        ...real.reads,
        async readPath(places) {
          const path = await real.reads.readPath(places);
          return path && { ...path, pages: flipped(path.pages, level) };
        },
      },
    });
    await expectWiped({ store }, async ({ tree }) => await tree.open(slot), 'damage');
  });

  test('when a seal cannot write to the vault, or to the database', async () => {
    const view = (folder: Folder): Folder => ({ ...folder, write: failing });
    await expectWiped({ view }, seal, 'vault_unreachable');
    for (const step of ['pendingJournal', 'updateTop', 'recordSeal', 'markCopied'] as const) {
      await expectWiped(
        through(() => ({ [step]: failing })),
        seal,
        'no',
      );
    }
  });
});
