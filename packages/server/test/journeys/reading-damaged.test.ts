/** What readers of many calls, candidates and tasks meet where a page of the key tree is damaged, or much changes under them. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCall } from '../../src/engine/calls/read-call.ts';
import { type CallQuery, searchCalls } from '../../src/engine/calls/search-calls.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { listCandidates } from '../../src/engine/campaigns/list-candidates.ts';
import { listTasks } from '../../src/engine/campaigns/list-tasks.ts';
import { readCandidate } from '../../src/engine/campaigns/read-candidate.ts';
import { readTask } from '../../src/engine/campaigns/read-task.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { leafOf } from '../../src/keys/page.ts';
import type { StoreReads } from '../../src/model/store.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';
import { spoilPage } from '../support/raw-database.ts';
import { spokenOnce } from '../support/spoken.ts';

let app: TestApp;
let caller: Caller;
beforeEach(async () => {
  app = await startApp({ workers: 0 });
  caller = app.caller();
});
afterEach(async () => await app.close());

const everyCall: CallQuery = {
  conditions: {},
  identifiers: [],
  filter: null,
  order: { by: 'createdAt', isDescending: false },
  part: { offset: 0, limit: 1000 },
  opens: ['details', 'transcript'],
  isCounted: true,
};

/** What a search shows, and how many it counts once it has shown them. */
async function found(engine: Engine, query: CallQuery = everyCall) {
  const { shown, count } = await searchCalls(engine, caller, query);
  const ids: string[] = [];
  for await (const { call } of shown) ids.push(call.id);
  return { ids, count: count() };
}

/** Makes the page unreadable that holds the key of an owner's first slot. */
async function damageLeafOf(ownerId: string): Promise<void> {
  const [artifact] = await app.engine.store.reads.artifacts.ofOwner(ownerId);
  const { leaf } = leafOf(artifact?.slot ?? -1, app.engine.tree.shape);
  await spoilPage(app.config, leaf, (sealed) => randomBytes(sealed.length));
  app.engine.tree.dropCaches();
}

/** So many slots that the next one lies in another leaf. */
async function toNextLeaf(): Promise<void> {
  for (let left = 256; left > 0; left -= 64) await app.engine.issuer.take(Math.min(64, left));
}

describe('where a leaf of the key tree is damaged', () => {
  test('a list of calls shows those of the other leaves, and a call that is asked for alone is an error', async () => {
    const lost = await archivePlatformCall(app.engine, caller);
    await toNextLeaf();
    const whole = await archivePlatformCall(app.engine, caller);
    await damageLeafOf(lost);
    expect(await found(app.engine)).toEqual({ ids: [whole], count: 1 });
    expect(app.logged.filter((line) => line.includes('call.damaged')).map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ callId: lost }),
    ]);
    expect(await readCall(app.engine, caller, whole)).toMatchObject({ call: { id: whole } });
    await expect(readCall(app.engine, caller, lost)).rejects.toMatchObject({ code: 'damage' });
    const alone = { ...everyCall, conditions: { ids: [lost] } };
    await expect(found(app.engine, alone)).rejects.toMatchObject({ code: 'damage' });
    expect(await found(app.engine, { ...everyCall, conditions: { ids: [lost, whole] } })).toEqual({
      ids: [whole],
      count: 1,
    });
  });

  test('lists of tasks and of candidates show those of the other leaves, and one alone is an error', async () => {
    const add = async () => {
      const taskId = await createTask(app.engine, caller, { name: 'spring', settings: {}, botId: null });
      return taskId;
    };
    const put = async (taskId: string, phone: string) => {
      const nothing = { callbackData: null, clientExternalId: null, timezone: null, checkPhone: null };
      const correlation = { ...nothing, autoCallTemplateId: null };
      const given = { taskId, botId: null, details: { phones: [phone], variables: {} }, correlation };
      const [id = ''] = await addCandidates(app.engine, caller, [given], { start: false });
      return id;
    };
    const lostTask = await add();
    await toNextLeaf();
    const task = await add();
    const lost = await put(task, '15125550101');
    await toNextLeaf();
    const whole = await put(task, '15125550102');
    await damageLeafOf(lostTask);
    const asked = { statuses: undefined, offset: 0, limit: 9 };
    const search = { ...asked, keyword: undefined, from: undefined, to: undefined, orders: [] };
    for (const more of [{}, { keyword: 'spring' }, { orders: [{ by: 'name', isDescending: false }] } as const]) {
      const listed = await listTasks(app.engine, caller, { ...search, ...more });
      expect([listed.count, listed.tasks.map((one) => one.task.id)]).toEqual([1, [task]]);
    }
    expect((await readTask(app.engine, caller, task)).name).toBe('spring');
    await expect(readTask(app.engine, caller, lostTask)).rejects.toMatchObject({ code: 'damage' });
    await damageLeafOf(lost);
    const { count, candidates } = await listCandidates(app.engine, caller, { ...asked, taskId: task });
    expect([count, candidates.map((one) => one.candidate.id)]).toEqual([1, [whole]]);
    expect((await readCandidate(app.engine, caller, whole)).phones).toEqual(['15125550102']);
    await expect(readCandidate(app.engine, caller, lost)).rejects.toMatchObject({ code: 'damage' });
    const told = app.logged.map((line): Record<string, unknown> => JSON.parse(line));
    for (const ownerId of [lostTask, lost]) {
      expect(told).toContainEqual(expect.objectContaining({ event: 'artifact.damaged', ownerId }));
    }
  });

  test('a call whose row names a destroyed key is damaged, not unknown', async () => {
    const id = await archivePlatformCall(app.engine, caller);
    const slots = (await app.engine.store.reads.artifacts.ofOwner(id)).map(({ slot }) => slot);
    await app.engine.store.write(async (tx) => void (await app.engine.tree.destroy(tx.keys, slots)));
    await expect(readCall(app.engine, caller, id)).rejects.toMatchObject({ code: 'damage' });
    expect(await found(app.engine)).toEqual({ ids: [], count: 0 });
  });
});

