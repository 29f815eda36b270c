import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LogFields, silentLog } from '../../src/lib/log.ts';
import { AppError } from '../../src/model/errors.ts';
import type { HomeUse } from '../../src/store/home-lock.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import { PostgresWatch } from '../../src/store/postgres-watch.ts';
import { archiveLock } from '../../src/store/watch-connection.ts';
import type { WatchedServer } from '../../src/store/watched-server.ts';
import { adminQuery, newDatabase, postgresServer, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const server = postgresServer();

/** Ends every watching connection of a database, as an administrator would. */
const endWatches = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'tacet watch'`;

const waitingForLocks = `SELECT pid FROM pg_locks JOIN pg_database AS db ON db.oid = pg_locks.database
  WHERE db.datname = current_database() AND locktype = 'advisory' AND NOT granted`;

describe.skipIf(server === undefined)('a PostgreSQL archive', () => {
  let database: TestDatabase;
  const watches = new Set<PostgresWatch>();
  const logged: string[] = [];

  beforeEach(async () => {
    if (server) database = await newDatabase(server);
  });

  afterEach(async () => {
    await Promise.all([...watches].map(async (watch) => await watch.release()));
    watches.clear();
    logged.length = 0;
    await database.remove();
  });

  async function hold(use: HomeUse): Promise<PostgresWatch> {
    const say = (event: string, _fields?: LogFields) => void logged.push(event);
    const watch = await PostgresWatch.hold({ url: database.url, use, log: { info: say, warn: say, error: say } });
    watches.add(watch);
    return watch;
  }

  /** Attends to it with these duties, or those that do nothing. */
  function attend(watch: PostgresWatch, duties: Partial<Parameters<PostgresWatch['attend']>[0]> = {}): void {
    watch.attend({ prove: async () => undefined, lost: () => undefined, hinted: () => undefined, ...duties });
  }

  const isLost = (watch: PostgresWatch): boolean => {
    try {
      watch.refuseLost();
      return false;
    } catch (error) {
      if (error instanceof AppError) return true;
      throw error;
    }
  };

  const loseWatches = async () => void (await adminQuery(database, endWatches));

  test('is shared by any number, and nobody has it alone meanwhile', async () => {
    const [first, second] = [await hold('shared'), await hold('shared')];
    const refusal = { code: 'store_busy', message: 'A server or command is using this home; stop it first' };
    await expect(hold('alone')).rejects.toMatchObject(refusal);
    await first.release();
    await expect(hold('alone')).rejects.toMatchObject(refusal);
    await second.release();
    await hold('alone');
  });

  test('that somebody has alone is refused to everybody else, until it is given back', async () => {
    const alone = await hold('alone');
    const refusal = { code: 'store_busy', message: 'A restore is under way; try again when it has ended' };
    await expect(hold('shared')).rejects.toMatchObject(refusal);
    await expect(hold('alone')).rejects.toMatchObject(refusal);
    await alone.release();
    await hold('shared');
  });

  test('is another for another database of the same server', async () => {
    await hold('alone');
    const other = await newDatabase(database);
    const elsewhere = await PostgresWatch.hold({ url: other.url, use: 'alone', log: silentLog });
    await elsewhere.release();
    await other.remove();
  });

  test('whose connection is lost is refused until it is held again and has proved to be the same', async () => {
    const watch = await hold('shared');
    let goOn: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const seen: string[] = [];
    attend(watch, {
      lost: () => void seen.push('lost'),
      async prove(found: WatchedServer) {
        found.refuseLost();
        seen.push('proving');
        await told;
      },
    });
    const store = openPostgresStore({ url: database.url, watch, busyTimeoutMs: 500 });
    await store.migrate();
    await loseWatches();
    await until(async () => seen.includes('proving'));
    expect(isLost(watch)).toBe(true);
    await expect(store.write(async () => undefined)).rejects.toMatchObject({ code: 'store_busy' });
    await expect(store.reads.tenants.list()).rejects.toMatchObject({ code: 'store_busy' });
    await expect(store.snapshot(async (reads) => await reads.tenants.list())).rejects.toMatchObject({
      code: 'store_busy',
    });
    goOn();
    await until(async () => !isLost(watch));
    expect(await store.write(async (tx) => await tx.tenants.list())).toEqual([]);
    expect(seen).toEqual(['lost', 'proving']);
    expect(logged).toEqual(['database.lost', 'database.found']);
    await store.close();
  });

  test('that is not the same when it is found again is refused for good, with the reason', async () => {
    const watch = await hold('shared');
    const reason = new AppError('archive_restored', { detail: 'an older one' });
    attend(watch, {
      prove: async () => {
        throw reason;
      },
    });
    await loseWatches();
    await expect(watch.refused).rejects.toBe(reason);
    expect(() => watch.refuseLost()).toThrow(reason);
    expect(logged).toEqual(['database.lost', 'database.not_proved', 'database.refused']);
  });

  test('that nobody could prove yet is looked at again', async () => {
    const watch = await hold('shared');
    let proofs = 0;
    attend(watch, {
      prove: async () => {
        proofs += 1;
        if (proofs < 3) throw new AppError('vault_unreachable');
      },
    });
    await loseWatches();
    await until(async () => proofs === 3 && !isLost(watch));
  });

  test('that somebody else has alone when it is looked for is refused for good', async () => {
    const watch = await hold('shared');
    attend(watch);
    // Whoever waits for it in the server has it before the one who lost it can ask again.
    const waiting = new Client({ connectionString: database.url });
    await waiting.connect();
    const taken = waiting.query(`SELECT pg_advisory_lock(${archiveLock})`);
    await until(async () => (await adminQuery(database, waitingForLocks)).length > 0);
    await loseWatches();
    await expect(watch.refused).rejects.toMatchObject({ code: 'store_busy', message: /restore is under way/ });
    await taken;
    await waiting.end();
  });

  test('that was held alone and lost is never taken again', async () => {
    const watch = await hold('alone');
    attend(watch);
    await loseWatches();
    await expect(watch.refused).rejects.toMatchObject({ code: 'store_failed' });
    await hold('alone');
  });

  test('lets no transaction begin while somebody has it alone, even of a process that has not noticed', async () => {
    const blind: WatchedServer = {
      isShared: true,
      thereSince: 0,
      refuseLost: () => undefined,
      refuseOther: async () => undefined,
      onFound: () => undefined,
      onLost: () => () => undefined,
    };
    const store = openPostgresStore({ url: database.url, watch: blind, busyTimeoutMs: 500 });
    await store.migrate();
    const alone = await hold('alone');
    await expect(store.write(async () => undefined)).rejects.toMatchObject({ code: 'store_busy' });
    await alone.release();
    await store.write(async () => undefined);
    await store.close();
  });

  test('is not used through connections that lead to another server or database', async () => {
    const watch = await hold('shared');
    const elsewhere = await newDatabase(database);
    const store = openPostgresStore({ url: elsewhere.url, watch, busyTimeoutMs: 500 });
    await expect(store.migrate()).rejects.toMatchObject({ code: 'store_busy' });
    await store.close();
    await elsewhere.remove();
  });

  test('has one clock for all', async () => {
    const [one, other] = [await hold('shared'), await hold('shared')];
    const [row] = await adminQuery(database, 'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now');
    expect(Math.abs(one.clock.now() - Number(row?.['now']))).toBeLessThan(500);
    expect(Math.abs(one.clock.now() - other.clock.now())).toBeLessThan(100);
  });

  test('carries hints to the other processes, and to none that gave them', async () => {
    const watching = [await hold('shared'), await hold('shared'), await hold('shared')];
    const hints = watching.map(() => 0);
    for (const [i, watch] of watching.entries()) {
      attend(watch, {
        hinted() {
          hints[i] = (hints[i] ?? 0) + 1;
        },
      });
    }
    for (let told = 0; told < 100; told += 1) watching[0]?.tell();
    await until(async () => (hints[1] ?? 0) > 0 && (hints[2] ?? 0) > 0);
    expect(hints[0]).toBe(0);
    // However many there were, those that came while one was on its way are one.
    expect(hints[1]).toBeLessThanOrEqual(2);
  });
});

test('a server that is not there is told of, without its address', { timeout: 30_000 }, async () => {
  const url = 'postgres://tacet:secret@127.0.0.1:1/nowhere';
  const holding = PostgresWatch.hold({ url, use: 'shared', log: silentLog });
  await expect(holding).rejects.toMatchObject({
    code: 'store_failed',
    message: 'The database cannot be reached',
    detail: 'ECONNREFUSED',
  });
});
