/** Connections that are cut at COMMIT: nobody was told whether it was done, and it is found out. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { fromRanges } from '../../src/keys/journal-entries.ts';
import { KeyTree } from '../../src/keys/key-tree.ts';
import { type KeyCrypto, nodeKeyCrypto } from '../../src/keys/page.ts';
import { RootKeys } from '../../src/keys/root-keys.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/ids.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import type { SqlStore } from '../../src/store/store.ts';
import { FileVault } from '../../src/vault/file-vault.ts';
import { openFolder } from '../../src/vault/folder.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { newDatabase, postgresServer, type TestDatabase } from '../support/postgres.ts';
import { type CutAt, TcpProxy } from '../support/tcp-proxy.ts';
import { shape } from './shared-tree.ts';

const server = postgresServer();
/** As it goes over the wire; the end of the text tells it from READ COMMITTED. */
const commit = 'COMMIT\0';
const cuts: readonly CutAt[] = ['before', 'after'];

/** The same database by way of the proxy. */
async function proxied(database: TestDatabase): Promise<{ proxy: TcpProxy; url: string }> {
  const url = new URL(database.url);
  const proxy = await TcpProxy.start({ host: url.hostname, port: Number(url.port) });
  url.hostname = '127.0.0.1';
  url.port = `${proxy.port}`;
  return { proxy, url: url.href };
}

describe.skipIf(server === undefined)('a transaction whose connection is cut', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let store: SqlStore;
  let folder: string;

  beforeEach(async () => {
    if (server) database = await newDatabase(server);
    folder = await mkdtemp(join(tmpdir(), 'tacet-cut-'));
    const way = await proxied(database);
    proxy = way.proxy;
    store = openPostgresStore({ url: way.url });
    await store.migrate();
  });

  afterEach(async () => {
    await store.close();
    await proxy.close();
    await database.remove();
    await rm(folder, { recursive: true });
  });

  test.each([
    ['before its COMMIT is heard runs again', 'before', 2],
    ['after its COMMIT was done is not run again', 'after', 1],
  ] as const)('%s, and is there once', async (_what, at, times) => {
    const cut = proxy.cutAt(commit, at);
    let ran = 0;
    const tenant = await store.write(async (tx) => {
      ran += 1;
      const id = newId(clock.now());
      return await tx.tenants.insert({ id, slug: 'once', region: 'US', createdAt: ran });
    });
    await cut;
    expect(ran).toBe(times);
    expect(await store.reads.tenants.list()).toEqual([tenant]);
    expect(tenant.createdAt).toBe(times);
  });

  test('in the middle runs again', async () => {
    let ran = 0;
    await store.write(async (tx) => {
      ran += 1;
      await tx.tenants.insert({ id: newId(clock.now()), slug: 'once', region: 'US', createdAt: ran });
      if (ran === 1) proxy.cutAll();
    });
    expect(ran).toBe(2);
    expect(await store.reads.tenants.list()).toHaveLength(1);
  });

  test('while the server cannot be asked fails, and says that nobody knows', { timeout: 30_000 }, async () => {
    const impatient = openPostgresStore({ url: urlBy(proxy), busyTimeoutMs: 300 });
    const cut = proxy.cutAt(commit, 'after').then(() => proxy.setOpen(false));
    const writing = impatient.write(async (tx) => {
      return await tx.tenants.insert({ id: newId(clock.now()), slug: 'unknown', region: 'US', createdAt: 1 });
    });
    await expect(writing).rejects.toMatchObject({ code: 'store_failed' });
    await cut;
    proxy.setOpen(true);
    expect(await store.reads.tenants.list()).toHaveLength(1);
    await impatient.close();
  });

  function urlBy(way: TcpProxy): string {
    const url = new URL(database.url);
    url.port = `${way.port}`;
    return url.href;
  }

  describe('of the key tree', () => {
    /** Every key that a page was sealed under, in order. */
    const used: string[] = [];
    const crypto: KeyCrypto = {
      ...nodeKeyCrypto,
      seal(key, associated, plain, brought) {
        used.push(Buffer.from(key).toString('hex'));
        return nodeKeyCrypto.seal(key, associated, plain, brought);
      },
    };
    let tree: KeyTree;
    let rootKeys: RootKeys;
    let vault: FileVault;

    beforeEach(async () => {
      vault = new FileVault({ folders: [openFolder(join(folder, 'vault'))] });
      tree = new KeyTree({ store: store.keyStore, vault, clock, shape, crypto });
      rootKeys = new RootKeys({ store: store.keyStore, vault, tree, clock, horizonMs: 0 });
      await rootKeys.ready(newId(clock.now()));
      used.length = 0;
    });

    test.each(cuts)('(a destroy, %s its COMMIT) destroys what it was to, and draws no key twice', async (at) => {
      const leaf = await store.keyStore.write(async (tx) => await tree.bear(tx));
      const [doomed, kept] = [leaf * shape.fanOut, leaf * shape.fanOut + 1];
      const key = await tree.keyOf(kept);
      used.length = 0;
      let attempts = 0;
      const cut = proxy.cutAt(commit, at);
      await store.keyStore.write(async (tx) => {
        attempts += 1;
        expect(await tree.destroy(tx, [doomed])).toEqual([doomed]);
      });
      await cut;
      expect(attempts).toBe(at === 'before' ? 2 : 1);
      expect((await tree.open(doomed)).kind).toBe('destroyed');
      expect((await tree.keyOf(kept)).equals(key)).toBe(true);
      // The topmost page keeps its key, the root key, until the next seal.
      const times = new Map<string, number>();
      for (const one of used) times.set(one, (times.get(one) ?? 0) + 1);
      expect([...times.values()].filter((count) => count > 1)).toEqual(attempts === 1 ? [] : [attempts]);
      expect(used).toHaveLength(attempts * shape.levels);
    });

    test.each(cuts)('(a seal, %s its COMMIT) is one seal, and no key that it drew in vain stays', async (at) => {
      const before = await rootKeys.status();
      const cut = proxy.cutAt(commit, at);
      const head = await rootKeys.seal();
      await cut;
      const after = await rootKeys.status();
      expect(after.generation).toBe(head.generation);
      expect(after.generation).toBeGreaterThan(before.generation);
      const seals = await store.reads.keys.seals(before.generation, 10);
      expect(seals).toHaveLength(1);
      expect(used).toHaveLength(at === 'before' ? 2 : 1);
      await rootKeys.seal();
      await rootKeys.expire();
      expect((await rootKeys.status()).rootKeys).toMatchObject([{ isNamed: true }]);
    });
  });
});

