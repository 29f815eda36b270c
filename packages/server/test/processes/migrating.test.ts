import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrationLock } from '../../src/store/migrate.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import { adminQuery, newDatabase, postgresServer, type TestDatabase } from '../support/postgres.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';

const server = postgresServer();

describe.skipIf(server === undefined)('the schema of an archive on PostgreSQL', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let folder: string;

  beforeEach(async () => {
    if (server) database = await newDatabase(server);
    folder = await mkdtemp(join(tmpdir(), 'tacet-migrating-'));
  });

  afterEach(async () => {
    await database.remove();
    await rm(folder, { recursive: true });
  });

  const start = (...args: string[]): TacetProcess =>
    startTacet(args, {
      TACET_HOME: join(folder, 'home'),
      TACET_DATABASE_URL: database.url,
      TACET_LISTEN: '127.0.0.1:0',
    });

  const ledger = async (): Promise<unknown[]> => {
    const rows = await adminQuery(database, 'SELECT name FROM migration ORDER BY name');
    return rows.map(({ name }) => name);
  };

  test('is made once by four processes that start at once on an empty database, and one archive of it', async () => {
    const four = await Promise.all(Array.from({ length: 4 }, async () => await start('migrate', '--json').ended));
    for (const { code, errors } of four) expect(code, errors).toBe(0);
    expect(await ledger()).toEqual(migrations.map(({ name }) => name));
    const [row] = await adminQuery(database, 'SELECT count(*) AS archives FROM archive');
    expect(Number(row?.['archives'])).toBe(1);
  });

  describe('that another process is bringing up to date', () => {
    let migrating: Client;

    beforeEach(async () => {
      migrating = new Client({ connectionString: database.url });
      await migrating.connect();
      await migrating.query(`BEGIN; SELECT pg_advisory_xact_lock(${migrationLock})`);
    });

    // Before the database goes, which ends what is left of it.
    afterEach(async () => await migrating.end());

    const waitingFor = async (ms: number): Promise<number> => {
      const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'
        AND query LIKE '%pg_advisory_xact_lock(${migrationLock})%'
        AND clock_timestamp() - query_start > $1 * interval '1 ms'`;
      return (await adminQuery(database, waiting, [ms])).length;
    };

    test('is waited for, however patient statements are otherwise, and then there', async () => {
      const said: string[] = [];
      const say = (event: string) => void said.push(event);
      const busyTimeoutMs = 1000;
      const store = openPostgresStore({ url: database.url, busyTimeoutMs });
      const done = store.migrate({ log: { info: say, warn: say, error: say } });
      await until(async () => (await waitingFor(2 * busyTimeoutMs)) === 1);
      expect(said).toEqual(['migration.waiting']);
      await migrating.query('COMMIT');
      expect(await done).toEqual(migrations.map(({ name }) => name));
      expect(said).toEqual(['migration.waiting']);
      await store.close();
    });

    test('is waited for by processes that start, which say so and may be ended', async () => {
      const [told, patient] = [start('migrate'), start('migrate')];
      await until(async () => (await waitingFor(0)) === 2);
      told.child.kill('SIGTERM');
      expect(await told.ended).toMatchObject({ signal: 'SIGTERM' });
      await migrating.query('COMMIT');
      expect(await patient.ended, patient.errors()).toMatchObject({ code: 0 });
      expect(patient.errors()).toContain('"migration.waiting"');
    });
  });

  test('is refused by a process that is older than it, with an exit code of its own', async () => {
    expect(await start('migrate').ended).toMatchObject({ code: 0 });
    await adminQuery(database, "INSERT INTO migration (name, applied_at) VALUES ('9999-later', 1)");
    for (const command of [['serve'], ['work']]) {
      const { code, errors } = await start(...command).ended;
      expect([command[0], code, errors]).toEqual([command[0], 9, expect.stringMatching(/newer version/)]);
    }
    expect(await ledger()).toContain('9999-later');
  });
});
