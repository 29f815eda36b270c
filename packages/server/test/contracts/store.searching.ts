import { expect } from 'vitest';
import { type Call, dialStatuses, isArchived } from '../../src/model/call.ts';
import type { CallOrder, CallSearch } from '../../src/model/call-search.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { addTenant, callOf, id, uploadOf } from '../support/store-rows.ts';
import type { StoreCases, StoreSubject } from '../support/store-subject.ts';

const bots = [id(), id()];
const candidates = [id(), id(), id()];
const tasks = [id(), id()];
const directions = ['inbound', 'outbound'] as const;

/** Calls of all sorts, some with the same start, some without one. */
function callsOf(tenant: Tenant): Call[] {
  const archived = Array.from({ length: 48 }, (_, i) =>
    callOf(tenant, {
      source: i % 5 === 0 ? 'creovai' : 'native',
      status: i % 7 === 0 ? 'excluded' : 'complete',
      startedAt: i % 4 === 0 ? null : 1000 - (i % 12),
      createdAt: 980 + ((i * 7) % 40),
      direction: directions[i % 2] ?? 'unknown',
      dialStatus: i % 3 === 0 ? null : (dialStatuses[i % dialStatuses.length] ?? null),
      candidateId: candidates[i % 4] ?? null,
      taskId: tasks[i % 3] ?? null,
      botId: bots[i % 3] ?? null,
    }),
  );
  const campaign = { candidateId: candidates[0] ?? null, taskId: tasks[0] ?? null };
  const unseen = [uploadOf(tenant, 5), callOf(tenant, { status: 'awaited' })];
  return [...archived, ...unseen.map((call): Call => ({ ...call, source: 'native', ...campaign }))];
}

/** What a search must tell, by the words of the port. */
function expectedOf(calls: readonly Call[], asked: CallSearch, { by, isDescending }: CallOrder): string[] {
  const isIn = <T>(list: readonly T[] | undefined, value: T | null) =>
    list === undefined || (value !== null && list.includes(value));
  const startOf = (call: Call) => call.startedAt ?? call.createdAt;
  const isNamed = asked.ids !== undefined || asked.candidateIds !== undefined || asked.taskIds !== undefined;
  const found = calls.filter(
    (call) =>
      isArchived(call) &&
      (isNamed || call.source === 'native') &&
      isIn(asked.ids, call.id) &&
      isIn(asked.candidateIds, call.candidateId) &&
      isIn(asked.taskIds, call.taskId) &&
      isIn(asked.botIds, call.botId) &&
      isIn(asked.dialStatuses, call.dialStatus) &&
      isIn(asked.directions, call.direction) &&
      (asked.from === undefined || startOf(call) >= asked.from) &&
      (asked.to === undefined || startOf(call) < asked.to),
  );
  const keyOf = (call: Call) => (by === 'startedAt' ? startOf(call) : call.createdAt);
  const sorted = found.toSorted((a, b) => keyOf(a) - keyOf(b) || (a.id < b.id ? -1 : 1));
  return (isDescending ? sorted.toReversed() : sorted).map((call) => call.id);
}

/** More than there is. */
const all = { lookedAt: 1000, found: 1000 };

const orders: readonly CallOrder[] = [
  { by: 'startedAt', isDescending: true },
  { by: 'startedAt', isDescending: false },
  { by: 'createdAt', isDescending: true },
  { by: 'createdAt', isDescending: false },
];

async function addCalls({ store }: StoreSubject) {
  const tenant = await addTenant(store);
  const calls = callsOf(tenant);
  const foreign = callsOf(await addTenant(store));
  await store.write(async (tx) => {
    for (const call of [...calls, ...foreign].toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1))) {
      await tx.calls.insert(call);
    }
  });
  return { tenant, calls, foreign };
}