describe.skipIf(server === undefined)('an archive whose connection is cut at any COMMIT', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let app: TestApp;
  let client: CreovaiClient;
  /** More than there are in an archiving or a purge. */
  const commits = 8;

  beforeAll(async () => {
    if (server) database = await newDatabase(server);
    const way = await proxied(database);
    proxy = way.proxy;
    app = await startApp({ env: { TACET_DATABASE_URL: way.url, TACET_BACKUP_HORIZON: '0' } });
    client = new CreovaiClient(await app.listen(), await app.token());
  });

  afterAll(async () => {
    await app.close();
    await proxy.close();
    await database.remove();
  });

  /** Does it with the connection cut at the `no`th COMMIT from now. */
  async function cutIn<T>(no: number, at: CutAt, work: () => Promise<T>): Promise<T> {
    void proxy.cutAt(commit, at, { skip: no });
    const done = await work();
    proxy.letPass();
    return done;
  }

  /** Slots of which the journal says more than once that they were destroyed. */
  async function journaledTwice(): Promise<number[]> {
    const slots = (await app.engine.store.reads.journal.page('', 10_000)).flatMap((entry) => fromRanges(entry.slots));
    return slots.filter((slot, i) => slots.indexOf(slot) !== i);
  }

  test.each(cuts)('(%s it is done) archives and purges each call once, and says so', async (at) => {
    const audio = Buffer.alloc(10_000, 7);
    for (let no = 0; no < commits; no += 1) {
      const session = `cut ${at} ${no}`;
      const phone = `+1512555${1000 + no}`;
      const { status } = await cutIn(no, at, async () => await client.archive(session, phone, audio));
      expect([no, status]).toEqual([no, 200]);
      expect(await client.status(session)).toBe('Complete');
      const items = await cutIn(no, at, async () => await client.purge('/customer', { phoneNumber: phone }));
      expect(items).toMatchObject([{ sessionId: session, status: 'Purging' }]);
    }
    await untilQuiet(app.engine);
    expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
    expect(await journaledTwice()).toEqual([]);
    const audit = await app.engine.store.reads.audit.page('', 10_000);
    const erasures = await app.engine.store.reads.erasures.page('', 100);
    expect(erasures.map((erasure) => erasure.state)).toEqual(erasures.map(() => 'completed'));
    expect(audit.filter((one) => one.event === 'erasure.completed')).toHaveLength(erasures.length);
  });
});
