import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { addSingleCalls } from '../../src/engine/campaigns/add-single-calls.ts';
import type { NewCandidate } from '../../src/engine/campaigns/name-candidates.ts';
import { sweepCandidates } from '../../src/engine/campaigns/sweep-candidates.ts';
import { depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import type { Faults } from '../../src/lib/faults.ts';
import { AppError } from '../../src/model/errors.ts';
import { expectSlotsJournaledOnce } from '../crash/invariants.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { botId, TwinCampaigns } from '../support/twin-campaigns.ts';

const base = '/telephony/autoCallCandidate';
const dayMs = 86_400_000;

let lapsedMs = 0;
const faults = new HookedFaults();
/** The point at which the next request that comes there fails. */
let failing = '';
const failingFaults: Faults = {
  async at(point) {
    if (point !== failing) return await faults.at(point);
    failing = '';
    throw new AppError('store_failed');
  },
};
let app: TestApp;
let client: TwinCampaigns;
let taskId: string;

beforeAll(async () => {
  // No worker but the test's own: what upkeep would sweep, it sweeps when it wants to.
  app = await startApp({ faults: failingFaults, clock: { now: () => Date.now() + lapsedMs } });
  await app.listen();
});
afterAll(async () => {
  await untilQuiet(app.engine);
  await app.engine.issuer.close();
  await expectSlotsJournaledOnce(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});
beforeEach(async () => {
  client = await TwinCampaigns.start(app);
  taskId = await client.task();
});

function newCandidate(phones: string[], change: Partial<NewCandidate['correlation']> = {}): NewCandidate {
  const nothing = { callbackData: null, clientExternalId: null, timezone: null, checkPhone: null };
  const correlation = { ...nothing, autoCallTemplateId: null, ...change };
  return { taskId, botId: null, details: { phones, variables: {} }, correlation };
}

describe('a candidate that is added again', () => {
  test('is answered with the id that it has, however its number is written, and keeps what it was given first', async () => {
    const [first] = await client.added(taskId, { phone: ['+15125550101'], clientExternalId: 'a', variables: { n: 1 } });
    const again = { phone: ['512 555 0101', '15125550199'], clientExternalId: 'a', variables: { n: 2 } };
    expect(await client.added(taskId, again)).toEqual([first]);
    expect(await client.candidates(taskId)).toMatchObject({
      count: 1,
      items: [{ id: first, phone: ['15125550101'], variables: { n: 1 } }],
    });
    expect((await client.readTask(taskId))['candidateCount']).toBe(1);
  });

  test('is another one where the number, the id of the client or the task is another', async () => {
    const [first, ...others] = await client.added(
      taskId,
      { phone: ['15125550101'], clientExternalId: 'a' },
      { phone: ['15125550101'], clientExternalId: 'b' },
      { phone: ['15125550101'] },
      { phone: ['15125550102'], clientExternalId: 'a' },
    );
    const elsewhere = await client.added(await client.task(), { phone: ['15125550101'], clientExternalId: 'a' });
    expect(new Set([first, ...others, ...elsewhere]).size).toBe(5);
    expect(await client.added(taskId, { phone: ['15125550101'], clientExternalId: 'b' })).toEqual([others[0]]);
  });

  test('is the same within one batch, in all its places', async () => {
    const one = { phone: ['15125550101'] };
    const two = { phone: ['15125550102', '15125550103'] };
    const ids = await client.added(taskId, one, two, { phone: ['15125550103'] }, one);
    expect(ids).toEqual([ids[0], ids[1], ids[1], ids[0]]);
    expect((await client.candidates(taskId)).count).toBe(2);
  });

  test('is the same across the transactions of a large batch', async () => {
    const many = Array.from({ length: 450 }, (_, i) => ({ phone: [`1512555${1000 + (i % 225)}`] }));
    const ids = await client.added(taskId, ...many);
    expect(ids.slice(225)).toEqual(ids.slice(0, 225));
    expect(await client.added(taskId, ...many)).toEqual(ids);
    expect((await client.candidates(taskId, 'limit=1000')).items.map(({ id }) => id)).toEqual(ids.slice(0, 225));
  });

  test('is the same for requests that come at once', async () => {
    const body = { autoCallId: taskId, phone: ['15125550101'], clientExternalId: 'a', variables: { a: 1 } };
    const answers = await Promise.all(Array.from({ length: 8 }, async () => await client.post(base, body)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await client.candidates(taskId)).toMatchObject({ count: 1, items: [{ variables: { a: 1 } }] });
  });

  test('is a new one after it was cancelled, or erased', async () => {
    const phone = '15125550101';
    const [first = ''] = await client.added(taskId, { phone: [phone] });
    await client.post(`${base}/cancel?autoCallId=${taskId}&phone=${phone}`);
    const [second = ''] = await client.added(taskId, { phone: [phone] });
    await depersonalizeCandidate(app.engine, client.caller, second, { keepRecording: false, waitMs: 10_000 });
    const [third = ''] = await client.added(taskId, { phone: [phone] });
    expect(new Set([first, second, third]).size).toBe(3);
    const shown = (await client.candidates(taskId)).items;
    expect(shown.map(({ status }) => status)).toEqual(['CANCELLED', 'CANCELLED', 'PENDING']);
    expect(shown.map((one) => one.phone)).toEqual([[phone], [], [phone]]);
  });
});

describe('a candidate that was erased', () => {
  const given = { phone: ['15125550101', '15125550102'], variables: { a: 1 }, callbackData: { b: 2 }, timezone: 3600 };

  test('shows no number and no variable, and keeps the rest', async () => {
    const [id = ''] = await client.added(taskId, { ...given, clientExternalId: 'a' });
    const before = await client.candidate(id);
    await depersonalizeCandidate(app.engine, client.caller, id, { keepRecording: true, waitMs: 10_000 });
    const after = await client.candidate(id);
    const erased = { phone: [], variables: {}, status: 'CANCELLED', updatedAt: after['updatedAt'] };
    expect(after).toEqual({ ...before, ...erased });
    expect((await client.candidates(taskId)).items).toEqual([after]);
    await client.post(`${base}/cancel?autoCallId=${taskId}&phone=15125550102`);
    expect(await client.candidate(id)).toEqual(after);
  });

  test('is shown so from the start of its erasure, before any key is destroyed', async () => {
    const [id = ''] = await client.added(taskId, given);
    const gate = faults.stop('erase:gated');
    const erasing = depersonalizeCandidate(app.engine, client.caller, id, { keepRecording: false, waitMs: 10_000 });
    await gate.reached;
    expect(await client.candidate(id)).toMatchObject({
      phone: [],
      variables: {},
      callbackData: { b: 2 },
      timezone: 3600,
    });
    const [other] = await client.added(taskId, { phone: ['15125550101'] });
    expect(other).not.toBe(id);
    gate.goOn();
    await erasing;
    expect(await client.candidate(id)).toMatchObject({ phone: [], variables: {} });
  });
});

describe('a request that ends half-way', () => {
  const endAt = async (point: string, given: readonly NewCandidate[]) => {
    failing = point;
    const adding = addCandidates(app.engine, client.caller, given, { start: true });
    await expect(adding).rejects.toMatchObject({ code: 'store_failed' });
  };

  test.each(['candidates:named', 'candidates:sealed'])(
    'at %s shows nothing, adds nothing to a task, and is finished by the same request when it comes again',
    async (point) => {
      await endAt(point, [newCandidate(['15125550101', '15125550102'], { clientExternalId: 'a' })]);
      const [row] = await app.engine.store.reads.candidates.ofTask(client.tenant.id, taskId, '', 9);
      expect(row?.status).toBe('ADDING');
      expect(await client.candidates(taskId)).toEqual({ count: 0, items: [] });
      expect((await client.get(`${base}/${row?.id}`)).status).toBe(404);
      expect(await client.readTask(taskId)).toMatchObject({ status: 'BLANK', candidateCount: 0 });
      const again = { phone: ['15125550102', '15125550101'], clientExternalId: 'a', variables: { a: 1 } };
      expect(await client.added(taskId, again, { phone: ['15125550101'] })).toEqual([row?.id, expect.any(String)]);
      expect(await client.candidate(row?.id ?? '')).toMatchObject({ phone: again.phone, variables: { a: 1 } });
      expect((await client.candidates(taskId)).count).toBe(2);
    },
  );

  test('is nothing to a request for other numbers, and is swept with its keys once nobody can be waiting', async () => {
    const given = Array.from({ length: 130 }, (_, i) =>
      newCandidate([`1512555${1000 + i}`, '15125559999'], { clientExternalId: `${i}` }),
    );
    await endAt('candidates:sealed', given);
    const [other] = await client.added(taskId, { phone: ['15125559999'], clientExternalId: '7' });
    const { reads } = app.engine.store;
    const dead = (await reads.candidates.ofTask(client.tenant.id, taskId, '', 999)).filter(({ id }) => id !== other);
    expect(dead).toHaveLength(130);
    const slots = (
      await reads.artifacts.findMany(
        dead.map(({ id }) => id),
        'details',
      )
    ).map(({ slot }) => slot);
    expect(await sweepCandidates(app.engine)).toBe(0);
    lapsedMs += app.engine.limits.uploadLeaseMs + 1000;
    expect(await sweepCandidates(app.engine)).toBe(130);
    expect(await sweepCandidates(app.engine)).toBe(0);
    expect(await reads.candidates.ofTask(client.tenant.id, taskId, '', 999)).toMatchObject([{ id: other }]);
    expect(new Set((await app.engine.tree.statesOf(slots)).values())).toEqual(new Set(['destroyed']));
    expect(
      await reads.tokens.countOfOwners(
        dead.map(({ id }) => id),
        'all',
      ),
    ).toBe(0);
    expect((await client.candidate(other ?? '')).phone).toEqual(['15125559999']);
  });

  test('in a task that is made shows no task, and the single calls of the day go on with it', async () => {
    const botSettingsId = botId();
    failing = 'task:named';
    expect((await client.post(`${base}/single`, { botSettingsId, phone: ['15125550101'] })).status).toBe(503);
    expect((await client.tasks()).count).toBe(1);
    const answer = await client.post(`${base}/single`, { botSettingsId, phone: ['15125550101'] });
    const { autoCallId } = answer.json as { autoCallId: string };
    expect(await client.readTask(autoCallId)).toMatchObject({ status: 'PROCESS', candidateCount: 1 });
    expect((await client.tasks()).count).toBe(2);
  });

  test('because it was swept meanwhile is told to come again, and adds nobody', async () => {
    const stopped = faults.stop('candidates:sealed');
    const adding = client.post(base, { autoCallId: taskId, phone: ['15125550101'] });
    await stopped.reached;
    lapsedMs += app.engine.limits.uploadLeaseMs + 1000;
    expect(await sweepCandidates(app.engine)).toBe(1);
    stopped.goOn();
    const answer = await adding;
    expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
    expect(await client.candidates(taskId)).toEqual({ count: 0, items: [] });
    expect(await client.added(taskId, { phone: ['15125550101'] })).toHaveLength(1);
  });
});

test('a request that meets another on its way to the same candidate brings it to its end, and both name it', async () => {
  const body = { autoCallId: taskId, phone: ['15125550101'] };
  const stopped = faults.stop('candidates:named');
  const first = client.post(base, { ...body, variables: { n: 1 } });
  await stopped.reached;
  const second = await client.post(base, { ...body, variables: { n: 2 } });
  stopped.goOn();
  expect((await first).text).toBe(second.text);
  expect(await client.candidates(taskId)).toMatchObject({ count: 1, items: [{ variables: { n: 2 } }] });
});

test('a task that is halted while people are put on it shows none of those who came too late', async () => {
  const stopped = faults.stop('candidates:named');
  const many = Array.from({ length: 250 }, (_, i) => ({ autoCallId: taskId, phone: [`1512555${1000 + i}`] }));
  const adding = client.post(`${base}/batch`, { batch: many });
  await stopped.reached;
  await client.post(`/telephony/autoCall/${taskId}/halted`);
  stopped.goOn();
  expect((await adding).status).toBe(400);
  expect(await client.candidates(taskId)).toEqual({ count: 0, items: [] });
});

test('single calls of the next day are put on another task', async () => {
  const [bot, details] = [botId(), { phones: ['15125550101'], variables: {} }];
  const single = { botId: bot, templateId: null, details, correlation: newCandidate([]).correlation };
  const [today] = await addSingleCalls(app.engine, client.caller, [single]);
  lapsedMs += dayMs;
  const [tomorrow] = await addSingleCalls(app.engine, client.caller, [single]);
  expect(tomorrow?.taskId).not.toBe(today?.taskId);
  expect(tomorrow?.id).not.toBe(today?.id);
});
