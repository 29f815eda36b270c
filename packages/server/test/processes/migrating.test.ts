import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrations } from '../../src/store/migrations/index.ts';
import { adminQuery, newDatabase, postgresServer, type TestDatabase } from '../support/postgres.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';

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
