import { expect } from 'vitest';
import { addTenant, auditOf, callOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** What writes that wait at the same time, and may share a commit, promise each other. */
export const groupingCases = {
  'of writes that wait together one that fails leaves nothing, and the others commit': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = Array.from({ length: 6 }, () => callOf(tenant));
    const outcomes = await Promise.allSettled(
      calls.map((call, i) =>
        store.write(async (tx) => {
          await tx.calls.insert(call);
          await tx.audit.append(auditOf(tenant));
          if (i === 0 || i === 3) throw new Error(`work ${i} failed`);
          if (i === 4) await tx.calls.insert(call);
          return i;
        }),
      ),
    );
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason.message)))).toEqual([
      'work 0 failed',
      1,
      2,
      'work 3 failed',
      expect.any(String),
      5,
    ]);
    expect(await store.reads.calls.page('', 9)).toEqual([calls[1], calls[2], calls[5]]);
    expect(await store.reads.audit.page('', 9)).toHaveLength(3);
  },
  'what a write tells is durable, and visible to every reader': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = Array.from({ length: 20 }, () => callOf(tenant));
    await Promise.all(
      calls.map(async (call) => {
        await store.write((tx) => tx.calls.insert(call));
        expect(await store.reads.calls.find(tenant.id, call.id)).toEqual(call);
      }),
    );
  },
} satisfies StoreCases;
