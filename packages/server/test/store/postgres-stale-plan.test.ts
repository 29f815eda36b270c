/** Statements that connections have prepared, and a table that a newer version has migrated beside them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noFaults } from '../../src/lib/faults.ts';
import { PostgresDb } from '../../src/store/postgres-db.ts';
import { adminQuery, newDatabase, type TestDatabase } from '../support/postgres.ts';
import { describeWithPostgres } from '../support/servers.ts';

const connections = 3;
const look = 'SELECT * FROM thing';

describeWithPostgres('a statement that was prepared before its table got a column', (server) => {
  let database: TestDatabase;
  let db: PostgresDb;

  beforeEach(async () => {
    database = await newDatabase(server);
    await adminQuery(database, 'CREATE TABLE thing (name TEXT)');
    db = new PostgresDb({ url: database.url, connections, busyTimeoutMs: 5_000, faults: noFaults });
  });

  afterEach(async () => {
    await db.close();
    await database.remove();
  });

  /** Has every connection for writers, and every one for readers, prepare the statement. */
  async function prepareAll(): Promise<void> {
    const all = Array.from({ length: connections });
    let [arrived, goOn]: [number, () => void] = [0, () => undefined];
    const together = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const writing = all.map(async () => {
      await db.write(async (session) => {
        await session.rows(look, []);
        arrived += 1;
        if (arrived === connections) goOn();
        await together;
      });
    });
    await Promise.all(writing);
    await Promise.all(all.map(async () => await db.reads.rows(look, [])));
  }

  test('costs each connection that has it one attempt of a transaction, which is done once', async () => {
    await prepareAll();
    await adminQuery(database, 'ALTER TABLE thing ADD COLUMN later TEXT');
    let attempts = 0;
    const rows = await db.write(async (session) => {
      attempts += 1;
      await session.change('INSERT INTO thing (name) VALUES (?)', ['once']);
      return await session.rows(look, []);
    });
    expect(attempts).toBe(connections + 1);
    expect(rows).toEqual([{ name: 'once', later: null }]);
  });

  test('is no matter to whoever reads', async () => {
    await adminQuery(database, "INSERT INTO thing VALUES ('there')");
    await prepareAll();
    await adminQuery(database, 'ALTER TABLE thing ADD COLUMN later TEXT');
    for (let read = 0; read <= connections; read += 1) {
      expect(await db.reads.rows(look, [])).toEqual([{ name: 'there', later: null }]);
    }
  });
});
