/** A vendor's erasure that ended with items under hold, tried again by the native API: it waits for their release. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { ErasingScene } from '../support/erasing-scene.ts';
import { PlanClient } from '../support/plan-client.ts';
import { until } from '../support/until.ts';

let erasing: ErasingScene;
let client: PlanClient;
beforeEach(async () => {
  erasing = await ErasingScene.start();
  client = new PlanClient(erasing.scene.app, await erasing.tokenOf(erasing.caller.tenant));
});
afterEach(async () => {
  await untilQuiet(erasing.engine);
  expect((await fsck(erasing.engine, { deep: true })).problems).toEqual([]);
  await erasing.scene.end();
});

const release = async (id: string) => await releaseHold(erasing.engine, erasing.caller, id);
const view = async (id: string) => (await client.get(`/v1/erasures/${id}`)).body;
const retry = async (id: string) => await client.post(`/v1/erasures/${id}/retry`);
const isHere = async (id: string) => (await client.get(`/v1/calls/${id}`)).status === 200;
const untilState = async (id: string, state: string) => await until(async () => (await view(id)).state === state);

/** A hold comes on this call or candidate between the gate of the erasure that `send` asks for and its shredding. */
async function heldOnTheWay(callId: string, send: () => Promise<unknown>): Promise<{ id: string; hold: string }> {
  let hold = '';
  const placed = erasing.scene.faults.next('erase:gated', async () => {
    hold = await erasing.hold(callId);
  });
  await send();
  await placed;
  const [erasure] = await erasing.engine.store.reads.erasures.page('', 9);
  const id = erasure?.id ?? '';
  await untilState(id, 'completed_with_failures');
  return { id, hold };
}

/** The job has looked since it was asked to, has found that it must wait, and does: it is not at once tried again. */
async function untilWaiting(id: string): Promise<void> {
  await until(async () => {
    const jobs = await erasing.engine.store.reads.jobs.list({ unfinishedOnly: true, limit: 9 });
    const now = erasing.engine.clock.now();
    return jobs.some(
      (job) => job.payload === id && job.lastError === 'item_held' && job.leaseOwner === null && job.runAt > now + 100,
    );
  });
}

async function timesIn(id: string): Promise<string[]> {
  const { unreadableAt, shreddedAt, sealedAt, goneAt } = await view(id);
  return [unreadableAt, shreddedAt, sealedAt, goneAt];
}

describe('a Creovai purge one of whose calls was held at the last moment', () => {
  let free: string;
  let held: string;
  let id: string;
  let hold: string;
  const purge = async () => await erasing.scene.client.purge('', { ids: [free, held] });
  const told = async () => (await purge()).map(({ status, errorMsg }) => [status, errorMsg]);
  const statuses = async () => [await erasing.scene.client.status('free'), await erasing.scene.client.status('held')];
  const underHold = [
    ['NotFound', null],
    ['Error', 'legal hold'],
  ];

  beforeEach(async () => {
    free = await erasing.scene.archived('free', '+15125550100');
    held = await erasing.scene.archived('held', '+15125550101');
    ({ id, hold } = await heldOnTheWay(held, purge));
  });

  test('has ended without that call, whose client is told of the hold and finds it as it was', async () => {
    expect(await view(id)).toMatchObject({ state: 'completed_with_failures', progress: { verified: 1, held: 1 } });
    expect(await told()).toEqual(underHold);
    expect(await statuses()).toEqual(['NotFound', 'Complete']);
    await erasing.scene.expectPlays(held);
    expect((await client.get(`/v1/erasures/${id}/receipt`)).body).toMatchObject({ code: 'receipt_not_ready' });
  });

  test('waits once it is tried again, erases nothing meanwhile, and goes to its end with the release', async () => {
    const before = await timesIn(id);
    expect(before).not.toContain(null);
    expect(await retry(id)).toMatchObject({ status: 202, body: { id, state: 'running' } });
    await untilWaiting(id);
    expect(await view(id)).toMatchObject({
      state: 'running',
      progress: { verified: 1, held: 1 },
      shreddedAt: null,
      sealedAt: null,
      goneAt: null,
    });
    expect(await told()).toEqual(underHold);
    expect(await statuses()).toEqual(['NotFound', 'Complete']);
    await erasing.scene.expectPlays(held);

    await release(hold);
    await untilState(id, 'completed');
    expect(await isHere(held)).toBe(false);
    expect(await statuses()).toEqual(['NotFound', 'NotFound']);
    expect(await told()).toEqual([
      ['NotFound', null],
      ['NotFound', null],
    ]);
    const [unreadableAt, ...after] = await timesIn(id);
    expect(unreadableAt).toBe(before[0]);
    for (const [i, at] of after.entries()) expect(Date.parse(at)).toBeGreaterThan(Date.parse(before[i + 1] ?? ''));
    expect((await client.get(`/v1/erasures/${id}/receipt`)).status).toBe(200);
  });

  test('goes to its end at once when it is tried again after the release, and not by the release alone', async () => {
    await release(hold);
    await untilQuiet(erasing.engine);
    expect([(await view(id)).state, await isHere(held)]).toEqual(['completed_with_failures', true]);
    expect((await retry(id)).status).toBe(202);
    await untilState(id, 'completed');
    expect(await isHere(held)).toBe(false);
    expect(await retry(id)).toMatchObject({ status: 409, body: { code: 'erasure_state' } });
  });

  test('tried again twice while it waits has one job and is told twice in the audit', async () => {
    expect((await retry(id)).status).toBe(202);
    await untilWaiting(id);
    expect((await retry(id)).status).toBe(202);
    await untilWaiting(id);
    const jobs = await erasing.engine.store.reads.jobs.list({ unfinishedOnly: true, limit: 9 });
    expect(jobs.map(({ payload }) => payload)).toEqual([id]);
    expect((await client.get('/v1/audit?event=erasure.retried')).body.rows).toHaveLength(2);
    await release(hold);
    await untilState(id, 'completed');
  });
});

test('a Twin24 erasure of a candidate, one of whose calls was held at the last moment, waits whole and goes whole', async () => {
  const mine = await erasing.campaign();
  const before = await erasing.states(mine);
  const { id, hold } = await heldOnTheWay(mine.otherId, async () => {
    const flag = { body: JSON.stringify({ skipDeleteRecord: false }), contentType: 'application/json' };
    expect((await erasing.send('K0', mine, flag)).statusCode).toBe(400);
  });
  expect(await view(id)).toMatchObject({ progress: { verified: 0, held: 3 } });
  expect((await retry(id)).status).toBe(202);
  await untilWaiting(id);
  expect(await erasing.states(mine)).toEqual(before);
  await release(hold);
  await untilState(id, 'completed');
  expect(await view(id)).toMatchObject({ progress: { verified: 3, held: 0 } });
  const { reads } = erasing.engine.store;
  const tenantId = erasing.caller.tenant.id;
  const candidate = await reads.candidates.find(tenantId, mine.candidateId);
  const calls = await reads.calls.findMany(tenantId, [mine.callId, mine.otherId]);
  const marks = [candidate, ...calls].map((row) => row?.depersonalizedAt);
  expect(marks).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)]);
});
