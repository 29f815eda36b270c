/** Poolers that lend a connection of the server for one statement or transaction, as PgBouncer does unless it pools by session. */
import { Client, type ClientBase } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PostgresConnection, readyConnection } from '../../src/store/postgres-connection.ts';
import { archiveLock } from '../../src/store/watch-connection.ts';
import { describeWithPostgres } from '../support/servers.ts';

const refusal = { code: 'config_invalid', message: expect.stringContaining('it must pool by session') };

describeWithPostgres('a pooler that does not pool by session', (server) => {
  let connections: Client[];

  beforeEach(async () => {
    connections = [new Client({ connectionString: server.url }), new Client({ connectionString: server.url })];
    for (const one of connections) await one.connect();
  });

  afterEach(async () => {
    for (const one of connections) await one.end();
  });

  /** A connection to the pooler, which has each thing that is asked done by another connection to the server. */
  function pooled(): ClientBase {
    let asked = 0;
    const query = async (text: string) => {
      asked += 1;
      return await connections[asked % connections.length]?.query(text);
    };
    // Of a connection nothing else is used by those who are tested here.
    return { query } as unknown as ClientBase;
  }

  test('is refused where a new connection leads to one that holds the archive', async () => {
    const [first] = connections;
    if (first === undefined) throw new Error('no connection');
    await readyConnection(first);
    await first.query(`SELECT pg_advisory_lock_shared(${archiveLock})`);
    await expect(readyConnection(first)).rejects.toMatchObject(refusal);
  });

  test('is refused where a connection leads elsewhere than it did', async () => {
    const client = pooled();
    await readyConnection(client);
    await expect(new PostgresConnection(client).begin(undefined)).rejects.toMatchObject(refusal);
  });

  test('is not suspected where each connection is to itself', async () => {
    for (const one of connections) {
      await readyConnection(one);
      const connection = new PostgresConnection(one);
      await connection.begin(archiveLock);
      await connection.rollback();
      await readyConnection(one);
    }
  });
});
