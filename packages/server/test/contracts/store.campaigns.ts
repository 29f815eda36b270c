import { expect } from 'vitest';
import type { Candidate, Task } from '../../src/model/campaign.ts';
import { Bug } from '../../src/model/errors.ts';
import type { Store } from '../../src/model/store.ts';
import { addTenant, candidateOf, id, taskOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** More than any statement takes at once. */
const many = 2500;

async function addTasks(store: Store, ...tasks: Task[]): Promise<void> {
  await store.write(async (tx) => {
    for (const task of tasks) await tx.tasks.insert(task);
  });
}

/** Tasks and the candidates that are put on them. */
export const campaignCases = {
  'a task keeps every field, also those that are unknown, and changes what is named': async ({ store }) => {
    const tenant = await addTenant(store);
    const [full, bare] = [taskOf(tenant, { templateId: id(), day: 20_000 }), taskOf(tenant, { botId: null })];
    await addTasks(store, full, bare);
    expect(await store.reads.tasks.find(tenant.id, full.id)).toEqual(full);
    expect(await store.reads.tasks.find(tenant.id, bare.id)).toEqual(bare);
    await store.write(async (tx) => {
      await tx.tasks.update(bare.id, {});
      await tx.tasks.update(full.id, { status: 'HALTED', updatedAt: 9 });
    });
    expect(await store.reads.tasks.find(tenant.id, full.id)).toEqual({ ...full, status: 'HALTED', updatedAt: 9 });
    expect(await store.reads.tasks.find(tenant.id, bare.id)).toEqual(bare);
    await expect(store.write((tx) => tx.tasks.update(id(), { status: 'READY' }))).rejects.toThrow(Bug);
  },
  'a task of another tenant is not there, however it is asked for': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const [mine, foreign] = [taskOf(ours), taskOf(theirs, { botId: id(), day: 7 })];
    await addTasks(store, mine, foreign);
    expect(await store.reads.tasks.find(ours.id, foreign.id)).toBeUndefined();
    expect(await store.reads.tasks.findMany(ours.id, [foreign.id, mine.id, id()])).toEqual([mine]);
    expect(await store.reads.tasks.findMany(ours.id, [])).toEqual([]);
    const ofDay = { botId: foreign.botId ?? '', templateId: null, day: 7 };
    expect(await store.reads.tasks.findOfDay(ours.id, ofDay)).toBeUndefined();
    expect(await store.reads.tasks.ofTenant(ours.id, { afterId: '', limit: 9 })).toEqual([mine]);
  },
  'tasks of a tenant are told by id, from one on, in the states asked for': async ({ store }) => {
    const tenant = await addTenant(store);
    const tasks = (['READY', 'BLANK', 'READY', 'PAUSED'] as const).map((status) => taskOf(tenant, { status }));
    await addTasks(store, ...tasks.toReversed());
    const [first, second, third, fourth] = tasks;
    const told = async (options: Parameters<typeof store.reads.tasks.ofTenant>[1]) =>
      await store.reads.tasks.ofTenant(tenant.id, options);
    expect(await told({ afterId: '', limit: 3 })).toEqual([first, second, third]);
    expect(await told({ afterId: third?.id ?? '', limit: 3 })).toEqual([fourth]);
    expect(await told({ statuses: ['READY'], afterId: '', limit: 9 })).toEqual([first, third]);
    expect(await told({ statuses: ['PAUSED', 'BLANK'], afterId: first?.id ?? '', limit: 9 })).toEqual([second, fourth]);
    expect(await told({ statuses: [], afterId: '', limit: 9 })).toEqual([]);
    const other = taskOf(await addTenant(store));
    await addTasks(store, other);
    expect(await store.reads.tasks.page(second?.id ?? '', 9)).toEqual([third, fourth, other]);
  },
  'tasks that never came to their settings are found by when somebody was at them, and deleted': async ({ store }) => {
    const tenant = await addTenant(store);
    const [old, young, late] = [10, 30, 20].map((updatedAt) => taskOf(tenant, { status: 'ADDING', updatedAt }));
    if (old === undefined || young === undefined || late === undefined) throw new Error('there are three');
    const whole = taskOf(tenant, { updatedAt: 10 });
    await addTasks(store, old, young, late, whole);
    const { tasks } = store.reads;
    expect(await tasks.unfinished(30, 9)).toEqual([old, late]);
    expect(await tasks.unfinished(31, 1, old)).toEqual([late]);
    await store.write((tx) => tx.tasks.delete([old.id, late.id, id()]));
    expect(await tasks.unfinished(31, 9)).toEqual([young]);
    expect(await tasks.findMany(tenant.id, [old.id, young.id, late.id, whole.id])).toEqual([young, whole]);
  },
  'of a bot there is one task a day and template, and two that are made at once are one': async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const [botId, templateId] = [id(), id()];
    const [plain, made] = [taskOf(tenant, { botId, day: 3 }), taskOf(tenant, { botId, templateId, day: 3 })];
    const next = taskOf(tenant, { botId, day: 4 });
    const tasks = [plain, made, next, taskOf(other, { botId, day: 3 })];
    await addTasks(store, ...tasks, taskOf(tenant, { botId }), taskOf(tenant, { botId }));
    for (const again of tasks) {
      await expect(addTasks(store, { ...again, id: id() }), 'a second one').rejects.toThrow();
    }
    const ofDay = async (template: string | null, day: number) =>
      await store.reads.tasks.findOfDay(tenant.id, { botId, templateId: template, day });
    expect(await ofDay(null, 3)).toEqual(plain);
    expect(await ofDay(templateId, 3)).toEqual(made);
    expect(await ofDay(null, 4)).toEqual(next);
    expect(await ofDay(templateId, 4)).toBeUndefined();
    expect(await ofDay(null, 5)).toBeUndefined();
  },
  'candidates keep every field, and one of another tenant is not there': async ({ store }) => {
    const [ours, theirs] = [taskOf(await addTenant(store)), taskOf(await addTenant(store))];
    const full = candidateOf(ours, { status: 'CANCELLED', depersonalizedAt: 2 ** 45 });
    const [bare, foreign] = [candidateOf(ours, { botId: null }), candidateOf(theirs)];
    await store.write((tx) => tx.candidates.insert([foreign, full, bare]));
    const { candidates } = store.reads;
    expect(await candidates.find(ours.tenantId, full.id)).toEqual(full);
    expect(await candidates.find(ours.tenantId, foreign.id)).toBeUndefined();
    expect(await candidates.findMany(ours.tenantId, [foreign.id, bare.id, id(), full.id])).toEqual([full, bare]);
    expect(await candidates.findMany(ours.tenantId, [])).toEqual([]);
    expect(await candidates.ofTask(ours.tenantId, theirs.id, '', 9)).toEqual([]);
    expect(await candidates.countsOfTasks(ours.tenantId, [theirs.id])).toEqual(new Map());
  },
  'any number of candidates is added at once, or none, and read in pages by id': async ({ store }) => {
    const [one, two] = [taskOf(await addTenant(store)), taskOf(await addTenant(store))];
    const added = Array.from({ length: many }, (_, i) => candidateOf(i % 2 === 0 ? one : two));
    await store.write((tx) => tx.candidates.insert(added));
    await store.write((tx) => tx.candidates.insert([]));
    const again = store.write((tx) => tx.candidates.insert([candidateOf(one), ...added.slice(-1)]));
    await expect(again).rejects.toThrow();
    const read: Candidate[] = [];
    for (;;) {
      const page = await store.reads.candidates.page(read.at(-1)?.id ?? '', 1000);
      read.push(...page);
      if (page.length < 1000) break;
    }
    expect(read).toEqual(added);
    const mine = added.filter((candidate) => candidate.taskId === one.id);
    const first = await store.reads.candidates.ofTask(one.tenantId, one.id, '', 1000);
    expect(first).toEqual(mine.slice(0, 1000));
    const rest = await store.reads.candidates.ofTask(one.tenantId, one.id, first.at(-1)?.id ?? '', 1000);
    expect(rest).toEqual(mine.slice(1000));
  },
  'candidates are counted by task, and a task without any is left out': async ({ store }) => {
    const tenant = await addTenant(store);
    const [two, one, none] = [taskOf(tenant), taskOf(tenant), taskOf(tenant)];
    const added = [candidateOf(two), candidateOf(one, { status: 'CANCELLED' }), candidateOf(two)];
    await store.write((tx) => tx.candidates.insert(added));
    const counts = await store.reads.candidates.countsOfTasks(tenant.id, [none.id, one.id, two.id]);
    expect([...counts].sort()).toEqual(
      [
        [one.id, 1],
        [two.id, 2],
      ].sort(),
    );
    expect(await store.reads.candidates.countsOfTasks(tenant.id, [])).toEqual(new Map());
  },
  'cancelling reaches those of the candidates that are pending, and tells how many': async ({ store }) => {
    const task = taskOf(await addTenant(store));
    const [pending, cancelled, other] = [
      candidateOf(task),
      candidateOf(task, { status: 'CANCELLED', updatedAt: 2 }),
      candidateOf(task),
    ];
    await store.write((tx) => tx.candidates.insert([pending, cancelled, other]));
    const cancel = async () => await store.write((tx) => tx.candidates.cancel([pending.id, cancelled.id, id()], 77));
    expect(await cancel()).toBe(1);
    expect(await cancel()).toBe(0);
    const changed = { ...pending, status: 'CANCELLED', updatedAt: 77 };
    expect(await store.reads.candidates.ofTask(task.tenantId, task.id, '', 9)).toEqual([changed, cancelled, other]);
  },
} satisfies StoreCases;
