import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeyTx } from '../../src/model/key-store.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { openSqliteStore, type SqlStore } from '../../src/store/store.ts';
import { startStoreChild } from '../support/store-child.ts';
import { newHome } from '../support/store-homes.ts';
import { addTenant, id } from '../support/store-rows.ts';

let home: Awaited<ReturnType<typeof newHome>>;
let store: SqlStore;

beforeEach(async () => {
  home = await newHome();
  store = await openSqliteStore({ file: home.file });
  await store.migrate();
  const top = { archiveId: id(), keyId: id(), generation: 1, sealedAt: 1, isRestoring: false, nextLeaf: 0 };
  await store.keyStore.write((tx) => tx.createTop({ ...top, page: Buffer.alloc(8) }));
});

afterEach(async () => {
  await store.close();
  await home.remove();
});

async function addOne(tx: KeyTx): Promise<void> {
  const top = await tx.lockTop();
  await tx.updateTop({ nextLeaf: (top?.nextLeaf ?? 0) + 1 });
}

async function leaves(): Promise<number | undefined> {
  return (await store.reads.keys.readTop())?.nextLeaf;
}

describe('two processes on one SQLite file', () => {
  it('lose no update when both write as fast as they can', async () => {
    const child = await startStoreChild('count', home.file, '150');
    child.go();
    for (let i = 0; i < 150; i += 1) {
      await (i % 10 === 0 ? store.keyStore.writeFresh(addOne) : store.keyStore.write(addOne));
    }
    expect(await child.answer).toBe('counted');
    expect(await leaves()).toBe(300);
  });

  it('read on while the other holds a write transaction, and write once it has ended', async () => {
    const child = await startStoreChild('hold', home.file);
    let hasWritten = false;
    const write = store.keyStore.write(addOne).then(() => {
      hasWritten = true;
    });
    expect(await leaves()).toBe(0);
    expect(await store.snapshot((reads) => reads.tenants.list())).toEqual([]);
    expect(hasWritten).toBe(false);
    child.go();
    await write;
    expect(await child.answer).toBe('released');
    expect(await leaves()).toBe(2);
  });

  it('give up with store_busy when the other holds on for longer than the timeout', async () => {
    const impatient = await openSqliteStore({ file: home.file, busyTimeoutMs: 40 });
    const child = await startStoreChild('hold', home.file);
    const busy = { code: 'store_busy', retry: 'later' };
    await expect(impatient.write((tx) => tx.tenants.list())).rejects.toMatchObject(busy);
    await expect(impatient.keyStore.writeFresh(addOne)).rejects.toMatchObject(busy);
    expect(await impatient.checkpoint()).toBe(false);
    expect(await impatient.reads.tenants.list()).toEqual([]);
    child.go();
    await child.answer;
    await addTenant(impatient);
    expect(await impatient.reads.tenants.list()).toHaveLength(1);
    await impatient.close();
    expect(await leaves()).toBe(1);
  });

  it('leave nothing of a transaction behind, and block nobody, when one is killed inside it', async () => {
    const child = await startStoreChild('hold', home.file);
    child.kill();
    await child.answer;
    await store.keyStore.write(addOne);
    expect(await leaves()).toBe(1);
  });

  it.each([
    ['store:before-commit', 0],
    ['store:committed', 1],
  ])('killed at %s, keep what was committed and only that', async (point, expected) => {
    const child = await startStoreChild('die', home.file, point);
    child.go();
    expect(await child.answer).toBeUndefined();
    expect(await leaves()).toBe(expected);
  });

  it('both find the schema when they create the database at once, and each step of it was made once', async () => {
    const fresh = await newHome();
    const children = await Promise.all([1, 2].map(() => startStoreChild('open', fresh.file)));
    for (const child of children) child.go();
    const applied = await Promise.all(children.map((child) => child.answer));
    // Either may make the next step.
    expect(applied.flat().sort()).toEqual(migrations.map(({ name }) => name));
    await fresh.remove();
  });
});
