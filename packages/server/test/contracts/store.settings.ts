import { expect } from 'vitest';
import { Bug } from '../../src/model/errors.ts';
import type { Retention } from '../../src/model/tenant.ts';
import { addTenant, clientOf, id, userOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** What a tenant's administrators set: retention, the guard, who may come in; and jobs that are wanted sooner. */
export const settingCases = {
  'retention is told by kind and moment, and one of the same moment is replaced': async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const retentionOf = (change: Partial<Retention>): Retention => {
      return {
        tenantId: tenant.id,
        kind: 'call',
        effectiveAt: 1,
        days: 30,
        setAt: 1,
        reachesExisting: true,
        ...change,
      };
    };
    const later = retentionOf({ effectiveAt: 2 ** 45, days: null });
    const ofChats = retentionOf({ kind: 'chat', days: 7, reachesExisting: false });
    const theirs = retentionOf({ tenantId: other.id });
    await store.write(async (tx) => {
      for (const one of [later, ofChats, retentionOf({}), theirs]) await tx.retention.set(one);
    });
    const { retention } = store.reads;
    expect(await retention.ofTenant(tenant.id)).toEqual([retentionOf({}), later, ofChats]);
    const changed = retentionOf({ days: 365, setAt: 9, reachesExisting: false });
    await store.write((tx) => tx.retention.set(changed));
    expect(await retention.ofTenant(tenant.id)).toEqual([changed, later, ofChats]);
    await store.write(async (tx) => {
      await tx.retention.delete(tenant.id, 'call', later.effectiveAt);
      await tx.retention.delete(tenant.id, 'case', 1);
      await tx.retention.delete(tenant.id, 'chat', 2);
    });
    expect(await retention.ofTenant(tenant.id)).toEqual([changed, ofChats]);
    expect(await retention.ofTenant(other.id)).toEqual([theirs]);
  },
  "a tenant's guard has no bounds of its own until it is given some, each by itself": async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const guard = async () => await store.reads.tenants.guard(tenant.id);
    const set = async (bounds: { calls?: number | null; percent?: number | null }) =>
      await store.write((tx) => tx.tenants.setGuard(tenant.id, bounds));
    expect(await guard()).toEqual({ calls: null, percent: null });
    await set({ calls: 0 });
    await set({ percent: 12 });
    expect(await guard()).toEqual({ calls: 0, percent: 12 });
    await set({});
    await set({ calls: null });
    expect(await guard()).toEqual({ calls: null, percent: 12 });
    expect(await store.reads.tenants.guard(other.id)).toEqual({ calls: null, percent: null });
    expect(await store.reads.tenants.guard(id())).toEqual({ calls: null, percent: null });
    await expect(store.write((tx) => tx.tenants.setGuard(id(), { calls: 1 }))).rejects.toThrow(Bug);
  },
  'all of a client may be changed but whose it is, and what is not named stays': async ({ store }) => {
    const tenant = await addTenant(store);
    const [client, other] = [
      clientOf(tenant),
      clientOf(tenant, { oldSecretHash: 'old', oldExpiresAt: 5, lastUsedAt: 3 }),
    ];
    await store.write(async (tx) => {
      await tx.clients.insert(client);
      await tx.clients.insert(other);
    });
    const change = {
      ...{ secretHash: 'new', scopes: ['admin' as const], version: 2, expiresAt: 7, disabledAt: 8 },
      ...{ oldSecretHash: client.secretHash, oldExpiresAt: 2 ** 45, lastUsedAt: 9 },
    };
    await store.write((tx) => tx.clients.update(client.id, change));
    expect(await store.reads.clients.find(client.id)).toEqual({ ...client, ...change });
    await store.write((tx) => tx.clients.update(client.id, { oldSecretHash: null, oldExpiresAt: null }));
    const changed = { ...client, ...change, oldSecretHash: null, oldExpiresAt: null };
    expect(await store.reads.clients.find(client.id)).toEqual(changed);
    expect(await store.reads.clients.find(other.id)).toEqual(other);
  },
  "a user's scopes, and when the user was last seen, may be changed": async ({ store }) => {
    const tenant = await addTenant(store);
    const user = await store.write((tx) => tx.users.insert(userOf(tenant, { lastUsedAt: 3 })));
    expect(await store.reads.users.find({ id: user.id })).toEqual(user);
    const change = { scopes: ['holds:write' as const], lastUsedAt: 2 ** 45 };
    await store.write((tx) => tx.users.update(user.id, change));
    expect(await store.reads.users.find({ id: user.id })).toEqual({ ...user, ...change });
  },
  'hastened are unfinished jobs of the payloads that are not due yet and that nobody runs, and no others': async ({
    store,
  }) => {
    const payloads = { late: id(), due: id(), finished: id(), other: id(), leased: id() };
    const lease = { owner: 'w', until: 50 };
    const enqueue = { kind: 'erasure', runAt: 100 } as const;
    await store.write(async (tx) => {
      await tx.jobs.enqueue({ ...enqueue, id: id(), payload: payloads.finished });
      const [job] = await tx.jobs.claim({ owner: 'w', now: 100, leaseUntil: 101, limit: 9 });
      if (job) await tx.jobs.finish(job, 100);
      await tx.jobs.enqueue({ ...enqueue, id: id(), payload: payloads.late });
      await tx.jobs.enqueue({ ...enqueue, id: id(), payload: payloads.due, runAt: 5 });
      await tx.jobs.enqueue({ ...enqueue, id: id(), payload: payloads.other });
      await tx.jobs.enqueue({ ...enqueue, id: id(), payload: payloads.leased, lease });
      await tx.jobs.hasten(
        'erasure',
        Object.values(payloads)
          .filter((one) => one !== payloads.other)
          .concat(id()),
        10,
      );
      await tx.jobs.hasten('erasure', [], 10);
    });
    const jobs = await store.reads.jobs.list({ unfinishedOnly: false, limit: 9 });
    expect(new Map(jobs.map((job) => [job.payload, job.runAt]))).toEqual(
      new Map([
        [payloads.late, 10],
        [payloads.due, 5],
        [payloads.finished, 100],
        [payloads.other, 100],
        [payloads.leased, 100],
      ]),
    );
  },
} satisfies StoreCases;
