/** What a process looks at of a database that it finds in the place of the one it has lost, before it uses it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrations } from '../../src/store/migrations/index.ts';
import { openPostgresStore, reopenPostgresStore } from '../../src/store/open-postgres.ts';
import { adminQuery, newDatabase, type TestDatabase } from '../support/postgres.ts';
import { describeWithPostgres } from '../support/servers.ts';

const archiveId = '01900000-0000-7000-8000-000000000001';

describeWithPostgres('a database that is found again', (server) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await newDatabase(server);
    const store = openPostgresStore({ url: database.url });
    await store.migrate();
    await store.close();
    await adminQuery(database, "INSERT INTO archive VALUES (1, $1, 'key', 1, 1, 0, 0, '\\x00')", [archiveId]);
  });

  afterEach(async () => await database.remove());

  const open = async () => await reopenPostgresStore({ url: database.url, archiveId });
  const ledger = async () => (await adminQuery(database, 'SELECT name FROM migration ORDER BY name')).map(nameOf);
  const tables = async () =>
    (await adminQuery(database, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")).map(nameOf);

  test('is used when it is of the same archive and the schema is the one of before', async () => {
    const store = await open();
    expect(await store.reads.tenants.list()).toEqual([]);
    await store.close();
  });

  test('is refused as a copy when its schema is older, which nobody brings up to date', async () => {
    const last = migrations.at(-1)?.name;
    await adminQuery(database, 'DELETE FROM migration WHERE name = $1', [last]);
    await expect(open()).rejects.toMatchObject({ code: 'archive_restored', detail: expect.stringContaining('older') });
    expect(await ledger()).toEqual(migrations.map(nameOf).filter((name) => name !== last));
  });

  test('is refused when its schema is newer', async () => {
    await adminQuery(database, "INSERT INTO migration (name, applied_at) VALUES ('9999-later', 1)");
    await expect(open()).rejects.toMatchObject({ code: 'store_newer' });
  });

  test('is refused when it has no archive, and when it has nothing at all, and stays so', async () => {
    await adminQuery(database, 'DELETE FROM archive');
    await expect(open()).rejects.toMatchObject({ code: 'archive_restored' });
    await adminQuery(database, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    await expect(open()).rejects.toMatchObject({ code: 'archive_restored' });
    expect(await tables()).toEqual([]);
  });

  test('is refused when it is of another archive, however old, and stays as it is', async () => {
    await adminQuery(database, "UPDATE archive SET archive_id = 'another'");
    await adminQuery(database, 'DROP TABLE move');
    await adminQuery(database, "DELETE FROM migration WHERE name >= '0005'");
    await expect(open()).rejects.toMatchObject({ code: 'archive_mismatch' });
    expect(await ledger()).toEqual(migrations.map(nameOf).filter((name) => name < '0005'));
    expect(await tables()).not.toContain('move');
  });

  test('is refused when the archive has moved away from it', async () => {
    await adminQuery(database, "INSERT INTO move VALUES (1, 'move', $1, 'moved', 'elsewhere', 1)", [archiveId]);
    await expect(open()).rejects.toMatchObject({ code: 'archive_moved' });
  });
});

function nameOf(row: { name?: unknown }): string {
  return String(row.name);
}
