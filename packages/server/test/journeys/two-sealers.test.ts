/** Processes on PostgreSQL that seal and destroy root keys in one vault, also when the database takes the lock from one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { silentLog } from '../../src/lib/log.ts';
import { newCallOf } from '../crash/life.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { adminQuery, newDatabase, type TestDatabase } from '../support/postgres.ts';
import { describeWithPostgres } from '../support/servers.ts';

describeWithPostgres('processes of one archive', (server) => {
  let database: TestDatabase;
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    database = await newDatabase(server);
    folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
    env = { TACET_HOME: join(folder, 'home'), TACET_BACKUP_HORIZON: '0', TACET_DATABASE_URL: database.url };
  });
  afterEach(async () => {
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** Two that do nothing by themselves; in the one `faults` are met. */
  async function withTwo(work: (one: TestApp, other: TestApp, faults: HookedFaults) => Promise<void>): Promise<void> {
    const faults = new HookedFaults();
    const one = await startApp({ folder, env, faults, workers: 0 });
    const other = await startApp({ folder, env, workers: 0 });
    try {
      await work(one, other, faults);
      await expectWhole(one);
      await expectWhole(other);
    } finally {
      await other.close();
      await one.close();
    }
  }

  /** The row names the newest key, the vault's head has seen it, and everything opens. */
  async function expectWhole({ engine }: TestApp): Promise<void> {
    const top = await engine.store.reads.keys.readTop();
    const { heads } = await engine.vault.current();
    expect(heads.at(-1)).toMatchObject({ generation: top?.generation, keyId: top?.keyId });
    expect((await fsck(engine, { deep: true })).problems).toEqual([]);
  }

  async function archive({ engine }: TestApp, caller: ReturnType<TestApp['caller']>, session: string) {
    const upload = new Upload(engine, caller);
    await upload.describe(newCallOf({ session, phone: '+15125550100', bytes: 0 }));
    await upload.finish();
  }

  /** Ends the connection of whoever stands still in a transaction, as a failing network or an idle timeout does. */
  async function cut(): Promise<void> {
    const sql = `SELECT pg_terminate_backend(pid, 5000) AS is_cut FROM pg_stat_activity
      WHERE datname = $1 AND state = 'idle in transaction'`;
    const name = new URL(database.url).pathname.slice(1);
    expect(await adminQuery(server, sql, [name])).toEqual([{ is_cut: true }]);
  }

  test('that seal at once do so one after the other', async () => {
    await withTwo(async (one, other) => {
      const sealing = [one, other, one, other].map(async ({ engine }) => (await engine.rootKeys.seal()).generation);
      const generations = await Promise.all(sealing);
      expect(new Set(generations).size).toBe(4);
      expect((await one.engine.store.reads.keys.readTop())?.generation).toBe(Math.max(...generations));
    });
  });

  test('that start at once on an empty database make one archive', async () => {
    const config = readConfig(env);
    const apps = await Promise.all([1, 2, 3].map(async () => await openApp(config, { log: silentLog })));
    const ids = await Promise.all(
      apps.flatMap(({ engine }) => [
        engine.store.reads.keys.readTop().then((top) => top?.archiveId),
        engine.vault.current().then(({ archiveId }) => archiveId),
      ]),
    );
    expect(new Set(ids).size).toBe(1);
    for (const app of apps) await app.close();
  });

  test.each(['seal:begun', 'seal:vault-written', 'seal:row-written'])(
    'of which one loses its lock at %s: the other seals, and then it seals too',
    async (point) => {
      await withTwo(async (one, other, faults) => {
        await archive(one, one.caller(), 'before');
        const held = faults.stop(point);
        const sealing = one.engine.rootKeys.seal();
        await held.reached;
        await cut();
        const theirs = await other.engine.rootKeys.seal();
        await archive(other, one.caller(), 'meanwhile');
        held.goOn();
        expect((await sealing).generation).toBeGreaterThan(theirs.generation);
        await archive(one, one.caller(), 'after');
      });
    },
  );

  test('of which one loses its lock before it destroys old root keys: none that is named goes', async () => {
    await withTwo(async (one, other, faults) => {
      await archive(one, one.caller(), 'before');
      await other.engine.rootKeys.seal();
      const held = faults.stop('expire:chosen');
      const expiring = one.engine.rootKeys.expire();
      await held.reached;
      await cut();
      await other.engine.rootKeys.seal();
      await archive(other, one.caller(), 'meanwhile');
      held.goOn();
      await expiring;
      await other.engine.rootKeys.seal();
    });
  });

  test('of which one loses its lock while it destroys keys: they are destroyed, and journaled once', async () => {
    await withTwo(async (one, other, faults) => {
      const upload = new Upload(one.engine, one.caller());
      await upload.describe(newCallOf({ session: 'given up', phone: '+15125550101', bytes: 0 }));
      const held = faults.stop('destroy:pages-written');
      const ending = upload.abort();
      await held.reached;
      await cut();
      await archive(other, one.caller(), 'meanwhile');
      held.goOn();
      await ending;
      const { journal } = one.engine.store.reads;
      const kinds = (await journal.page('', 99)).map(({ kind }) => kind);
      expect(kinds).toEqual(['upload_abandoned']);
    });
  });
});
