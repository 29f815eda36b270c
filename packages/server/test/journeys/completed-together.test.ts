/** Small erasures of several tenants that are completed at once: what befalls one of them is not the others' affair. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { readCall } from '../../src/engine/calls/read-call.ts';
import type { Caller } from '../../src/engine/context.ts';
import { eraseNow, type Started } from '../../src/engine/erasure/erase-now.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Faults } from '../../src/lib/faults.ts';
import type { ErasureAction } from '../../src/model/erasure.ts';
import { AppError } from '../../src/model/errors.ts';
import { expectSlotsJournaledOnce } from '../crash/invariants.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { loseNextAnswer } from '../support/lost-answer.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';
import { rawDatabase } from '../support/raw-database.ts';
import { StubbornBlobs } from '../support/stubborn-blobs.ts';

/** Those that come first are completed one by one, in lanes; whatever comes while all are busy is completed together. */
const lanes = 4;
const actions: readonly ErasureAction[] = ['purge', 'depersonalize', 'delete-recording'];
/** For how long nobody else may touch what was stolen. */
const theftMs = 5 * 60_000;
const held = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };

/** Counts; does something, or fails, when the product comes to a point for the n-th time. */
class CountingFaults implements Faults {
  readonly reached = new Map<string, number>();
  failing = { point: '', time: 0 };
  acting = { point: '', time: 0, work: async (): Promise<void> => undefined };

  async at(point: string): Promise<void> {
    const time = (this.reached.get(point) ?? 0) + 1;
    this.reached.set(point, time);
    if (this.acting.point === point && this.acting.time === time) await this.acting.work();
    if (this.failing.point === point && this.failing.time === time) throw new AppError('store_failed');
  }
}

type Begun = { started: Started; caller: Caller; action: ErasureAction; callIds: string[]; blobs: string[] };

let app: TestApp;
let blobs: StubbornBlobs;
let faults: CountingFaults;
let callers: Caller[];
let lapsedMs: number;

beforeEach(async () => {
  lapsedMs = 0;
  blobs = new StubbornBlobs({ clock: systemClock });
  faults = new CountingFaults();
  app = await startApp({ blobs, faults, clock: { now: () => Date.now() + lapsedMs } });
  callers = [app.caller()];
  for (const slug of ['second', 'third']) {
    callers.push({ ...app.caller(), tenant: await createTenant(app.engine, { slug, region: 'US' }) });
  }
});

