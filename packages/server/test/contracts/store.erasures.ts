import { expect } from 'vitest';
import { Bug } from '../../src/model/errors.ts';
import { addErasure, addTenant, callOf, erasureOf, id, itemOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** Erasures and their items as states that move. */
export const erasureCases = {
  'an erasure keeps every field': async ({ store }) => {
    const tenant = await addTenant(store);
    const times = { unreadableAt: 2, shreddedAt: 3, sealedAt: 4, goneAt: 5 };
    const full = erasureOf(tenant, { action: 'depersonalize', keepRecording: true, waitsForHolds: false, ...times });
    const bare = erasureOf(tenant);
    await store.write(async (tx) => {
      await tx.erasures.insert(full);
      await tx.erasures.insert(bare);
    });
    expect(await store.reads.erasures.find(full.id)).toEqual(full);
    expect(await store.reads.erasures.page('', 9)).toEqual([full, bare]);
    expect(await store.reads.erasures.page(full.id, 9)).toEqual([bare]);
    expect(await store.reads.erasures.find(id())).toBeUndefined();
  },
  'items are planned in the order given, in as many steps as it takes': async ({ store }) => {
    const tenant = await addTenant(store);
    const erasure = erasureOf(tenant);
    const callIds = Array.from({ length: 250 }, () => id()).toReversed();
    await store.write(async (tx) => {
      await tx.erasures.insert(erasure);
      await tx.erasures.addItems(erasure.id, 0, callIds.slice(0, 200));
      await tx.erasures.addItems(erasure.id, 200, callIds.slice(200));
      await tx.erasures.addItems(erasure.id, 250, []);
    });
    const items = await store.reads.erasures.items(erasure.id, { fromSeq: 0, limit: 999 });
    expect(items).toEqual(callIds.map((callId, seq) => itemOf(erasure, seq, callId)));
    expect(await store.reads.erasures.items(erasure.id, { fromSeq: 249, limit: 9 })).toEqual(items.slice(249));
    expect(await store.reads.erasures.items(id(), { fromSeq: 0, limit: 9 })).toEqual([]);
  },
  'a place in the plan is taken once': async ({ store }) => {
    const { erasure } = await addErasure(store, await addTenant(store), ['planned', 'planned']);
    await expect(store.write((tx) => tx.erasures.addItems(erasure.id, 1, [id()]))).rejects.toThrow();
    expect((await store.reads.erasures.tally(erasure.id)).items).toBe(2);
  },
  'items are found and counted by state': async ({ store }) => {
    const states = ['planned', 'held', 'failed', 'shredded', 'removed', 'verified', 'held'] as const;
    const { erasure } = await addErasure(store, await addTenant(store), states);
    expect(await store.reads.erasures.tally(erasure.id)).toEqual({
      items: 7,
      planned: 1,
      held: 2,
      failed: 1,
      shredded: 1,
      removed: 1,
      verified: 1,
    });
    const seqs = async (fromSeq: number, limit: number) => {
      const items = await store.reads.erasures.items(erasure.id, { fromSeq, limit, states: ['held', 'failed'] });
      return items.map((item) => item.seq);
    };
    expect(await seqs(0, 9)).toEqual([1, 2, 6]);
    expect(await seqs(2, 1)).toEqual([2]);
    expect(await store.reads.erasures.tally(id())).toMatchObject({ items: 0, planned: 0 });
  },
  'an erasure moves only from the state that is named, and takes its times along': async ({ store }) => {
    const tenant = await addTenant(store);
    const erasure = erasureOf(tenant);
    await store.write((tx) => tx.erasures.insert(erasure));
    const move = (to: 'running' | 'cancelled', unreadableAt: number) =>
      store.write((tx) => tx.erasures.move(erasure.id, 'planned', to, { unreadableAt }));
    expect(await move('running', 7)).toBe(true);
    expect(await move('cancelled', 8)).toBe(false);
    expect(await store.write((tx) => tx.erasures.move(id(), 'planned', 'running', {}))).toBe(false);
    await store.write((tx) => tx.erasures.stamp(erasure.id, { shreddedAt: 8, sealedAt: 9 }));
    await store.write((tx) => tx.erasures.stamp(erasure.id, {}));
    const moved = { ...erasure, state: 'running', unreadableAt: 7, shreddedAt: 8, sealedAt: 9 };
    expect(await store.reads.erasures.find(erasure.id)).toEqual(moved);
    await expect(store.write((tx) => tx.erasures.stamp(id(), { goneAt: 1 }))).rejects.toThrow(Bug);
  },
  'no state moves backwards': async ({ store }) => {
    const { erasure } = await addErasure(store, await addTenant(store), ['shredded'], { state: 'completed' });
    const span = { erasureId: erasure.id, fromSeq: 0, toSeq: 1 };
    const backwards = [
      store.write((tx) => tx.erasures.move(erasure.id, 'completed', 'running', {})),
      store.write((tx) => tx.erasures.moveItems(erasure.id, [0], 'shredded', 'planned', {})),
      store.write((tx) => tx.erasures.moveSpan(span, 'verified', 'removed', {})),
    ];
    await Promise.all(backwards.map(async (attempt) => await expect(attempt).rejects.toThrow(Bug)));
    expect(await store.reads.erasures.tally(erasure.id)).toMatchObject({ shredded: 1 });
  },
  'open erasures are those that run, oldest first': async ({ store }) => {
    const tenant = await addTenant(store);
    const states = ['planned', 'running', 'completed', 'completed_with_failures', 'running', 'running'] as const;
    const erasures = states.map((state) => erasureOf(tenant, { state }));
    await store.write(async (tx) => {
      for (const erasure of erasures.toReversed()) await tx.erasures.insert(erasure);
    });
    expect(await store.reads.erasures.open(9)).toEqual([erasures[1], erasures[4], erasures[5]]);
    expect(await store.reads.erasures.open(1)).toEqual([erasures[1]]);
  },
  'a tenant has shredded since a time when keys were destroyed then or later, or may be yet': async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    await store.write(async (tx) => {
      await tx.erasures.insert(erasureOf(tenant, { state: 'completed', unreadableAt: 5, shreddedAt: 7 }));
      await tx.erasures.insert(erasureOf(tenant, { state: 'cancelled' }));
      await tx.erasures.insert(erasureOf(other, { state: 'running', unreadableAt: 9 }));
    });
    const since = (at: number) => store.reads.erasures.anyShreddedSince(tenant.id, at);
    expect([await since(6), await since(7), await since(8)]).toEqual([true, true, false]);
    expect(await store.reads.erasures.anyShreddedSince(other.id, 99)).toBe(true);
    expect(await store.reads.erasures.anyShreddedSince(id(), 0)).toBe(false);
  },
  'a lock on the bytes of items is noted with its end, and since when it is known': async ({ store }) => {
    const states = ['failed', 'failed', 'failed', 'verified'] as const;
    const { erasure, calls } = await addErasure(store, await addTenant(store), states);
    const ids = calls.map((call) => call.id);
    const { erasures } = store.reads;
    const note = async (since: number, items: { seq: number; until: number | null }[]) =>
      await store.write(async (tx) => {
        const seqs = items.map(({ seq }) => seq);
        await tx.erasures.moveItems(erasure.id, seqs, 'failed', 'shredded', {});
        await tx.erasures.moveItems(erasure.id, seqs, 'shredded', 'failed', { failedCode: 'blob_locked' });
        await tx.erasures.noteLocks(erasure.id, since, items);
      });
    expect(await erasures.locks(erasure.id, 0)).toEqual({ items: 0, firstEnd: null });
    await note(5, []);
    await note(5, [
      { seq: 0, until: 30 },
      { seq: 1, until: 20 },
      { seq: 2, until: null },
    ]);
    expect(await erasures.locks(erasure.id, 10)).toEqual({ items: 2, firstEnd: 20 });
    expect(await erasures.locks(erasure.id, 20)).toEqual({ items: 1, firstEnd: 30 });
    expect(await erasures.locks(id(), 10)).toEqual({ items: 0, firstEnd: null });
    expect(await erasures.lockedAmong([...ids, id()])).toEqual(new Set(ids.slice(0, 3)));
    expect(await erasures.lockedAmong([])).toEqual(new Set());
    await note(6, [{ seq: 1, until: 40 }]);
    const [, second] = await erasures.items(erasure.id, { fromSeq: 0, limit: 9 });
    expect(second).toMatchObject({ lockedSince: 5, lockedUntil: 40 });
    // Vendors were told that the call is gone, and go on being told so: only the date is over with the code.
    await store.write(async (tx) => {
      await tx.erasures.moveItems(erasure.id, [0, 1], 'failed', 'shredded', {});
      await tx.erasures.moveItems(erasure.id, [1], 'shredded', 'failed', { failedCode: 'blob_failed' });
    });
    const [unchanged, other] = await erasures.items(erasure.id, { fromSeq: 0, limit: 2 });
    expect(unchanged).toMatchObject({ failedCode: 'blob_locked', lockedSince: 5, lockedUntil: 30 });
    expect(other).toMatchObject({ failedCode: 'blob_failed', lockedSince: 5, lockedUntil: null });
  },
  'items move together or not at all': async ({ store }) => {
    const { erasure } = await addErasure(store, await addTenant(store), ['planned', 'planned', 'held', 'planned']);
    const move = (seqs: number[]) =>
      store.write((tx) => tx.erasures.moveItems(erasure.id, seqs, 'planned', 'failed', { outcome: 'failed' }));
    expect(await move([0, 2])).toBe(0);
    expect(await move([0, 9])).toBe(0);
    expect(await store.reads.erasures.tally(erasure.id)).toMatchObject({ planned: 3, held: 1 });
    expect(await move([0, 1, 1])).toBe(2);
    expect(await store.reads.erasures.tally(erasure.id)).toMatchObject({ planned: 1, held: 1, failed: 2 });
  },
  'a move of items sets what it names and keeps the rest': async ({ store }) => {
    const { erasure, calls } = await addErasure(store, await addTenant(store), ['planned']);
    const item = itemOf(erasure, 0, calls[0]?.id ?? '');
    const move = async (...[from, to, change]: Parameters<MoveItem>) => {
      expect(await store.write((tx) => tx.erasures.moveItems(erasure.id, [0], from, to, change))).toBe(1);
      return (await store.reads.erasures.items(erasure.id, { fromSeq: 0, limit: 1 }))[0];
    };
    const failed = await move('planned', 'failed', { outcome: 'failed', failedCode: 'damage' });
    expect(failed).toEqual({ ...item, state: 'failed', outcome: 'failed', failedCode: 'damage' });
    const again = await move('failed', 'planned', {});
    expect(again).toEqual({ ...item, state: 'planned', outcome: 'failed', failedCode: 'damage' });
    const held = await move('planned', 'held', { outcome: 'held', failedCode: null });
    expect(held).toEqual({ ...item, state: 'held', outcome: 'held', failedCode: null });
  },
  'a span moves what is in the state and leaves out its end': async ({ store }) => {
    const states = ['shredded', 'shredded', 'planned', 'shredded', 'shredded'] as const;
    const { erasure } = await addErasure(store, await addTenant(store), states);
    const span = { erasureId: erasure.id, fromSeq: 1, toSeq: 4 };
    const moved = await store.write((tx) => tx.erasures.moveSpan(span, 'shredded', 'removed', { outcome: 'erased' }));
    expect(moved).toBe(2);
    const items = await store.reads.erasures.items(erasure.id, { fromSeq: 0, limit: 9 });
    expect(items.map((item) => item.state)).toEqual(['shredded', 'removed', 'planned', 'removed', 'shredded']);
    expect(items.map((item) => item.outcome)).toEqual([null, 'erased', null, 'erased', null]);
  },
  'a started erasure gates its unfinished items, held ones excepted': async ({ store }) => {
    const tenant = await addTenant(store);
    const states = ['planned', 'shredded', 'removed', 'failed', 'held', 'verified'] as const;
    const change = { state: 'running', action: 'depersonalize', keepRecording: true } as const;
    const { erasure, calls } = await addErasure(store, tenant, states, change);
    const callIds = calls.map((call) => call.id);
    const gates = await store.reads.erasures.gatesOf([...callIds, id()]);
    expect(gates.toSorted((a, b) => (a.callId < b.callId ? -1 : 1))).toEqual(
      callIds.slice(0, 4).map((callId) => {
        return { callId, erasureId: erasure.id, action: 'depersonalize', keepRecording: true };
      }),
    );
    expect(await store.reads.erasures.gatesOf([])).toEqual([]);
  },
  'an erasure gates from its start until it has completed, also with failures': async ({ store }) => {
    const tenant = await addTenant(store);
    const call = callOf(tenant);
    const states = ['planned', 'running', 'completed_with_failures', 'completed', 'cancelled'] as const;
    const erasures = states.map((state) => erasureOf(tenant, { state }));
    await store.write(async (tx) => {
      for (const erasure of erasures) {
        await tx.erasures.insert(erasure);
        await tx.erasures.addItems(erasure.id, 0, [call.id]);
      }
    });
    const gates = (await store.reads.erasures.gatesOf([call.id])).map((gate) => gate.erasureId);
    expect(gates.toSorted()).toEqual([erasures[1]?.id, erasures[2]?.id]);
  },
} satisfies StoreCases;

type MoveItem = (
  from: 'planned' | 'failed',
  to: 'planned' | 'failed' | 'held',
  change: { outcome?: 'failed' | 'held'; failedCode?: string | null },
) => void;
