/** Tasks and candidates that two processes on PostgreSQL work on at the same moment. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { cancelCandidates } from '../../src/engine/campaigns/cancel-candidates.ts';
import { changeTask } from '../../src/engine/campaigns/change-task.ts';
import { createTask, taskOfDay } from '../../src/engine/campaigns/create-task.ts';
import { sweepCandidates } from '../../src/engine/campaigns/sweep-candidates.ts';
import { sweepTasks } from '../../src/engine/campaigns/sweep-tasks.ts';
import { depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import type { Candidate } from '../../src/model/campaign.ts';
import { newCallOf } from '../crash/life.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import type { TestApp } from '../support/harness.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { TwoProcesses } from '../support/two-processes.ts';

const phone = '512 555 0301';
const botId = '3f2b1c7e-0000-4000-8000-000000000001';
const done = { status: 'fulfilled' };
const refused = (code: string) => ({ status: 'rejected', reason: { code } });

describeWithPostgres('what two processes do to one campaign', (server) => {
  let at: TwoProcesses;
  let taskId: string;
  beforeEach(async () => {
    at = await TwoProcesses.start(server);
    taskId = await createTask(at.one.engine, at.caller, { name: 'spring', settings: {}, botId });
  });
  afterEach(async () => await at.end());

  const add = async (process: TestApp, options = { start: true }) =>
    await addCandidates(process.engine, at.caller, [newCandidate(taskId, 'row-1', [phone])], options);
  const change = async (process: TestApp, status: 'HALTED' | 'PAUSED') =>
    await changeTask(process.engine, at.caller, taskId, status);
  const cancel = async (process: TestApp) => await cancelCandidates(process.engine, at.caller, { taskId, phone });
  const erase = async (process: TestApp, id: string) =>
    await depersonalizeCandidate(process.engine, at.caller, id, { keepRecording: false, waitMs: 10_000 });

  /** A call of a candidate; what fails on the way is aborted. */
  async function callOf({ engine }: TestApp, candidateId: string): Promise<void> {
    const upload = new Upload(engine, at.caller);
    const call = newCallOf({ session: 's-1', phone, bytes: 0, hasTranscript: true });
    try {
      await upload.describe({ ...call, kind: 'call', source: 'native', candidateId, taskId }, { hasRecording: false });
      await upload.finish();
    } catch (error) {
      await upload.abort();
      throw error;
    }
  }

  async function candidates(): Promise<Candidate[]> {
    return await at.one.engine.store.reads.candidates.page('', 99);
  }

  async function taskStatus() {
    return (await at.one.engine.store.reads.tasks.find(at.caller.tenant.id, taskId))?.status;
  }

  test('the task of a day is made once', async () => {
    const of = { botId, templateId: null, day: 20_000 };
    const find = async ({ engine }: TestApp) =>
      await taskOfDay(engine, at.caller, of, { name: 'Single calls', settings: {} });
    const [mine, theirs] = await at.meet(
      async () => await find(at.one),
      async () => await find(at.other),
    );
    expect([mine, theirs]).toMatchObject([done, mine]);
    const tasks = await at.one.engine.store.reads.tasks.page('', 9);
    expect(tasks.filter(({ day }) => day === of.day)).toMatchObject([{ status: 'BLANK' }]);
  });

  test('a person whom both put on a task stands there once', async () => {
    const [mine, theirs] = await at.meet(
      async () => await add(at.one),
      async () => await add(at.other),
    );
    expect([mine, theirs]).toMatchObject([done, mine]);
    expect(await candidates()).toMatchObject([{ status: 'PENDING' }]);
  });

  test('a person whom the other is just sealing is finished by either, and stands there once', async () => {
    const [mine, theirs] = await at.meet(
      async () => await add(at.one),
      async () => await add(at.other),
      { after: 'candidates:named' },
    );
    expect([mine, theirs]).toMatchObject([done, mine]);
    expect(await candidates()).toMatchObject([{ status: 'PENDING' }]);
  });

  test('a task that is halted while people are shown on it stays so', async () => {
    const ended = await at.meet(
      async () => await add(at.one),
      async () => await change(at.other, 'HALTED'),
      { after: 'candidates:sealed' },
    );
    expect(ended).toMatchObject([done, done]);
    expect(await taskStatus()).toBe('HALTED');
  });

  test('nobody is put on a task that is being halted', async () => {
    const ended = await at.meet(
      async () => await change(at.one, 'HALTED'),
      async () => await add(at.other),
    );
    expect(ended).toMatchObject([done, refused('input_invalid')]);
    expect([await taskStatus(), await candidates()]).toEqual(['HALTED', []]);
  });

  test('a person who is shown while his number is cancelled is cancelled', async () => {
    const ended = await at.meet(
      async () => await add(at.one),
      async () => await cancel(at.other),
      { after: 'candidates:sealed' },
    );
    expect(ended).toMatchObject([done, { ...done, value: 1 }]);
    expect(await candidates()).toMatchObject([{ status: 'CANCELLED' }]);
  });

  test('a person who is shown while the sweep takes him for left alone stays', async () => {
    at.lapse(at.other.config.uploadLeaseMs + 1);
    const ended = await at.meet(
      async () => await add(at.one),
      async () => await sweepCandidates(at.other.engine),
      { after: 'candidates:sealed' },
    );
    expect(ended).toMatchObject([done, { ...done, value: 0 }]);
    expect(await candidates()).toMatchObject([{ status: 'PENDING' }]);
  });

  test('a person who is swept while his numbers are being sealed leaves nothing, and may be added again', async () => {
    at.lapse(at.other.config.uploadLeaseMs + 1);
    const [added, swept] = await at.meet(
      async () => await add(at.one),
      async () => await sweepCandidates(at.other.engine),
      { after: 'candidates:named' },
    );
    expect([added, swept]).toMatchObject([refused('upload_busy'), { ...done, value: 1 }]);
    expect(await candidates()).toEqual([]);
    await add(at.one);
    expect(await candidates()).toHaveLength(1);
  });

  test('a task whose settings come while the sweep takes it for left alone is there', async () => {
    at.lapse(at.other.config.uploadLeaseMs + 1);
    const ended = await at.meet(
      async () => await createTask(at.one.engine, at.caller, { name: 'autumn', settings: {}, botId: null }),
      async () => await sweepTasks(at.other.engine),
      { after: 'task:named' },
    );
    expect(ended).toMatchObject([done, { ...done, value: 0 }]);
  });

  test('an erasure of a candidate takes the call that is just being added', async () => {
    const [id = ''] = await add(at.one);
    const [, erased] = await at.meet(
      async () => await callOf(at.one, id),
      async () => await erase(at.other, id),
      { after: 'archive:slots-taken' },
    );
    // The call may have become visible before the erasure, which looks again, has begun.
    expect(erased).toMatchObject(done);
    expect(await personalKinds()).toEqual([]);
  });

  test('an erasure of a candidate takes the call that is just becoming visible', async () => {
    const [id = ''] = await add(at.one);
    const ended = await at.meet(
      async () => await callOf(at.one, id),
      async () => await erase(at.other, id),
      { after: 'archive:sealed' },
    );
    expect(ended).toMatchObject([done, done]);
    expect(await personalKinds()).toEqual([]);
  });

  test('a call that comes while its candidate is being shredded is refused', async () => {
    const [id = ''] = await add(at.one);
    const [erased, called] = await at.meet(
      async () => await erase(at.one, id),
      async () => await callOf(at.other, id),
      { after: 'shred:rows-cleared' },
    );
    expect([erased, called]).toMatchObject([done, { status: 'rejected' }]);
    expect(await personalKinds()).toEqual([]);
  });

  test('a repeat that meets the shredding of the candidate brings nobody back', async () => {
    const [id = ''] = await add(at.one);
    const [erased, added] = await at.meet(
      async () => await erase(at.one, id),
      async () => await add(at.other),
      { after: 'shred:rows-cleared' },
    );
    expect(erased).toMatchObject(done);
    expect([refused('upload_busy'), { ...done, value: [id] }]).toContainEqual(
      added.status === 'fulfilled' ? added : refused((added.reason as { code: string }).code),
    );
    expect(await candidates()).toMatchObject([{ id, status: 'CANCELLED' }]);
    expect(await personalKinds()).toEqual([]);
  });

  /** What there is of candidates and calls that a depersonalization erases. */
  async function personalKinds(): Promise<string[]> {
    const all = await at.one.engine.store.reads.artifacts.page(0, 1000);
    return all.flatMap(({ kind }) => (['details', 'transcript', 'recording'].includes(kind) ? [kind] : []));
  }
});
