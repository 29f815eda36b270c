/** What several transactions on PostgreSQL share, who gets it alone, and in which order. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StoreTx } from '../../src/model/store.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { LinedUp } from '../support/lined-up.ts';
import { openNewPostgresStore } from '../support/postgres-stores.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { addTenant, callOf, candidateOf, erasureOf, holdOf, id, taskOf, tokenOf } from '../support/store-rows.ts';

describeWithPostgres('transactions', (server) => {
  let subject: Awaited<ReturnType<typeof openNewPostgresStore>>;
  let tenant: Tenant;
  let line: LinedUp;
  beforeEach(async () => {
    subject = await openNewPostgresStore(server);
    tenant = await addTenant(subject.store);
    line = new LinedUp(server, subject);
  });
  afterEach(async () => await subject.close());

  const epochOf = (number: number) => ({ id: id(), tenantId: tenant.id, number, slot: number });

  test('of which one waits to place a hold let it in before those that begin to shred later', async () => {
    const lock = (mode: 'shared' | 'alone') => async (tx: StoreTx) => await tx.holds.lock(tenant.id, mode);
    const shredding = await line.stay('shredding', lock('shared'));
    const placing = await line.come('placing', lock('alone'), 1);
    const later = await line.come('shredding later', lock('shared'), 2);
    expect(await line.waiting()).toBe(2);
    await shredding.end();
    await Promise.all([...placing, ...later]);
    expect(line.done).toEqual(['shredding', 'placing', 'shredding later']);
  });

  test('lock the holds of one tenant', async () => {
    const other = await addTenant(subject.store);
    const lock = (of: Tenant) => async (tx: StoreTx) => await tx.holds.lock(of.id, 'alone');
    expect(await line.waits(lock(tenant), lock(tenant))).toBe(true);
    expect(await line.waits(lock(tenant), lock(other))).toBe(false);
  });

  test('that have read the epochs of a tenant keep them from beginning and ending, and nobody from reading them', async () => {
    const [epoch, next] = [epochOf(1), epochOf(2)];
    await subject.store.write(async (tx) => await tx.tokens.insertEpoch(epoch));
    const read = async (tx: StoreTx) => await tx.tokens.epochs(tenant.id);
    expect(await line.waits(read, read)).toBe(false);
    expect(await line.waits(read, async (tx) => await tx.tokens.insertEpoch(next))).toBe(true);
    expect(await line.waits(read, async (tx) => await tx.tokens.deleteEpoch(epoch))).toBe(true);
    expect(await line.waits(read, async () => await subject.store.reads.tokens.epochs(tenant.id))).toBe(false);
  });

  test('that waited for an epoch to begin read it', async () => {
    await subject.store.write(async (tx) => await tx.tokens.insertEpoch(epochOf(1)));
    const begun = await line.stay('begun', async (tx) => await tx.tokens.insertEpoch(epochOf(2)));
    const numbers: number[] = [];
    const read = await line.come(
      'read',
      async (tx) => numbers.push(...(await tx.tokens.epochs(tenant.id)).map(({ number }) => number)),
      1,
    );
    expect(await line.waiting()).toBe(1);
    await begun.end();
    await Promise.all(read);
    expect(numbers).toEqual([1, 2]);
  });

  test('turn the epochs of a tenant one after the other', async () => {
    const other = await addTenant(subject.store);
    const turn = (of: Tenant) => async (tx: StoreTx) => await tx.tokens.takeTurn(of.id);
    expect(await line.waits(turn(tenant), turn(tenant))).toBe(true);
    expect(await line.waits(turn(tenant), turn(other))).toBe(false);
  });

  test('that are about to move tokens keep their owners from losing any', async () => {
    const [call, hold] = [callOf(tenant), holdOf(tenant)];
    const candidate = candidateOf(taskOf(tenant));
    await subject.store.write(async (tx) => {
      await tx.calls.insert(call);
      await tx.candidates.insert([candidate]);
      await tx.holds.insert(hold, []);
      await tx.tokens.insertTokens([call, candidate, hold].map((owner) => tokenOf(owner, { epoch: 3 })));
    });
    const move = async (tx: StoreTx) => await tx.tokens.tokensOfEpoch(tenant.id, 3, 9);
    expect(await line.waits(move, async (tx) => await tx.calls.lock([call.id]))).toBe(true);
    expect(await line.waits(move, async (tx) => await tx.candidates.lock([candidate.id]))).toBe(true);
    expect(await line.waits(move, async (tx) => await tx.holds.release(hold.id, 1))).toBe(true);
  });

  test('that would create the archive do so one after the other, and the second finds it', async () => {
    const top = { archiveId: id(), keyId: id(), generation: 1, sealedAt: 1, isRestoring: false, nextLeaf: 0 };
    const created = await line.stay('created', async (tx) => {
      expect(await tx.keys.lockTop()).toBeUndefined();
      await tx.keys.createTop({ ...top, page: Buffer.alloc(9, 1) });
    });
    let archiveId: string | undefined;
    const second = await line.come(
      'found',
      async (tx) => {
        archiveId = (await tx.keys.lockTop())?.archiveId;
      },
      1,
    );
    expect(await line.waiting()).toBe(1);
    await created.end();
    await Promise.all(second);
    expect(archiveId).toBe(top.archiveId);
  });

  test('that have found an erasure keep it as it is', async () => {
    const erasure = erasureOf(tenant);
    await subject.store.write(async (tx) => await tx.erasures.insert(erasure));
    const find = async (tx: StoreTx) => await tx.erasures.find(erasure.id);
    expect(await line.waits(find, find)).toBe(true);
    expect(await line.waits(find, async () => await subject.store.reads.erasures.find(erasure.id))).toBe(false);
  });

  test('that claim jobs at once wait for nobody, take no more than they asked for, and each job once', async () => {
    const jobs = Array.from({ length: 20 }, (_, runAt) => ({
      id: id(),
      kind: 'erasure' as const,
      payload: id(),
      runAt,
    }));
    await subject.store.write(async (tx) => {
      for (const job of jobs) await tx.jobs.enqueue(job);
    });
    const claim = async (tx: StoreTx, owner: string) =>
      await tx.jobs.claim({ owner, now: 100, leaseUntil: 200, limit: 3 });
    const claimed: string[][] = [];
    const first = await line.stay('first', async (tx) => claimed.push((await claim(tx, 'w')).map((job) => job.id)));
    const others = Array.from({ length: 6 }, async (_, no) => {
      const mine = await subject.store.write(async (tx) => await claim(tx, `w${no}`));
      claimed.push(mine.map((job) => job.id));
    });
    await Promise.all(others);
    await first.end();
    expect(claimed.every((ids) => ids.length <= 3)).toBe(true);
    expect(new Set(claimed.flat()).size).toBe(claimed.flat().length);
    expect(claimed.flat()).toEqual(expect.arrayContaining(jobs.slice(0, 3).map((job) => job.id)));
  });

  test('that drop old tombstones leave to another what it is just dropping', async () => {
    const stones = Array.from({ length: 5 }, (_, goneAt) => {
      return { callId: id(), tenantId: tenant.id, shreddedAt: 0, goneAt };
    });
    await subject.store.write(async (tx) => await tx.tombstones.insert(stones, []));
    const dropped: number[] = [];
    const drop = async (tx: StoreTx) => dropped.push(await tx.tombstones.dropGone(100, 3));
    expect(await line.waits(drop, drop)).toBe(false);
    expect(dropped).toEqual([3, 2]);
  });
});
