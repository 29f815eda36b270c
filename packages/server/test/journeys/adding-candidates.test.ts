/** How long people may be on their way to a task, and what becomes of those, and of tasks, whose request has died. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { addSingleCalls } from '../../src/engine/campaigns/add-single-calls.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { readCandidate } from '../../src/engine/campaigns/read-candidate.ts';
import { readTask } from '../../src/engine/campaigns/read-task.ts';
import { sweepCandidates } from '../../src/engine/campaigns/sweep-candidates.ts';
import { sweepTasks } from '../../src/engine/campaigns/sweep-tasks.ts';
import type { Engine } from '../../src/engine/context.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { shortenLeases } from '../../src/engine/upkeep/shorten-leases.ts';
import { leafOf } from '../../src/keys/page.ts';
import type { Faults } from '../../src/lib/faults.ts';
import { AppError } from '../../src/model/errors.ts';
import { flipped } from '../fsck/damage.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { spoilPage } from '../support/raw-database.ts';

const dayMs = 24 * 3_600_000;
const botId = '3f2b1c7e-0000-4000-8000-000000000001';

let lapsedMs: number;
/** What happens whenever the product comes to a point. */
let at: (point: string) => Promise<void>;
const faults: Faults = { at: async (point) => await at(point) };
let app: TestApp;
let engine: Engine;
let taskId: string;

beforeEach(async () => {
  lapsedMs = 0;
  at = async () => undefined;
  app = await startApp({ faults, clock: { now: () => Date.now() + lapsedMs } });
  ({ engine } = app);
  taskId = await createTask(engine, app.caller(), { name: 'spring', settings: {}, botId });
});
afterEach(async () => await app.close());

const people = (count: number) =>
  Array.from({ length: count }, (_, i) => newCandidate(taskId, `${i}`, [`512555${1000 + i}`]));

async function add(count: number): Promise<string[]> {
  return await addCandidates(engine, app.caller(), people(count), { start: false });
}

/** Does the work up to the point, where its process dies. */
async function dieAt(point: string, work: () => Promise<unknown>): Promise<void> {
  at = async (reached) => {
    if (reached === point) throw new AppError('store_failed');
  };
  await expect(work()).rejects.toMatchObject({ code: 'store_failed' });
  at = async () => undefined;
}

async function rowsOnTask() {
  return await engine.store.reads.candidates.ofTask(app.tenant.id, taskId, '', 9999);
}

function lapseLease(part: number): void {
  lapsedMs += part * engine.limits.uploadLeaseMs;
}

