import { expect } from 'vitest';
import { Bug } from '../../src/model/errors.ts';
import { addErasure, addTenant, id } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** Many small erasures that are brought to their end together. */
export const completingCases = {
  'items of several erasures are told by erasure and place, whatever their state': async ({ store }) => {
    const tenant = await addTenant(store);
    const one = await addErasure(store, tenant, ['shredded', 'planned', 'verified']);
    const two = await addErasure(store, tenant, ['held']);
    const other = await addErasure(store, tenant, ['planned']);
    const told = await store.reads.erasures.itemsOf([two.erasure.id, one.erasure.id, id()]);
    expect(told.map(({ erasureId, seq, state }) => [erasureId, seq, state])).toEqual([
      [one.erasure.id, 0, 'shredded'],
      [one.erasure.id, 1, 'planned'],
      [one.erasure.id, 2, 'verified'],
      [two.erasure.id, 0, 'held'],
    ]);
    expect(told.map((item) => item.callId)).not.toContain(other.calls[0]?.id);
    expect(await store.reads.erasures.itemsOf([])).toEqual([]);
  },
  'items of several erasures move where they are in that state, and no others': async ({ store }) => {
    const tenant = await addTenant(store);
    const one = await addErasure(store, tenant, ['shredded', 'planned', 'shredded']);
    const two = await addErasure(store, tenant, ['shredded']);
    const other = await addErasure(store, tenant, ['shredded']);
    const ids = [one.erasure.id, two.erasure.id];
    expect(await store.write((tx) => tx.erasures.moveAll(ids, 'shredded', 'removed'))).toBe(3);
    expect(await store.write((tx) => tx.erasures.moveAll(ids, 'shredded', 'removed'))).toBe(0);
    expect(await store.write((tx) => tx.erasures.moveAll([], 'shredded', 'removed'))).toBe(0);
    const states = (await store.reads.erasures.itemsOf([...ids, other.erasure.id])).map(({ state }) => state);
    expect(states).toEqual(['removed', 'planned', 'removed', 'removed', 'shredded']);
    await expect(store.write((tx) => tx.erasures.moveAll(ids, 'removed', 'planned'))).rejects.toThrow(Bug);
  },
  'those of several erasures that run are completed, and get their times; the others stay as they are': async ({
    store,
  }) => {
    const tenant = await addTenant(store);
    const states = ['running', 'running', 'planned', 'completed_with_failures', 'running'] as const;
    const erasures = [];
    for (const state of states) erasures.push((await addErasure(store, tenant, ['verified'], { state })).erasure);
    const asked = erasures.slice(0, 4).map((erasure) => erasure.id);
    const times = { sealedAt: 70, goneAt: 80 };
    expect(await store.write((tx) => tx.erasures.complete([...asked, id()], times))).toBe(2);
    expect(await store.write((tx) => tx.erasures.complete(asked, { sealedAt: 90, goneAt: 99 }))).toBe(0);
    const [first, second, ...rest] = erasures;
    for (const erasure of [first, second]) {
      expect(await store.reads.erasures.find(erasure?.id ?? '')).toEqual({ ...erasure, state: 'completed', ...times });
    }
    for (const erasure of rest) expect(await store.reads.erasures.find(erasure.id)).toEqual(erasure);
  },
} satisfies StoreCases;
