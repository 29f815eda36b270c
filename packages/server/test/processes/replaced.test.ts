/** The database that running processes have lost, and what they find in its place. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrations } from '../../src/store/migrations/index.ts';
import { adminQuery, newDatabase, postgresServer, type TestDatabase } from '../support/postgres.ts';
import type { TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { expectEnds, ProcessesScene } from './scene.ts';

const server = postgresServer();
const caseMsMax = 90_000;

const nameOf = ({ url }: TestDatabase): string => new URL(url).pathname.slice(1);

describe.skipIf(server === undefined)('processes whose database is taken from them', { timeout: caseMsMax }, () => {
  let scene: ProcessesScene;
  let older: TestDatabase;
  let processes: TacetProcess[];

  beforeEach(async () => {
    if (server === undefined) return;
    scene = await ProcessesScene.open(server);
    older = await newDatabase(server, { template: nameOf(scene.database) });
    processes = [await scene.start(['serve'], { TACET_WORKERS: '0' }), await scene.start(['work'])];
    // Something is sealed that the older one has not seen.
    const client = await scene.client(serving());
    await client.archive('purged', '+15125550001', Buffer.alloc(10_000, 7));
    await client.purge('/customer', { phoneNumber: '+15125550001' });
    await until(async () => (await client.status('purged')) === 'NotFound');
  }, caseMsMax);

  afterEach(async () => {
    await scene.remove();
    await older.remove();
  }, caseMsMax);

  function serving(): TacetProcess {
    const [one] = processes;
    if (one === undefined) throw new Error('nobody serves');
    return one;
  }

  async function ask(...statements: string[]): Promise<void> {
    if (server) for (const sql of statements) await adminQuery(server, sql);
  }

  /** Cuts everybody off, and lets nobody in. */
  async function shut(): Promise<void> {
    const name = nameOf(scene.database);
    await ask(
      `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
    await until(async () => {
      const [row] = server
        ? await adminQuery(server, 'SELECT count(*) AS count FROM pg_stat_activity WHERE datname = $1', [name])
        : [];
      return Number(row?.['count']) === 0;
    });
  }

  /** Puts another database in its place, under its name. */
  async function replaceBy(other: TestDatabase): Promise<void> {
    const [name, old] = [nameOf(scene.database), `${nameOf(scene.database)}_old`];
    await shut();
    await ask(`ALTER DATABASE ${name} RENAME TO ${old}`, `ALTER DATABASE ${nameOf(other)} RENAME TO ${name}`);
    await ask(`DROP DATABASE ${old}`);
  }

  const readiness = async (): Promise<number> => (await fetch(`${await serving().listening}/readyz`)).status;

  test('are not ready and serve no reads without it, and go on by themselves when it is there again', async () => {
    const client = await scene.client(serving());
    const { callId = '' } = await client.archive('kept', '+15125550002', Buffer.alloc(10_000, 8));
    const slow = client.slowUpload('slow', '+15125550003');
    slow.upload.write(Buffer.alloc(10_000, 9));
    await until(async () => (await client.status('slow')) === 'InProgress');
    await shut();
    await until(async () => (await readiness()) === 503);
    // It is waited for, for longer than the lease of an upload lasts here.
    expect((await client.recording(callId)).status).toBe(503);
    await ask(`ALTER DATABASE ${nameOf(scene.database)} ALLOW_CONNECTIONS true`);
    await until(async () => (await readiness()) === 200);
    expect(await client.status('kept')).toBe('Complete');
    slow.end();
    expect(await slow.answer).toBe(200);
    for (const one of processes) {
      expect(one.errors()).toMatch(/"event":"database.lost"/);
      await expectEnds(one);
    }
    await scene.expectAtRest();
  });

  test('are told to end while it is away, and do so in order', async () => {
    await shut();
    await until(async () => (await readiness()) === 503);
    for (const one of processes) await expectEnds(one);
    await ask(`ALTER DATABASE ${nameOf(scene.database)} ALLOW_CONNECTIONS true`);
    await scene.expectAtRest();
  });

  test('end with the exit code of a restored database when an older copy is in its place', async () => {
    await replaceBy(older);
    for (const one of processes) expect(await one.ended, one.errors()).toMatchObject({ code: 7, signal: null });
    expect(await scene.spawn(['serve']).ended).toMatchObject({ code: 7 });
  });

  test('end with that code too when there is nothing in its place, and leave it so', async () => {
    if (server) await replaceBy(await newDatabase(server));
    for (const one of processes) expect(await one.ended, one.errors()).toMatchObject({ code: 7, signal: null });
    const tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    expect(await adminQuery(scene.database, tables)).toEqual([]);
  });

  test('end with the exit code of a mismatch when there is another archive in its place, whose older schema stays', async () => {
    if (server === undefined) return;
    const others = await ProcessesScene.open(server);
    const last = migrations.at(-1)?.name;
    await adminQuery(others.database, 'DELETE FROM migration WHERE name = $1', [last]);
    await replaceBy(others.database);
    for (const one of processes) expect(await one.ended, one.errors()).toMatchObject({ code: 8, signal: null });
    // Nor does one touch it that starts there.
    expect(await scene.spawn(['serve']).ended).toMatchObject({ code: 8 });
    const ledger = await adminQuery(scene.database, 'SELECT name FROM migration ORDER BY name');
    expect(ledger.map(({ name }) => name)).toEqual(migrations.slice(0, -1).map(({ name }) => name));
    await others.remove();
  });

  test('end with the exit code of a newer one when its schema is newer by then', async () => {
    await adminQuery(scene.database, "INSERT INTO migration (name, applied_at) VALUES ('9999-later', 1)");
    await ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${nameOf(scene.database)}'`);
    for (const one of processes) expect(await one.ended, one.errors()).toMatchObject({ code: 9, signal: null });
  });
});
