import { expect } from 'vitest';
import type { Actor } from '../../src/model/erasure.ts';
import { Bug } from '../../src/model/errors.ts';
import { addTenant, callOf, erasureOf, holdOf, id } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

const counts = { items: 2, artifacts: 5, bytes: 2 ** 40, held: 1 };

/** Plans that wait to be executed, and lists of erasures. */
export const planCases = {
  'a plan keeps what was counted, until when it may be executed and what it waits for': async ({ store }) => {
    const tenant = await addTenant(store);
    const plan = erasureOf(tenant, { expiresAt: 2 ** 45, hasCandidates: true, counts, needsApproval: true });
    await store.write((tx) => tx.erasures.insert(plan));
    expect(await store.reads.erasures.find(plan.id)).toEqual(plan);
  },
  'a planned item says what there was to be erased and whether it is a candidate': async ({ store }) => {
    const erasure = erasureOf(await addTenant(store));
    const plain = id();
    const items = [
      { id: id(), isCandidate: true, plannedKinds: ['details', 'correlation'], wasHeld: false },
      { id: id(), isCandidate: false, plannedKinds: [], wasHeld: true },
      {
        ...{ id: id(), isCandidate: false, wasHeld: false },
        plannedKinds: ['recording', 'transcript', 'details', 'correlation'],
      },
    ] as const;
    await store.write(async (tx) => {
      await tx.erasures.insert(erasure);
      await tx.erasures.addItems(erasure.id, 0, [plain]);
      await tx.erasures.addPlannedItems(erasure.id, 1, items);
      await tx.erasures.addPlannedItems(erasure.id, 4, []);
    });
    expect(await store.reads.erasures.items(erasure.id, { fromSeq: 0, limit: 9 })).toMatchObject([
      {
        seq: 0,
        callId: plain,
        state: 'planned',
        plannedKinds: null,
        erasedKinds: null,
        isCandidate: false,
        wasHeld: false,
      },
      ...items.map((item, i) => ({
        seq: i + 1,
        callId: item.id,
        state: 'planned',
        plannedKinds: item.plannedKinds,
        erasedKinds: null,
        isCandidate: item.isCandidate,
        wasHeld: item.wasHeld,
      })),
    ]);
  },
  'a plan takes as many items as a client may ask for, in their order': async ({ store }) => {
    const erasure = erasureOf(await addTenant(store));
    const ids = Array.from({ length: 10_000 }, id);
    const item = { isCandidate: false, wasHeld: false, plannedKinds: ['details' as const] };
    const items = ids.map((callId) => ({ ...item, id: callId }));
    await store.write(async (tx) => {
      await tx.erasures.insert(erasure);
      await tx.erasures.addPlannedItems(erasure.id, 0, items);
    });
    const found = await store.reads.erasures.items(erasure.id, { fromSeq: 0, limit: 20_000 });
    expect(found.map((item) => item.callId)).toEqual(ids);
  },
  'a plan is called off once, and nothing else is': async ({ store }) => {
    const tenant = await addTenant(store);
    const [plan, running] = [erasureOf(tenant), erasureOf(tenant, { state: 'running' })];
    await store.write(async (tx) => {
      await tx.erasures.insert(plan);
      await tx.erasures.insert(running);
    });
    const cancel = async (erasureId: string) => await store.write((tx) => tx.erasures.cancel(erasureId, 'expired'));
    expect(await cancel(plan.id)).toBe(true);
    expect(await store.write((tx) => tx.erasures.cancel(plan.id, 'cancelled'))).toBe(false);
    expect(await cancel(running.id)).toBe(false);
    expect(await cancel(id())).toBe(false);
    const { reads } = store;
    expect(await reads.erasures.find(plan.id)).toEqual({ ...plan, state: 'cancelled', cancelReason: 'expired' });
    expect(await reads.erasures.find(running.id)).toEqual(running);
  },
  'who approved a plan, and how the world had changed, is noted': async ({ store }) => {
    const tenant = await addTenant(store);
    const [plan, other] = [erasureOf(tenant, { needsApproval: true }), erasureOf(tenant)];
    const actor: Actor = { kind: 'user', id: id() };
    const drift = { added: 1, gone: 2, held: 3, changed: 4 };
    await store.write(async (tx) => {
      await tx.erasures.insert(plan);
      await tx.erasures.insert(other);
      await tx.erasures.approve(plan.id, { at: 9, actor });
      await tx.erasures.noteDrift(plan.id, drift);
    });
    expect(await store.reads.erasures.find(plan.id)).toEqual({ ...plan, approval: { at: 9, actor }, drift });
    expect(await store.reads.erasures.find(other.id)).toEqual(other);
    await expect(store.write((tx) => tx.erasures.approve(id(), { at: 1, actor }))).rejects.toThrow(Bug);
    await expect(store.write((tx) => tx.erasures.noteDrift(id(), drift))).rejects.toThrow(Bug);
  },
  "a plan is found by its digest: the tenant's newest, while it waits": async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const digest = 'digest of a plan';
    const [old, young] = [erasureOf(tenant, { digest }), erasureOf(tenant, { digest })];
    await store.write(async (tx) => {
      for (const one of [old, young, erasureOf(tenant), erasureOf(other, { digest })]) await tx.erasures.insert(one);
    });
    const found = async () => (await store.reads.erasures.plannedAs(tenant.id, digest))?.id;
    expect(await found()).toBe(young.id);
    await store.write((tx) => tx.erasures.cancel(young.id, 'cancelled'));
    expect(await found()).toBe(old.id);
    await store.write((tx) => tx.erasures.move(old.id, 'planned', 'running', {}));
    expect(await found()).toBeUndefined();
  },
  'plans of vendors, of native clients and of policies are told apart': async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const [vendors, native, policys, theirs, started] = [
      erasureOf(tenant, { digest: 'same', waitsForHolds: false }),
      erasureOf(tenant, { digest: 'same', waitsForHolds: true }),
      erasureOf(tenant, { actorKind: 'policy' }),
      erasureOf(other, { actorKind: 'policy' }),
      erasureOf(tenant, { actorKind: 'policy', state: 'running' }),
    ];
    await store.write(async (tx) => {
      for (const one of [vendors, native, policys, theirs, started]) await tx.erasures.insert(one);
    });
    const { erasures } = store.reads;
    expect(await erasures.plannedAs(tenant.id, 'same', { waitsForHolds: false })).toEqual(vendors);
    const guarded = { waitsForHolds: false, needsApproval: true } as const;
    expect(await erasures.plannedAs(tenant.id, 'same', guarded)).toBeUndefined();
    await store.write((tx) => tx.erasures.requireApproval(vendors.id));
    const stopped = { ...vendors, needsApproval: true };
    expect(await erasures.plannedAs(tenant.id, 'same', guarded)).toEqual(stopped);
    expect(await erasures.plannedAs(tenant.id, 'same', { waitsForHolds: true })).toEqual(native);
    expect(await erasures.plannedAs(tenant.id, 'same')).toEqual(native);
    expect(await erasures.plannedByPolicy(tenant.id)).toEqual([policys]);
  },
  'plans whose time is over are told in the order in which it ended, and no others': async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const [late, early, theirs] = [
      erasureOf(tenant, { expiresAt: 20 }),
      erasureOf(tenant, { expiresAt: 10 }),
      erasureOf(other, { expiresAt: 15 }),
    ];
    const never = [erasureOf(tenant), erasureOf(tenant, { expiresAt: 1, state: 'running' })];
    await store.write(async (tx) => {
      for (const one of [late, early, theirs, ...never]) await tx.erasures.insert(one);
    });
    const expired = async (now: number, limit: number) =>
      (await store.reads.erasures.expired(now, limit)).map((erasure) => erasure.id);
    expect(await expired(9, 9)).toEqual([]);
    expect(await expired(10, 9)).toEqual([early.id]);
    expect(await expired(20, 9)).toEqual([early.id, theirs.id, late.id]);
    expect(await expired(20, 2)).toEqual([early.id, theirs.id]);
    await store.write((tx) => tx.erasures.cancel(early.id, 'expired'));
    expect(await expired(20, 9)).toEqual([theirs.id, late.id]);
  },
  "a tenant's erasures are listed newest first, page by page, by state where one is named": async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const states = ['completed', 'planned', 'running', 'cancelled', 'planned'] as const;
    const made = states.map((state) => erasureOf(tenant, { state }));
    await store.write(async (tx) => {
      for (const one of [...made, erasureOf(other)]) await tx.erasures.insert(one);
    });
    const newest = made.toReversed();
    const { erasures } = store.reads;
    expect(await erasures.list(tenant.id, { limit: 9 })).toEqual(newest);
    const page = await erasures.list(tenant.id, { limit: 2 });
    expect(page).toEqual(newest.slice(0, 2));
    const beforeId = page.at(-1)?.id ?? '';
    expect(await erasures.list(tenant.id, { limit: 9, beforeId })).toEqual(newest.slice(2));
    const planned = newest.filter((erasure) => erasure.state === 'planned');
    expect(await erasures.list(tenant.id, { limit: 9, states: ['planned'] })).toEqual(planned);
    expect(await erasures.list(tenant.id, { limit: 1, beforeId, states: ['planned', 'completed'] })).toEqual([made[1]]);
    expect(await erasures.list(tenant.id, { limit: 9, states: [] })).toEqual([]);
    expect(await erasures.list(id(), { limit: 9 })).toEqual([]);
  },
  'holds are listed newest first, page by page, by whether they are active where that is asked': async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const holds = [null, 7, null, 8].map((releasedAt) => holdOf(tenant, { releasedAt }));
    await store.write(async (tx) => {
      for (const hold of holds) await tx.holds.insert(hold, [callOf(tenant).id]);
      await tx.holds.insert(holdOf(other), []);
    });
    const newest = holds.toReversed();
    const list = store.reads.holds.list.bind(store.reads.holds, tenant.id);
    expect(await list({ limit: 9 })).toEqual(newest);
    expect(await list({ limit: 2, beforeId: newest[0]?.id ?? '' })).toEqual(newest.slice(1, 3));
    expect(await list({ limit: 9, isActive: true })).toEqual([newest[1], newest[3]]);
    expect(await list({ limit: 9, isActive: false, beforeId: newest[0]?.id ?? '' })).toEqual([newest[2]]);
  },
  "holds that name a call or a candidate are told while they are active, and no other tenant's": async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const [one, two] = [id(), id()];
    const [first, second, released, theirs] = [
      ...[holdOf(tenant), holdOf(tenant), holdOf(tenant, { releasedAt: 9 })],
      holdOf(other),
    ] as const;
    await store.write(async (tx) => {
      await tx.holds.insert(first, [one, two]);
      for (const hold of [second, released, theirs]) await tx.holds.insert(hold, [one]);
    });
    const naming = async (ids: string[]) => {
      const found = await store.reads.holds.naming(tenant.id, ids);
      return found.map(({ holdId, callId }) => [holdId, callId].join()).toSorted();
    };
    const pairs = [
      [first, one],
      [first, two],
      [second, one],
    ] as const;
    expect(await naming([one, two, id()])).toEqual(pairs.map(([hold, call]) => [hold.id, call].join()).toSorted());
    expect(await naming([two])).toEqual([[first.id, two].join()]);
    expect(await naming([])).toEqual([]);
  },
} satisfies StoreCases;
