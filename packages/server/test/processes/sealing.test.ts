/** Two processes that seal the root of one tree, by the same row. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeyTree } from '../../src/keys/key-tree.ts';
import { RootKeys } from '../../src/keys/root-keys.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/ids.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import type { SqlStore } from '../../src/store/store.ts';
import { FileVault } from '../../src/vault/file-vault.ts';
import { openFolder } from '../../src/vault/folder.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { adminQuery, newDatabase, postgresServer, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { shape } from './shared-tree.ts';

const server = postgresServer();

type Sealer = { store: SqlStore; tree: KeyTree; rootKeys: RootKeys; vault: FileVault; faults: HookedFaults };

/** Those of the database that wait for somebody else's lock. */
const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
/** Cuts whoever holds a transaction open and says nothing. */
const cutSilent = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND state = 'idle in transaction'`;

describe.skipIf(server === undefined)('two processes that seal', () => {
  let database: TestDatabase;
  let folder: string;
  let one: Sealer;
  let other: Sealer;

  beforeEach(async () => {
    if (server) database = await newDatabase(server);
    folder = await mkdtemp(join(tmpdir(), 'tacet-sealing-'));
    [one, other] = [sealer(), sealer()];
    await one.store.migrate();
    // Both at once, on a database and a vault with nothing in them.
    await Promise.all([one, other].map(async ({ rootKeys }) => await rootKeys.ready(newId(clock.now()))));
  });

  afterEach(async () => {
    await Promise.all([one, other].map(async ({ store }) => await store.close()));
    await database.remove();
    await rm(folder, { recursive: true });
  });

  function sealer(): Sealer {
    const faults = new HookedFaults();
    const store = openPostgresStore({ url: database.url });
    const vault = new FileVault({ folders: [openFolder(join(folder, 'vault'))] });
    const tree = new KeyTree({ store: store.keyStore, vault, clock, shape });
    return {
      store,
      tree,
      vault,
      faults,
      rootKeys: new RootKeys({ store: store.keyStore, vault, tree, clock, horizonMs: 0, faults }),
    };
  }

  /** Row and vault agree on one seal, the tree opens under it for both, and past the horizon no other key is left. */
  async function expectWhole(): Promise<void> {
    await one.rootKeys.expire();
    const top = await other.store.keyStore.reads.readTop();
    const { heads, keys } = await other.vault.current();
    expect(heads.at(-1)).toMatchObject({ generation: top?.generation, keyId: top?.keyId });
    expect(keys).toMatchObject([{ id: top?.keyId }]);
    for (const { store, tree } of [one, other]) {
      const leaf = await store.keyStore.write(async (tx) => await tree.bear(tx));
      expect((await tree.open(leaf * shape.fanOut)).kind).toBe('live');
    }
  }

  test('at once, again and again, make one seal after the other', async () => {
    const heads = await Promise.all(
      [one, other, one, other, one, other].map(async ({ rootKeys }) => await rootKeys.seal()),
    );
    const seals = await one.store.reads.keys.seals(0, 100);
    const generations = seals.map(({ generation }) => generation);
    expect(generations).toEqual([...new Set(generations)].sort((a, b) => a - b));
    expect(heads.map(({ generation }) => generation).sort((a, b) => a - b)).toEqual(generations.slice(-heads.length));
    await expectWhole();
  });

  test('wait for each other: the second begins when the first is committed', async () => {
    const { reached, goOn } = one.faults.stop('seal:row-written');
    const first = one.rootKeys.seal();
    await reached;
    let isDone = false;
    const second = other.rootKeys.seal().finally(() => {
      isDone = true;
    });
    await until(async () => (await adminQuery(database, waiting)).length > 0);
    expect(isDone).toBe(false);
    goOn();
    expect((await second).generation).toBe((await first).generation + 1);
    await expectWhole();
  });

  test.each(['seal:begun', 'seal:vault-written', 'seal:row-written'])(
    'lose nothing when the first loses its lock at %s and goes on beside the second',
    async (point) => {
      const { reached, goOn } = one.faults.stop(point);
      const first = one.rootKeys.seal();
      await reached;
      await adminQuery(database, cutSilent);
      const second = await other.rootKeys.seal();
      goOn();
      expect((await first).generation).toBeGreaterThan(second.generation);
      await expectWhole();
    },
  );

  test('lose nothing when the first loses its lock in the middle of an expiry', async () => {
    await one.rootKeys.seal();
    const { reached, goOn } = one.faults.stop('expire:chosen');
    const expiring = one.rootKeys.expire();
    await reached;
    await adminQuery(database, cutSilent);
    await other.rootKeys.seal();
    await other.rootKeys.expire();
    goOn();
    await expiring;
    await expectWhole();
  });
});
