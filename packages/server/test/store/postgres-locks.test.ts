/** What transactions on PostgreSQL wait for, and what they do not. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LockKey } from '../../src/model/locks.ts';
import type { StoreTx } from '../../src/model/store.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { archiveLock } from '../../src/store/watch-connection.ts';
import { adminQuery } from '../support/postgres.ts';
import { openNewPostgresStore } from '../support/postgres-stores.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { addTenant, candidateOf, taskOf, uploadOf } from '../support/store-rows.ts';
import { until } from '../support/until.ts';

describeWithPostgres('a transaction', (server) => {
  let subject: Awaited<ReturnType<typeof openNewPostgresStore>>;
  let tenant: Tenant;
  beforeEach(async () => {
    subject = await openNewPostgresStore(server);
    tenant = await addTenant(subject.store);
  });
  afterEach(async () => await subject.close());

  const keyOf = (digest: string, change: Partial<LockKey> = {}): LockKey => {
    return { tenantId: tenant.id, what: 'session', digest, ...change };
  };

  /** True when `second` waits for a transaction that has done `first` and has not ended. */
  async function waits(first: (tx: StoreTx) => Promise<unknown>, second: (tx: StoreTx) => Promise<unknown>) {
    let end: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      end = resolve;
    });
    let begun: Promise<void> | undefined;
    await new Promise<void>((resolve) => {
      begun = subject.store.write(async (tx) => {
        await first(tx);
        resolve();
        await told;
      });
    });
    let isOver = false;
    const met = subject.store.write(second).then(() => {
      isOver = true;
    });
    let isWaiting = false;
    await until(async () => {
      isWaiting = (await locksOf('NOT granted')) > 0;
      return isOver || isWaiting;
    });
    end();
    await Promise.all([begun, met]);
    return isWaiting;
  }

  async function locksOf(condition: string): Promise<number> {
    const name = new URL(subject.url).pathname.slice(1);
    const sql = `SELECT pid FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE datname = $1 AND ${condition}`;
    return (await adminQuery(server, sql, [name])).length;
  }

  test('waits for a lock that another has, unless both share it', async () => {
    const take = (mode: 'shared' | 'alone') => async (tx: StoreTx) => await tx.locks.take([keyOf('a')], mode);
    expect(await waits(take('alone'), take('alone'))).toBe(true);
    expect(await waits(take('alone'), take('shared'))).toBe(true);
    expect(await waits(take('shared'), take('alone'))).toBe(true);
    expect(await waits(take('shared'), take('shared'))).toBe(false);
  });

  test('does not wait for what another tenant has, or for another thing', async () => {
    const other = await addTenant(subject.store);
    const keys = [keyOf('b'), keyOf('a', { what: 'master' }), keyOf('a', { tenantId: other.id })];
    for (const key of keys) {
      const isWaiting = await waits(
        async (tx) => await tx.locks.take([keyOf('a')], 'alone'),
        async (tx) => await tx.locks.take([key], 'alone'),
      );
      expect(isWaiting).toBe(false);
    }
  });

  test('has a lock of its own for everything that it names, and none of them is the lock of the archive', async () => {
    const other = await addTenant(subject.store);
    const whats = ['session', 'external', 'master', 'case', 'collection', 'archive-key', 'day-task'] as const;
    // The same thing each time: of any others two share one of a tenant's 1,024 locks now and then.
    const keys = [tenant, other].flatMap(({ id }) => whats.map((what) => keyOf('a', { what, tenantId: id })));
    const archive = `SELECT pg_try_advisory_xact_lock(${archiveLock}) AS free`;
    await subject.store.write(async (tx) => {
      await tx.locks.take(keys, 'alone');
      for (const { id } of [tenant, other]) {
        await tx.holds.lock(id, 'alone');
        await tx.tokens.takeTurn(id);
        await tx.tokens.epochs(id);
      }
      expect(await tx.keys.lockTop()).toBeUndefined();
      expect(await locksOf("locktype = 'advisory'")).toBe(keys.length + 2 * 3 + 1);
      expect(await adminQuery(subject, archive)).toEqual([{ free: true }]);
    });
  });

  test('that names thousands of things takes no more locks than the server has room for', async () => {
    const keys = Array.from({ length: 20_000 }, (_, no) => keyOf(`${no}`));
    const count = await subject.store.write(async (tx) => {
      await tx.locks.take(keys, 'alone');
      return await locksOf("locktype = 'advisory'");
    });
    expect(count).toBeGreaterThan(1000);
    expect(count).toBeLessThanOrEqual(1024);
  });

  test('waits for rows that another has found, and peeks at them without waiting', async () => {
    const call = uploadOf(tenant, 1);
    const candidate = candidateOf(taskOf(tenant));
    await subject.store.write(async (tx) => {
      await tx.calls.insert(call);
      await tx.candidates.insert([candidate]);
    });
    const find = async (tx: StoreTx) => await tx.calls.find(tenant.id, call.id);
    const findCandidate = async (tx: StoreTx) => await tx.candidates.find(tenant.id, candidate.id);
    expect(await waits(find, find)).toBe(true);
    expect(await waits(find, async (tx) => await tx.calls.lock([call.id]))).toBe(true);
    expect(await waits(find, async (tx) => await tx.calls.peek(tenant.id, [call.id]))).toBe(false);
    expect(await waits(find, async () => await subject.store.reads.calls.find(tenant.id, call.id))).toBe(false);
    expect(await waits(findCandidate, findCandidate)).toBe(true);
    expect(await waits(findCandidate, async (tx) => await tx.candidates.peek(tenant.id, [candidate.id]))).toBe(false);
  });
});
