/** The campaign of the life in the kill table: people are put on a task, some twice, one is taken off. */
import { expect } from 'vitest';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { addSingleCalls } from '../../src/engine/campaigns/add-single-calls.ts';
import { cancelCandidates } from '../../src/engine/campaigns/cancel-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { listCandidates } from '../../src/engine/campaigns/list-candidates.ts';
import { listTasks } from '../../src/engine/campaigns/list-tasks.ts';
import { sweepCandidates } from '../../src/engine/campaigns/sweep-candidates.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';

const all = { offset: 0, limit: 100 };
const botId = '3f2b1c7e-0000-4000-8000-000000000001';
const nothing = { callbackData: null, timezone: null, checkPhone: null, autoCallTemplateId: null };
const people = ['one', 'two', 'three'].map((name, i) => ({
  details: { phones: [`+1512555020${i}`, `+1512555021${i}`], variables: { name } },
  correlation: { ...nothing, clientExternalId: name },
}));

/** How many candidates the task has, and the day's task of single calls. */
const counts = { whole: people.length, single: 1 };

/** Lives it. Every answer is what the life goes on with, so that a death leaves no more than one request undone. */
export async function liveCampaign(engine: Engine, caller: Caller): Promise<void> {
  const taskId = await createTask(engine, caller, { name: 'spring', settings: { cps: '0.97' }, botId });
  const given = people.map((one) => ({ taskId, botId: null, ...one }));
  const ids = await addCandidates(engine, caller, given, { start: true });
  expect(await addCandidates(engine, caller, given, { start: false })).toEqual(ids);
  for (const one of people.slice(0, counts.single)) {
    await addSingleCalls(engine, caller, [{ botId, templateId: null, ...one }]);
  }
  await cancelCandidates(engine, caller, { taskId, phone: '(512) 555-0200' });
}

/**
 * Whatever the life came to: a task is there with its settings or not at all, its candidates all of them or none, each as
 * it was given; and nothing is left of those that were not shown.
 */
export async function expectCampaign(engine: Engine, caller: Caller): Promise<void> {
  await sweepCandidates(engine);
  const rows = await engine.store.reads.candidates.page('', 1000);
  expect(rows.filter(({ status }) => status === 'ADDING')).toEqual([]);
  const asked = { statuses: undefined, keyword: undefined, from: undefined, to: undefined, orders: [], ...all };
  const { tasks } = await listTasks(engine, caller, asked);
  for (const { task, name } of tasks) {
    const { count, candidates } = await listCandidates(engine, caller, {
      taskId: task.id,
      statuses: undefined,
      ...all,
    });
    const expected = name === 'spring' ? people : people.slice(0, counts.single);
    expect([0, expected.length]).toContain(count);
    expect(task.status, `of a task with ${count} candidates`).toBe(count === 0 ? 'BLANK' : 'PROCESS');
    const read = candidates.map(({ phones, variables, clientExternalId }) => ({ phones, variables, clientExternalId }));
    const given = expected.map(({ details, correlation }) => ({
      ...details,
      clientExternalId: correlation.clientExternalId,
    }));
    expect(read).toEqual(given.slice(0, count));
  }
  expect(rows).toHaveLength(tasks.reduce((sum, one) => sum + one.candidateCount, 0));
}