afterEach(async () => {
  await untilQuiet(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.engine.issuer.close();
  await expectSlotsJournaledOnce(app.engine);
  await app.close();
});

/** Begins so many erasures, of two calls each, and holds them back; they are shredded when `go` is called. */
async function begun(count: number): Promise<{ all: Begun[]; go: () => void }> {
  let go: () => void = () => undefined;
  const told = new Promise<void>((resolve) => {
    go = resolve;
  });
  const all: Begun[] = [];
  for (let i = 0; i < count; i += 1) {
    const caller = callers[i % callers.length] ?? app.caller();
    const action = actions[Math.floor(i / callers.length) % actions.length] ?? 'purge';
    const callIds = [await archived(caller, `${i} a`), await archived(caller, `${i} b`)];
    const asked = { action, keepRecording: false, callIds, beforeShredding: async () => await told };
    const started = await eraseNow(app.engine, caller, asked);
    if (started === undefined) throw new Error('there was nothing to erase');
    all.push({ started, caller, action, callIds, blobs: await blobsOf(callIds) });
  }
  return { all, go };
}

async function archived(caller: Caller, sessionId: string): Promise<string> {
  const recording = { bytes: Buffer.from(sessionId.repeat(500)), contentType: 'audio/mpeg' };
  const participants = [{ role: 'customer', phone: '+15125550123', email: null, name: null }];
  return await archivePlatformCall(app.engine, caller, {
    recording,
    details: { participants },
    correlation: { sessionId },
  });
}

async function blobsOf(callIds: readonly string[]): Promise<string[]> {
  const found = await app.engine.store.reads.artifacts.findMany(callIds, 'recording');
  return found.flatMap(({ blob }) => blob ?? []);
}

async function standing({ started }: Begun) {
  const { reads } = app.engine.store;
  const items = await reads.erasures.items(started.erasure.id, { fromSeq: 0, limit: 9 });
  return { erasure: await reads.erasures.find(started.erasure.id), items };
}

/** It is over, everything of it is gone, stamped, and told once. */
async function expectEnded(one: Begun): Promise<void> {
  const { erasure, items } = await standing(one);
  expect(erasure).toMatchObject({ state: 'completed', shreddedAt: expect.any(Number), sealedAt: expect.any(Number) });
  expect(erasure?.goneAt).toEqual(expect.any(Number));
  expect(items.map(({ state, outcome, failedCode }) => [state, outcome, failedCode])).toEqual([
    ['verified', 'erased', null],
    ['verified', 'erased', null],
  ]);
  expect((await blobs.remaining(one.blobs)).size).toBe(0);
  const stones = await app.engine.store.reads.tombstones.find(one.caller.tenant.id, one.callIds);
  expect(stones.map(({ goneAt }) => goneAt === null)).toEqual(one.action === 'purge' ? [false, false] : []);
  await expectToldOnce(one);
}

async function expectToldOnce({ started }: Begun): Promise<void> {
  const told = (await app.engine.store.reads.audit.page('', 10_000)).filter(
    ({ subjectId }) => subjectId === started.erasure.id,
  );
  expect(told.map(({ event }) => event)).toEqual(['erasure.started', 'erasure.shredded', 'erasure.completed']);
}

async function expectNothingLeft(): Promise<void> {
  const { doomed, jobs } = app.engine.store.reads;
  expect(await doomed.all('', 99)).toEqual([]);
  expect(await jobs.list({ unfinishedOnly: true, limit: 99 })).toEqual([]);
}

/** Gives the lease of its job to somebody who does nothing with it. */
async function stealLease({ started }: Begun): Promise<void> {
  const database = await rawDatabase(app.config);
  const sql = `UPDATE job SET lease_owner = 'a thief', lease_until = ?, attempts = attempts + 1 WHERE payload = ?`;
  expect(await database.change(sql, [app.engine.clock.now() + theftMs, started.erasure.id])).toBe(1);
  await database.close();
}

describe('many small erasures of several tenants', () => {
  test('are completed together, each as it would be by itself', async () => {
    const { all, go } = await begun(24);
    go();
    await Promise.all(all.map(async ({ started }) => await started.ended));
    for (const one of all) await expectEnded(one);
    await expectNothingLeft();
    // The first ones alone, and all others at once: one step for each tenant.
    expect(faults.reached.get('erase:sealed')).toBeLessThan(all.length / 2);
    expect(faults.reached.get('remove:recorded')).toBeLessThan(all.length / 2);
    const bystander = await archived(app.caller(), 'bystander');
    expect(await readCall(app.engine, app.caller(), bystander)).toMatchObject({ recording: expect.anything() });
  });

  test('end verified beside one whose bytes will not go, one that lost its lease, and one that is held', async () => {
    const { all, go } = await begun(24);
    const [stuck, robbed, stopped] = [all[9], all[13], all[17]];
    if (!stuck || !robbed || !stopped) throw new Error('there are too few of them');
    blobs.stuck.add(stuck.callIds[0] ?? '');
    await placeHold(app.engine, stopped.caller, { ...held, callIds: [stopped.callIds[0] ?? ''] });
    // The keys of all are destroyed by then, and most of them wait to be completed.
    faults.acting = { point: 'erase:shredded', time: all.length, work: () => stealLease(robbed) };
    go();
    await Promise.all(all.map(async ({ started }) => await started.ended));

    for (const one of all) if (![stuck, robbed, stopped].includes(one)) await expectEnded(one);
    await expectStuck(stuck);
    await expectHeld(stopped);
    const { erasure, items } = await standing(robbed);
    expect([erasure?.state, ...items.map(({ state }) => state)]).toEqual(['running', 'shredded', 'shredded']);

    blobs.stuck.clear();
    lapsedMs += 2 * theftMs;
    await untilQuiet(app.engine);
    await expectEnded(stuck);
    await expectEnded(robbed);
    await expectNothingLeft();
  });

  test('whose shared commit nobody hears of are not done again: each is answered once somebody has seen how far it came', async () => {
    const { all, go } = await begun(6);
    // The first is shredded by itself; in that transaction, the next write is that of all others.
    const lose = async () => loseNextAnswer(app.engine, 'store_failed');
    faults.acting = { point: 'shred:rows-cleared', time: 1, work: lose };
    go();
    await Promise.all(all.map(async ({ started }) => await started.shredded));
    expect(faults.reached.get('shred:rows-cleared')).toBe(2);
    await untilQuiet(app.engine);
    for (const one of all) await expectEnded(one);
    await expectNothingLeft();
  });

  async function expectStuck(one: Begun): Promise<void> {
    const { erasure, items } = await standing(one);
    expect(erasure).toMatchObject({ state: 'running', goneAt: null });
    expect(items.map(({ state, outcome, failedCode }) => [state, outcome, failedCode])).toEqual([
      ['failed', 'erased', 'blob_failed'],
      ['verified', 'erased', null],
    ]);
    const audit = await app.engine.store.reads.audit.page('', 10_000);
    expect(
      audit.filter(({ subjectId }) => subjectId === one.started.erasure.id).map(({ event }) => event),
    ).not.toContain('erasure.completed');
  }

  async function expectHeld(one: Begun): Promise<void> {
    const { erasure, items } = await standing(one);
    expect(erasure?.state).toBe('completed_with_failures');
    expect(items.map(({ state, outcome }) => [state, outcome])).toEqual([
      ['held', 'held'],
      ['verified', 'erased'],
    ]);
    const [kept = ''] = one.callIds;
    expect(await readCall(app.engine, one.caller, kept)).toMatchObject({ recording: expect.anything() });
    await expectToldOnce(one);
  }
});

describe('a failure while small erasures are completed leaves nothing undone', () => {
  const points = ['remove:bytes-erased', 'remove:recorded', 'erase:sealed'];
  const later = ['verify:looked', 'verify:recorded', 'erase:completed'];
  const rows = [...points, ...later].flatMap((point) => [
    { point, time: 1, whom: 'one by itself' },
    { point, time: lanes + 1, whom: 'many together' },
  ]);

  test.each(rows)('at $point, of $whom', async ({ point, time }) => {
    const { all, go } = await begun(12);
    faults.failing = { point, time };
    go();
    await Promise.all(all.map(async ({ started }) => await started.ended));
    expect(faults.reached.get(point), 'times').toBeGreaterThanOrEqual(time);
    await untilQuiet(app.engine);
    for (const one of all) await expectEnded(one);
    await expectNothingLeft();
  });
});
