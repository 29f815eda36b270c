import { expect } from 'vitest';
import type { Call } from '../../src/model/call.ts';
import type { CallList, OutlivedCalls } from '../../src/model/call-search.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { addTenant, callOf, id, uploadOf } from '../support/store-rows.ts';
import type { StoreCases, StoreSubject } from '../support/store-subject.ts';

const [task, person] = [id(), id()];

/** Calls in the order in which they began, with two that began at once, one without a start, and some that are not archived. */
async function addCalls({ store }: StoreSubject): Promise<{ tenant: Tenant; calls: Call[] }> {
  const [tenant, other] = [await addTenant(store), await addTenant(store)];
  const calls = [
    callOf(tenant, { startedAt: 100, createdAt: 1000, taskId: task, candidateId: person }),
    callOf(tenant, { startedAt: null, createdAt: 200, kind: 'chat', source: 'native' }),
    callOf(tenant, { startedAt: 300, createdAt: 900, taskId: task, direction: 'outbound' }),
    callOf(tenant, { startedAt: 300, createdAt: 901, status: 'excluded' }),
    callOf(tenant, { startedAt: 400, createdAt: 800, retainUntil: 5000 }),
  ];
  const others = [
    uploadOf(tenant, 5),
    callOf(tenant, { status: 'awaited', startedAt: null }),
    callOf(other, { taskId: task, candidateId: person }),
  ];
  await store.write(async (tx) => {
    for (const call of [...others, ...calls]) await tx.calls.insert(call);
  });
  return { tenant, calls };
}

/** Calls by when they began. */
export const callListCases = {
  'archived calls are counted no further than asked, and no uploads with them': async (subject) => {
    const { tenant } = await addCalls(subject);
    const { calls } = subject.store.reads;
    expect(await calls.countUpTo(tenant.id, 9)).toBe(5);
    expect(await calls.countUpTo(tenant.id, 5)).toBe(5);
    expect(await calls.countUpTo(tenant.id, 4)).toBe(4);
    expect(await calls.countUpTo(tenant.id, 0)).toBe(0);
    expect(await calls.countUpTo(id(), 9)).toBe(0);
  },
  'calls are listed by when they began, newest first, page by page': async (subject) => {
    const { tenant, calls } = await addCalls(subject);
    const newest = calls.toReversed();
    const { reads } = subject.store;
    expect(await reads.calls.list(tenant.id, { limit: 9 })).toEqual(newest);
    const seen: Call[] = [];
    for (let before: CallList['before']; ; ) {
      const page = await reads.calls.list(tenant.id, { limit: 2, ...(before && { before }) });
      seen.push(...page);
      const last = page.at(-1);
      if (last === undefined) break;
      before = { at: last.startedAt ?? last.createdAt, id: last.id };
    }
    expect(seen).toEqual(newest);
    expect(await reads.calls.list(id(), { limit: 9 })).toEqual([]);
  },
  'every condition of a list of calls holds': async (subject) => {
    const { tenant, calls } = await addCalls(subject);
    const places = async (asked: Omit<CallList, 'limit'>) => {
      const found = await subject.store.reads.calls.list(tenant.id, { limit: 9, ...asked });
      return found.map((one) => calls.findIndex((call) => call.id === one.id));
    };
    expect(await places({ kind: 'chat' })).toEqual([1]);
    expect(await places({ source: 'creovai' })).toEqual([4, 3, 2, 0]);
    expect(await places({ direction: 'outbound' })).toEqual([2]);
    expect(await places({ from: 200, to: 400 })).toEqual([3, 2, 1]);
    expect(await places({ taskId: task })).toEqual([2, 0]);
    expect(await places({ taskId: task, to: 300 })).toEqual([0]);
    expect(await places({ candidateId: person })).toEqual([0]);
    expect(await places({ candidateId: person, direction: 'outbound' })).toEqual([]);
    const before = { at: 300, id: calls[3]?.id ?? '' };
    expect(await places({ before, kind: 'call' })).toEqual([2, 0]);
    expect(await places({ before, taskId: task })).toEqual([2, 0]);
  },
  'a retention reaches calls of its kind that began before its time, oldest first, but those retained': async (
    subject,
  ) => {
    const { tenant, calls } = await addCalls(subject);
    const places = async (asked: Partial<OutlivedCalls>) => {
      const all = { tenantId: tenant.id, kind: 'call', before: 1000, now: 4999, limit: 9 } as const;
      const found = await subject.store.reads.calls.outlived({ ...all, ...asked });
      return found.map((one) => calls.findIndex((call) => call.id === one.id));
    };
    expect(await places({})).toEqual([0, 2, 3]);
    expect(await places({ now: 5000 })).toEqual([0, 2, 3, 4]);
    expect(await places({ before: 300 })).toEqual([0]);
    expect(await places({ kind: 'chat' })).toEqual([1]);
    expect(await places({ kind: 'case' })).toEqual([]);
    expect(await places({ createdAfter: 900 })).toEqual([0, 3]);
    expect(await places({ limit: 2 })).toEqual([0, 2]);
    expect(await places({ after: { at: 300, id: calls[2]?.id ?? '' } })).toEqual([3]);
    expect(await places({ tenantId: id() })).toEqual([]);
  },
  'until when a call is retained is kept, and changed': async ({ store }) => {
    const call = callOf(await addTenant(store), { retainUntil: 2 ** 45 });
    await store.write((tx) => tx.calls.insert(call));
    expect(await store.reads.calls.find(call.tenantId, call.id)).toEqual(call);
    await store.write((tx) => tx.calls.update(call.id, { retainUntil: null }));
    expect(await store.reads.calls.find(call.tenantId, call.id)).toEqual({ ...call, retainUntil: null });
  },
} satisfies StoreCases;
