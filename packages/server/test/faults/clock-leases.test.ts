import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import type { Engine } from '../../src/engine/context.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { AppError } from '../../src/model/errors.ts';
import { standingOf } from '../crash/invariants.ts';
import { archive, audio, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { until } from '../support/until.ts';
import { dayMs, die, minuteMs, startTimed, type TimedArchive } from './timed-archive.ts';

const call: LifeCall = { session: 'leased', phone: '+15125550001', bytes: 70_000 };
const other: LifeCall = { session: 'another', phone: '+15125550002', bytes: 70_000 };

/** The longest upload lease that can be set, and so what an impossible one is cut to. */
const uploadLeaseMsMax = minuteMs;

let timed: TimedArchive;

beforeEach(async () => {
  timed = await startTimed();
});

afterEach(async () => await timed.endAtRest());

async function uploadBegun(engine: Engine): Promise<Upload> {
  const upload = new Upload(engine, timed.app.caller());
  await upload.describe(newCallOf(call));
  await upload.storeRecording(chunksOf(recordingOf(call)), audio);
  return upload;
}

/** Until when each upload is leased. */
async function uploadsUntil(): Promise<(number | null)[]> {
  return (await timed.app.engine.store.reads.calls.page('', 99)).map((row) => row.uploadUntil);
}

/** Does the upkeep of a process again and again, until it is so. */
async function upkeepUntil(isSo: () => Promise<boolean>): Promise<void> {
  await until(async () => {
    await timed.upkeep.once();
    return await isSo();
  });
}

describe.each([
  ['forward by a minute', minuteMs],
  ['forward by a day', dayMs],
  ['back by a minute', -minuteMs],
  ['back by a day', -dayMs],
])('a clock set %s during an upload', (_how, jumpMs) => {
  test('does not cost the uploader its call: its lease is right again before anybody ends it', async () => {
    const { engine, caller } = timed.app;
    const upload = await uploadBegun(engine);
    timed.lapse(jumpMs);
    const { uploadLeaseMs } = engine.limits;
    const now = engine.clock.now();
    await upkeepUntil(async () =>
      (await uploadsUntil()).some((at) => at !== null && at > now && at < now + 10 * uploadLeaseMs),
    );
    await timed.upkeep.once();
    expect(await upload.finish()).toMatchObject({ isNew: true });
    expect(await standingOf(engine, caller(), call)).toBe('whole');
  });
});

describe('a lease of a dead process, taken before the clock was set back by a day,', () => {
  test('of an upload ends within the longest lease there is, and its session is free again', async () => {
    const { engine, caller } = timed.app;
    const doomed = await timed.neighbour();
    await uploadBegun(doomed.engine);
    await die(doomed);
    timed.lapse(-dayMs);
    await timed.upkeep.once();
    expect(await uploadsUntil()).toEqual([expect.any(Number)]);
    timed.lapse(uploadLeaseMsMax);
    await upkeepUntil(async () => (await uploadsUntil()).length === 0);
    expect(await archive(engine, caller(), call)).toMatchObject({ isNew: true });
  });

  test('of an upload that a purge has met does not keep the purge from its end', async () => {
    const { engine, caller } = timed.app;
    const doomed = await timed.neighbour();
    await uploadBegun(doomed.engine);
    await die(doomed);
    timed.lapse(-dayMs);
    const [row] = await engine.store.reads.calls.page('', 1);
    const asked = { action: 'purge', keepRecording: false, callIds: [row?.id ?? ''] } as const;
    await (await eraseNow(engine, caller(), asked))?.ended;
    await timed.upkeep.once();
    timed.lapse(uploadLeaseMsMax);
    await upkeepUntil(async () => (await engine.store.reads.jobs.nextRunAt()) === undefined);
    expect(await standingOf(engine, caller(), call)).toBe('gone');
  });

  test('of an erasure is taken over within the longest lease there is', async () => {
    const { engine, caller } = timed.app;
    const { callId } = await archive(engine, caller(), call);
    const faults = new HookedFaults();
    const doomed = await timed.neighbour({ parts: { faults } });
    const stopped = faults.stop('erase:gated');
    const asked = { action: 'purge', keepRecording: false, callIds: [callId] } as const;
    const dying = eraseNow(doomed.engine, caller(), asked).catch(() => undefined);
    await stopped.reached;
    await die(doomed);
    stopped.goOn();
    await dying;
    timed.lapse(-dayMs);
    await timed.upkeep.once();
    expect(await engine.store.reads.jobs.list({ unfinishedOnly: true, limit: 9 })).toHaveLength(1);
    timed.lapse(minuteMs);
    await timed.upkeep.once();
    await untilQuiet(engine);
    expect(await standingOf(engine, caller(), call)).toBe('gone');
  });

  test('of slots ends within the longest lease there is, and the slots are destroyed', async () => {
    const { engine } = timed.app;
    const doomed = await timed.neighbour();
    const [slot = -1] = await doomed.engine.issuer.take(1);
    await die(doomed);
    timed.lapse(-dayMs);
    await timed.upkeep.once();
    expect((await engine.tree.open(slot)).kind).toBe('live');
    timed.lapse(minuteMs);
    await upkeepUntil(async () => (await engine.tree.open(slot)).kind === 'destroyed');
  });
});

describe('a lease of a dead process', () => {
  test('of an upload is not taken for over the moment the clock jumps forward, but when its length has passed', async () => {
    const doomed = await timed.neighbour();
    await uploadBegun(doomed.engine);
    await die(doomed);
    timed.lapse(dayMs);
    await timed.upkeep.once();
    expect(await uploadsUntil()).toHaveLength(1);
    await upkeepUntil(async () => (await uploadsUntil()).length === 0);
  });
});

test('a job put off before the clock was set back by a day is tried again as soon as others would be', async () => {
  const { engine, caller } = timed.app;
  const { callId } = await archive(engine, caller(), call);
  const { erase } = engine.blobs;
  engine.blobs.erase = async () => {
    throw new AppError('blob_failed');
  };
  await (await eraseNow(engine, caller(), { action: 'purge', keepRecording: false, callIds: [callId] }))?.ended;
  engine.blobs.erase = erase;
  timed.lapse(-dayMs);
  await untilQuiet(engine);
  expect(await standingOf(engine, caller(), call)).toBe('gone');
});

test('a living holder keeps its erasure when the clock is set back: nobody takes it over', async () => {
  const { engine, caller } = timed.app;
  const { callId } = await archive(engine, caller(), call);
  await archive(engine, caller(), other);
  const neighbour = await timed.neighbour({ workers: 1 });
  const stopped = timed.faults.stop('shred:committed');
  const asked = { action: 'purge', keepRecording: false, callIds: [callId] } as const;
  const erasing = eraseNow(engine, caller(), asked);
  await stopped.reached;
  timed.lapse(-dayMs);
  await timed.upkeep.once();
  const leaseUntil = async () =>
    (await engine.store.reads.jobs.list({ unfinishedOnly: true, limit: 1 }))[0]?.leaseUntil;
  const { jobLeaseMs } = engine.limits;
  await until(async () => ((await leaseUntil()) ?? Number.POSITIVE_INFINITY) <= engine.clock.now() + jobLeaseMs);
  neighbour.engine.nudge();
  stopped.goOn();
  await (await erasing)?.ended;
  const [job] = await engine.store.reads.jobs.list({ unfinishedOnly: false, limit: 1 });
  expect(job).toMatchObject({ attempts: 1, lastError: null, finishedAt: expect.any(Number) });
  expect(await standingOf(engine, caller(), call)).toBe('gone');
  expect(await standingOf(engine, caller(), other)).toBe('whole');
});
