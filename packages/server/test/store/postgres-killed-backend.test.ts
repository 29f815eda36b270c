/** A process of the server that ends in the middle of a COMMIT: what became of it is found out, or said to be unknown. */
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { adminQuery } from '../support/postgres.ts';
import { openNewPostgresStore } from '../support/postgres-stores.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { addTenant, id } from '../support/store-rows.ts';
import { until } from '../support/until.ts';

const caseMsMax = 60_000;

describeWithPostgres('a transaction whose COMMIT is under way when its process of the server', () => {
  let server: OwnPostgres;
  let subject: Awaited<ReturnType<typeof openNewPostgresStore>>;

  beforeAll(async () => {
    server = await OwnPostgres.start();
  }, caseMsMax);

  afterAll(async () => await server.remove(), caseMsMax);

  beforeEach(async () => {
    subject = await openNewPostgresStore(server, { busyTimeoutMs: 30_000 });
  });

  afterEach(async () => {
    await letAnswersGo();
    await subject.close();
  });

  async function ask(...statements: string[]): Promise<void> {
    for (const sql of statements) await adminQuery(server, sql);
  }

  /** Has commits that are done, and on disk, wait for a replica that there is not. */
  async function holdAnswersBack(): Promise<void> {
    await ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", 'SELECT pg_reload_conf()');
    // From when on they wait is seen by one that does.
    let isTried = false;
    await until(async () => {
      if (!isTried) {
        isTried = true;
        const over = () => {
          isTried = false;
        };
        adminQuery(server, "COMMENT ON DATABASE postgres IS 'tried'").then(over, over);
      }
      const waiting = await adminQuery(server, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
      return waiting.length > 0;
    });
  }

  async function letAnswersGo(): Promise<void> {
    await ask('ALTER SYSTEM RESET synchronous_standby_names', 'SELECT pg_reload_conf()');
  }

  /** The process that has begun a COMMIT of the store and stands still in it. */
  async function committing(): Promise<number> {
    const sql = `SELECT pid FROM pg_stat_activity
      WHERE datname = $1 AND query = 'COMMIT' AND wait_event IN ('SyncRep', 'advisory')`;
    let pid: unknown;
    await until(async () => {
      const rows = await adminQuery(server, sql, [new URL(subject.url).pathname.slice(1)]);
      pid = rows[0]?.['pid'];
      return pid !== undefined;
    });
    return Number(pid);
  }

  /** Writes a row, and counts how often that was tried. */
  function writing(): { tries: () => number; done: Promise<Tenant> } {
    let tries = 0;
    const done = subject.store.write(async (tx) => {
      tries += 1;
      return await tx.tenants.insert({ id: id(), slug: 'once', region: 'US', createdAt: tries });
    });
    return { tries: () => tries, done };
  }

  const terminate = async (pid: number) => await adminQuery(server, 'SELECT pg_terminate_backend($1)', [pid]);

  test('is terminated after it was done is there once, and was answered as done', async () => {
    await holdAnswersBack();
    const { tries, done } = writing();
    await terminate(await committing());
    const tenant = await done;
    expect(tries()).toBe(1);
    await letAnswersGo();
    expect(await subject.store.reads.tenants.list()).toEqual([tenant]);
    expect(await addTenant(subject.store)).toMatchObject({ region: 'US' });
  });

  test('is terminated before it was done runs again', async () => {
    // What is deferred runs first in a COMMIT.
    const lingering = `CREATE FUNCTION linger() RETURNS TRIGGER LANGUAGE plpgsql
      AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END'`;
    const trigger = `CREATE CONSTRAINT TRIGGER lingers AFTER INSERT ON tenant DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION linger()`;
    for (const sql of [lingering, trigger]) await adminQuery(subject, sql);
    const holding = new Client({ connectionString: subject.url });
    await holding.connect();
    await holding.query('SELECT pg_advisory_lock(1)');
    const { tries, done } = writing();
    await terminate(await committing());
    await holding.end();
    const tenant = await done;
    expect(tries()).toBe(2);
    expect(tenant.createdAt).toBe(2);
    expect(await subject.store.reads.tenants.list()).toEqual([tenant]);
  });

  test('is killed, and the server with it, has an outcome that nobody knows, whatever is found then', {
    timeout: caseMsMax,
  }, async () => {
    await holdAnswersBack();
    const { tries, done } = writing();
    // Of one process that dies so, the server ends all others and recovers from its log.
    process.kill(await committing(), 'SIGKILL');
    await expect(done).rejects.toMatchObject({ code: 'store_failed' });
    expect(tries()).toBe(1);
    await letAnswersGo();
    expect(await subject.store.reads.tenants.list()).toMatchObject([{ slug: 'once' }]);
    expect(await addTenant(subject.store)).toMatchObject({ region: 'US' });
  });
});