test('a call that loses a part under every look of a reader is to be asked for again, and is not unknown', async () => {
  const id = await archivePlatformCall(app.engine, caller, { transcript: spokenOnce('one') });
  let changes = 0;
  const { store } = app.engine;
  /** Puts the artifact under a slot of its own, as a change does that loses something. */
  const replace = async () => {
    changes += 1;
    const before = await store.reads.artifacts.find(id, 'transcript');
    if (before === undefined) throw new Error('there is no transcript');
    await app.engine.issuer.withSlots(1, async ([slot = -1]) => {
      await store.write(async (tx) => {
        await app.engine.issuer.confirm(tx.keys, [slot]);
        await tx.artifacts.deleteSlots([before.slot]);
        await tx.artifacts.insert([{ ...before, slot }]);
        await app.engine.tree.destroy(tx.keys, [before.slot]);
      });
    });
  };
  const restless = {
    ...app.engine,
    store: Object.assign(Object.create(store) as typeof store, {
      snapshot: async <T>(work: (reads: StoreReads) => Promise<T>) => {
        const seen = await store.snapshot(work);
        await replace();
        return seen;
      },
    }),
  };
  await expect(readCall(restless, caller, id)).rejects.toMatchObject({ code: 'store_busy', retry: 'later' });
  expect(changes).toBeGreaterThan(2);
});

describe('a search of large calls', () => {
  test('has no more of them in memory at once than a few', async () => {
    const large = spokenOnce('x'.repeat(3 * 1024 * 1024));
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) {
      ids.push(await archivePlatformCall(app.engine, caller, i < 5 ? { transcript: large } : {}));
    }
    const { store } = app.engine;
    const together: number[] = [];
    const weighing = {
      ...app.engine,
      store: Object.assign(Object.create(store) as typeof store, {
        snapshot: async <T>(work: (reads: StoreReads) => Promise<T>) =>
          await store.snapshot(async (reads) => {
            const artifacts: StoreReads['artifacts'] = {
              ...reads.artifacts,
              findMany: async (owners, kind) => {
                const read = await reads.artifacts.findMany(owners, kind);
                together.push(read.reduce((sum, { sealed }) => sum + (sealed?.length ?? 0), 0));
                return read;
              },
            };
            return await work({ ...reads, artifacts });
          }),
      }),
    };
    expect(await found(weighing)).toEqual({ ids, count: 7 });
    expect(Math.max(...together)).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(Math.max(...together)).toBeGreaterThan(4 * 1024 * 1024);
    const only = { opens: ['transcript' as const], keeps: () => true };
    together.length = 0;
    expect(await found(weighing, { ...everyCall, opens: [], filter: only })).toEqual({ ids, count: 7 });
    expect(Math.max(...together)).toBeLessThanOrEqual(8 * 1024 * 1024);
  });
});
