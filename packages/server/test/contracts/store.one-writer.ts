import { expect } from 'vitest';
import { addTenant, callOf, uploadOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** What a store promises that has one writer at a time, and a log of its own. */
export const oneWriterCases = {
  'writes run in the order of their calls, one after the other': async ({ store }) => {
    const tenant = await addTenant(store);
    const call = uploadOf(tenant, 0);
    await store.write((tx) => tx.calls.insert(call));
    const seen: number[] = [];
    const writes = Array.from({ length: 20 }, (_, turn) =>
      store.write(async (tx) => {
        const before = await tx.calls.find(tenant.id, call.id);
        seen.push(turn);
        await tx.calls.update(call.id, { uploadUntil: (before?.uploadUntil ?? 0) + 1 });
      }),
    );
    await Promise.all(writes);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, turn) => turn));
    expect((await store.reads.calls.find(tenant.id, call.id))?.uploadUntil).toBe(20);
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
  'a checkpoint is not done while a snapshot still needs the log': async ({ store }) => {
    await store.snapshot(async (reads) => {
      await reads.tenants.list();
      await addTenant(store);
      expect(await store.checkpoint()).toBe(false);
    });
    expect(await store.checkpoint()).toBe(true);
  },
} satisfies StoreCases;