describe('people on their way to a task', () => {
  test('are not swept while their request is at it, however many leases it takes', async () => {
    const swept: number[] = [];
    at = async (point) => {
      if (!point.startsWith('candidates:')) return;
      lapseLease(0.6);
      swept.push(await sweepCandidates(engine));
    };
    const ids = await add(700);
    expect(swept).toEqual([0, 0, 0, 0, 0]);
    const [first] = await rowsOnTask();
    expect(first).toMatchObject({ id: ids[0], status: 'PENDING', updatedAt: first?.createdAt });
    expect(await readTask(engine, app.caller(), taskId)).toMatchObject({ candidateCount: 700 });
  });

  test('are not swept under whoever finishes what a dead request has left', async () => {
    await dieAt('candidates:named', async () => await add(1));
    const [dead] = await rowsOnTask();
    lapseLease(1.1);
    at = async (point) => {
      if (point === 'candidates:named') expect(await sweepCandidates(engine)).toBe(0);
    };
    expect(await add(1)).toEqual([dead?.id]);
    expect(await readCandidate(engine, app.caller(), dead?.id ?? '')).toMatchObject({ clientExternalId: '0' });
  });

  test('are swept in time although the clock was set back meanwhile, and not before', async () => {
    lapsedMs = dayMs;
    await dieAt('candidates:named', async () => await add(3));
    await dieAt(
      'task:named',
      async () => await createTask(engine, app.caller(), { name: 'x', settings: {}, botId: null }),
    );
    lapsedMs = 0;
    // Their leases, and that of the process's slots.
    expect(await shortenLeases(engine)).toBe(5);
    expect(await shortenLeases(engine)).toBe(0);
    expect([await sweepCandidates(engine), await sweepTasks(engine)]).toEqual([0, 0]);
    lapseLease(1.1);
    expect([await sweepCandidates(engine), await sweepTasks(engine)]).toEqual([3, 1]);
  });

  test('are still shown where the clock was set back by a day under their request', async () => {
    let isSet = false;
    at = async (point) => {
      if (point !== 'candidates:named') return;
      if (!isSet) lapsedMs = -dayMs;
      else lapseLease(0.6);
      isSet = true;
      await shortenLeases(engine);
      expect(await sweepCandidates(engine)).toBe(0);
    };
    expect(await add(600)).toHaveLength(600);
  });

  test('whose keys cannot be destroyed keep no others from being swept, and it is told', async () => {
    await dieAt('candidates:named', async () => await add(1));
    // The next ones stand in another leaf.
    await engine.issuer.take(engine.tree.shape.fanOut);
    await dieAt('candidates:sealed', async () => {
      return await addCandidates(engine, app.caller(), people(131).slice(1), { start: false });
    });
    const [damaged, ...others] = await rowsOnTask();
    const [artifact] = await engine.store.reads.artifacts.ofOwner(damaged?.id ?? '');
    await spoilPage(app.config, leafOf(artifact?.slot ?? 0, engine.tree.shape).leaf, flipped);
    lapseLease(1.1);
    await expect(sweepCandidates(engine)).rejects.toMatchObject({ code: 'damage' });
    expect(others).toHaveLength(130);
    expect(await rowsOnTask()).toEqual([damaged]);
    expect(app.logged.some((line) => line.includes('adding.not_swept') && line.includes(damaged?.id ?? '-'))).toBe(
      true,
    );
  });
});

describe('a task whose settings never came', () => {
  const makeTask = async () => await createTask(engine, app.caller(), { name: 'autumn', settings: {}, botId });
  const callOnce = async () => {
    const { details, correlation } = newCandidate(taskId, 'single', ['512 555 0301']);
    return await addSingleCalls(engine, app.caller(), [{ botId, templateId: null, details, correlation }]);
  };
  const rowsNamed = async () => (await engine.store.reads.tasks.page('', 99)).filter(({ id }) => id !== taskId);

  test.each([
    ['a client', makeTask],
    ['a single call', callOnce],
  ])('to %s is destroyed with its key, and another is made when it is asked for again', async (_, make) => {
    await dieAt('task:named', make);
    const [dead] = await rowsNamed();
    const [artifact] = await engine.store.reads.artifacts.ofOwner(dead?.id ?? '');
    expect(await sweepTasks(engine)).toBe(0);
    lapseLease(1.1);
    expect(await sweepTasks(engine)).toBe(1);
    expect(await sweepTasks(engine)).toBe(0);
    expect(await rowsNamed()).toEqual([]);
    expect(await engine.store.reads.artifacts.ofOwner(dead?.id ?? '')).toEqual([]);
    expect((await engine.tree.open(artifact?.slot ?? -1)).kind).toBe('destroyed');
    expect((await fsck(engine, { deep: true })).problems).toEqual([]);
    await make();
    const [again] = await rowsNamed();
    expect(again?.id).not.toBe(dead?.id);
    expect(again?.status).not.toBe('ADDING');
  });

  test('in time is not answered with the id of one that was swept', async () => {
    at = async (point) => {
      if (point !== 'task:named') return;
      lapseLease(1.1);
      expect(await sweepTasks(engine)).toBe(1);
    };
    await expect(makeTask()).rejects.toMatchObject({ code: 'upload_busy' });
    await expect(callOnce()).rejects.toMatchObject({ code: 'upload_busy' });
    expect(await rowsNamed()).toEqual([]);
  });

  test('stays where it has settings, whatever its age', async () => {
    const id = await makeTask();
    lapsedMs += 400 * dayMs;
    expect(await sweepTasks(engine)).toBe(0);
    expect(await readTask(engine, app.caller(), id)).toMatchObject({ name: 'autumn' });
  });
});