/** Calls by what is known of them in clear. */
export const searchCases = {
  'a search tells the calls that keep every condition, of this tenant alone, in the order asked for': async (
    subject,
  ) => {
    const { tenant, calls, foreign } = await addCalls(subject);
    const ids = [...calls.slice(3, 20), ...foreign].map((call) => call.id);
    const asked: CallSearch[] = [
      {},
      { ids },
      { candidateIds: candidates.slice(0, 2) },
      { taskIds: tasks.slice(1) },
      { botIds: bots.slice(0, 1) },
      { dialStatuses: ['DIAL', 'ANSWERED', 'BUSY'] },
      { directions: ['outbound'] },
      { from: 990 },
      { to: 995 },
      { from: 990, to: 1000 },
      { from: 995, to: 995 },
      { candidateIds: candidates, taskIds: tasks, directions: ['inbound'], from: 985 },
      { ids, botIds: bots, dialStatuses: [...dialStatuses], to: 1005 },
      { botIds: bots, directions: ['inbound', 'outbound'], from: 992, to: 1010 },
    ];
    for (const search of asked) {
      for (const order of orders) {
        const expected = expectedOf(calls, search, order);
        const found = await subject.store.reads.calls.search(tenant.id, search, order, all);
        expect(found, JSON.stringify([search, order])).toEqual(expected);
        expect(await subject.store.reads.calls.search(tenant.id, search, order, { ...all, found: 3 })).toEqual(
          expected.slice(0, 3),
        );
        if (search.from !== search.to || search.from === undefined) expect(expected).not.toEqual([]);
      }
    }
  },
  'a search looks at the first rows in its order alone, however few of them keep the conditions': async ({ store }) => {
    const tenant = await addTenant(store);
    const rare = id();
    // Their starts run against the order in which they came.
    const calls = Array.from({ length: 12 }, (_, i) =>
      callOf(tenant, { source: 'native', startedAt: 1000 - i, createdAt: 2000 + i, botId: i % 6 === 0 ? rare : id() }),
    );
    await store.write(async (tx) => {
      for (const call of calls) await tx.calls.insert(call);
    });
    const seen = async (by: CallOrder['by'], isDescending: boolean, lookedAt: number, asked: CallSearch = {}) => {
      const ids = await store.reads.calls.search(tenant.id, asked, { by, isDescending }, { lookedAt, found: 1000 });
      return ids.map((one) => calls.findIndex((call) => call.id === one));
    };
    const ofRare = { botIds: [rare] };
    expect(await seen('startedAt', true, 6, ofRare)).toEqual([0]);
    expect(await seen('startedAt', true, 7, ofRare)).toEqual([0, 6]);
    expect(await seen('startedAt', false, 5, ofRare)).toEqual([]);
    expect(await seen('createdAt', true, 5, ofRare)).toEqual([]);
    expect(await seen('createdAt', true, 6, ofRare)).toEqual([6]);
    expect(await seen('createdAt', false, 7, ofRare)).toEqual([0, 6]);
    expect(await seen('createdAt', true, 3)).toEqual([11, 10, 9]);
    // A time of what they are sorted by is found in the index, any other is a condition.
    expect(await seen('startedAt', true, 1, { ...ofRare, to: 995 })).toEqual([6]);
    expect(await seen('createdAt', false, 1, { to: 995 })).toEqual([]);
    expect(await seen('createdAt', false, 7, { to: 995 })).toEqual([6]);
  },
  "a search looks at a task's or a candidate's calls from the end that its order begins with": async ({ store }) => {
    const tenant = await addTenant(store);
    const [task, other, person] = [id(), id(), id()];
    const made = Array.from({ length: 8 }, (_, i) =>
      callOf(tenant, { source: 'creovai', taskId: i < 5 ? task : other, candidateId: i % 2 === 0 ? person : null }),
    );
    const calls = made.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    await store.write(async (tx) => {
      for (const call of calls) await tx.calls.insert(call);
    });
    const seen = async (asked: CallSearch, isDescending: boolean, lookedAt: number) => {
      const order = { by: 'createdAt', isDescending } as const;
      const ids = await store.reads.calls.search(tenant.id, asked, order, { lookedAt, found: 1000 });
      return ids.toSorted();
    };
    const idsOf = (of: (call: Call) => boolean) => calls.flatMap((call) => (of(call) ? [call.id] : []));
    const mine = idsOf((call) => call.taskId === task);
    expect(await seen({ taskIds: [task] }, false, 2)).toEqual(mine.slice(0, 2));
    expect(await seen({ taskIds: [task] }, true, 2)).toEqual(mine.slice(-2));
    const theirs = idsOf((call) => call.taskId === other);
    expect(await seen({ taskIds: [task, other, task] }, false, 6)).toEqual([...mine, ...theirs.slice(0, 1)].toSorted());
    const persons = idsOf((call) => call.candidateId === person);
    expect(await seen({ candidateIds: [person] }, true, 3)).toEqual(persons.slice(-3));
    const both = { candidateIds: [person], taskIds: [task] };
    expect(await seen(both, true, 9)).toEqual(mine.filter((one) => persons.includes(one)));
  },
  'a search for none of a list finds nothing, whatever else it asks for': async (subject) => {
    const { tenant } = await addCalls(subject);
    const nothing: CallSearch[] = [
      { ids: [] },
      { candidateIds: [] },
      { taskIds: [], from: 0 },
      { botIds: [] },
      { dialStatuses: [] },
      { directions: [] },
      { ids: [id()] },
    ];
    for (const search of nothing) {
      const found = await subject.store.reads.calls.search(
        tenant.id,
        search,
        { by: 'startedAt', isDescending: true },
        all,
      );
      expect(found, JSON.stringify(search)).toEqual([]);
    }
  },
  'a search takes as many ids as a client may ask for': async (subject) => {
    const { tenant, calls } = await addCalls(subject);
    const wanted = calls.slice(0, 5).map((call) => call.id);
    const ids = [...Array.from({ length: 50_000 }, (_, i) => `unknown-${i}`), ...wanted];
    const order = { by: 'createdAt', isDescending: false } as const;
    const found = await subject.store.reads.calls.search(tenant.id, { ids }, order, {
      lookedAt: 50_000,
      found: 50_000,
    });
    expect(found.toSorted()).toEqual(wanted.toSorted());
  },
  "a candidate's calls are told by id, uploads and awaited ones included, and no other tenant's": async (subject) => {
    const { tenant, calls } = await addCalls(subject);
    const idsOf = (candidateId: string) =>
      calls.flatMap((call) => (call.candidateId === candidateId ? [call.id] : [])).toSorted();
    const [first = '', second = ''] = candidates;
    const { reads } = subject.store;
    expect(await reads.calls.idsOfCandidate(tenant.id, first)).toEqual(idsOf(first));
    expect(await reads.calls.idsOfCandidate(tenant.id, second)).toEqual(idsOf(second));
    expect(idsOf(first).length).toBe(idsOf(second).length + 2);
    expect(await reads.calls.idsOfCandidate(tenant.id, id())).toEqual([]);
    const pairs = await reads.calls.idsOfCandidates(tenant.id, [first, id(), second]);
    const ofBoth = [first, second].flatMap((candidateId) =>
      idsOf(candidateId).map((one) => ({ candidateId, id: one })),
    );
    expect(new Set(pairs)).toEqual(new Set(ofBoth));
    expect(pairs).toHaveLength(ofBoth.length);
    expect(await reads.calls.idsOfCandidates(id(), [first])).toEqual([]);
  },
  'calls are counted by task, the archived ones alone, and a task without any is left out': async (subject) => {
    const { tenant, calls } = await addCalls(subject);
    const countOf = (taskId: string) => calls.filter((call) => isArchived(call) && call.taskId === taskId).length;
    const counts = await subject.store.reads.calls.countsOfTasks(tenant.id, [...tasks, id()]);
    expect(counts).toEqual(new Map(tasks.toSorted().map((taskId) => [taskId, countOf(taskId)])));
    expect(await subject.store.reads.calls.countsOfTasks(tenant.id, [])).toEqual(new Map());
  },
  'a call keeps what its campaign and its erasures say of it, and changes what is named': async ({ store }) => {
    const tenant = await addTenant(store);
    const full = callOf(tenant, {
      source: 'native',
      dialStatus: 'NOANSWER',
      candidateId: id(),
      taskId: id(),
      botId: id(),
      updatedAt: 2 ** 45,
      depersonalizedAt: 5,
      recordingErasedAt: 6,
    });
    await store.write((tx) => tx.calls.insert(full));
    expect(await store.reads.calls.find(tenant.id, full.id)).toEqual(full);
    const change = { dialStatus: null, updatedAt: 7, endedAt: null, durationMs: 9, depersonalizedAt: null } as const;
    await store.write((tx) => tx.calls.update(full.id, change));
    expect(await store.reads.calls.find(tenant.id, full.id)).toEqual({ ...full, ...change });
  },
} satisfies StoreCases;
