import { expect } from 'vitest';
import { addTenant, auditOf, callOf, uploadOf } from '../support/store-rows.ts';
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
  'a later write sees the rows of the earlier ones, and none of one that failed': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = Array.from({ length: 5 }, () => callOf(tenant));
    const seen: number[] = [];
    const writes = calls.map((call, i) =>
      store.write(async (tx) => {
        seen.push(await tx.calls.count(tenant.id));
        await tx.calls.insert(call);
        if (i === 2) throw new Error('work failed');
      }),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.map((one) => one.status === 'fulfilled')).toEqual([true, true, false, true, true]);
    expect(seen).toEqual([0, 1, 2, 2, 3]);
  },
  'writes of several kinds run in the order of their calls': async ({ store }) => {
    const seen: string[] = [];
    await Promise.all([
      store.write(async () => void seen.push('a')),
      store.write(async () => void seen.push('b')),
      store.keyStore.write(async () => void seen.push('keys')),
      store.write(async () => void seen.push('c')),
      store.keyStore.writeFresh(async () => void seen.push('fresh')),
      store.write(async () => void seen.push('d')),
      store.checkpoint().then(() => undefined),
      store.write(async () => void seen.push('e')),
    ]);
    expect(seen).toEqual(['a', 'b', 'keys', 'c', 'fresh', 'd', 'e']);
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
  'a conflict at commit runs every write that shared it again, in the same order': async (subject) => {
    const { store } = subject;
    const tenant = await addTenant(store);
    const call = uploadOf(tenant, 0);
    await store.write((tx) => tx.calls.insert(call));
    subject.conflictOnce();
    const before: number[] = [];
    const writes = Array.from({ length: 5 }, () =>
      store.write(async (tx) => {
        const { uploadUntil } = (await tx.calls.find(tenant.id, call.id)) ?? call;
        await tx.calls.update(call.id, { uploadUntil: (uploadUntil ?? 0) + 1 });
        return uploadUntil;
      }),
    );
    for (const write of writes) before.push((await write) ?? -1);
    expect(before).toEqual([0, 1, 2, 3, 4]);
    expect((await store.reads.calls.find(tenant.id, call.id))?.uploadUntil).toBe(5);
  },
  'a failure that rests on what was then not committed is not told': async (subject) => {
    const { store } = subject;
    const tenant = await addTenant(store);
    const [first, second] = [callOf(tenant), callOf(tenant)];
    subject.conflictOnce();
    let runs = 0;
    const [, answer] = await Promise.all([
      store.write(async (tx) => {
        runs += 1;
        if (runs === 1) await tx.calls.insert(first);
      }),
      store.write(async (tx) => {
        if ((await tx.calls.count(tenant.id)) > 0) throw new Error('taken');
        await tx.calls.insert(second);
        return 'free';
      }),
    ]);
    expect(runs).toBe(2);
    expect(answer).toBe('free');
    expect(await store.reads.calls.page('', 9)).toEqual([second]);
  },
} satisfies StoreCases;
