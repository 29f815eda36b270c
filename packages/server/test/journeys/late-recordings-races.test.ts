/** Recordings that come late and meet an erasure of their call, a sweep, or both. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import type { Hold } from '../../src/model/erasure.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { type ErasingName, erasings, LateScene, lateAudio, silent } from '../support/late-scene.ts';
import { until } from '../support/until.ts';

let at: LateScene;
beforeEach(async () => {
  at = await LateScene.start();
});
afterEach(async () => await at.scene.end());

/** What a recording that comes too late is told. */
const refusals: Record<ErasingName, string | undefined> = {
  'a purge': 'call_erased',
  'a depersonalization': 'recording_erased',
  'a depersonalization that keeps the recording': undefined,
  'a deletion of the recording': 'recording_erased',
};
const names = Object.keys(erasings) as ErasingName[];
const latePoints = ['late:named', 'late:bytes-stored'];

/** Where an erasure comes by, and whether it may yet yield to a hold there. */
const erasurePoints = [
  ['erase:gated', true],
  ['shred:committed', false],
  ['erase:shredded', false],
  ['remove:bytes-erased', false],
  ['verify:looked', false],
] as const;

describe.each(names)('%s', (name) => {
  const refusal = refusals[name];
  const left = refusal === undefined ? 1 : 0;

  async function expectEnd(callId: string): Promise<void> {
    await at.expectRecordings(left);
    const heard = await at.heard(callId);
    expect(heard?.equals(lateAudio)).toBe(refusal === undefined ? true : undefined);
    expect(await at.put(callId)).toBe(refusal ?? 'known');
  }

  test.each(latePoints)('that meets a recording on its way at %s takes it, or leaves it, as a whole', async (point) => {
    const callId = await at.come();
    const met = at.scene.faults.next(point, async () => await at.shred(callId, erasings[name]));
    const [said] = await Promise.all([at.put(callId), met]);
    expect(said).toBe(refusal ?? 'new');
    await expectEnd(callId);
  });

  test.each(latePoints)('that has only begun when a recording is at %s does not let it end', async (point) => {
    const callId = await at.come();
    const gate = at.scene.faults.stop('erase:gated');
    let erasing: Promise<void> | undefined;
    const met = at.scene.faults.next(point, async () => {
      erasing = at.shred(callId, erasings[name]);
      await gate.reached;
    });
    const [said] = await Promise.all([at.put(callId), met]);
    expect(said).toBe(refusal === undefined ? 'new' : 'upload_busy');
    gate.goOn();
    await erasing;
    await expectEnd(callId);
  });

  test.each(erasurePoints)(
    'that is at %s when a recording comes refuses it unless it keeps it',
    async (point, isOpen) => {
      const callId = await at.come();
      let said: string | undefined;
      const met = at.scene.faults.next(point, async () => {
        said = await at.put(callId);
      });
      const { ended } = await at.begin(callId, erasings[name]);
      await Promise.all([met, ended]);
      expect(said).toBe(refusal === undefined ? 'new' : isOpen ? 'upload_busy' : refusal);
      await expectEnd(callId);
    },
  );
});

test('a recording that meets an erasure which yields to a hold is not lost: it may come again', async () => {
  const callId = await at.come();
  let hold: Hold | undefined;
  let said: string | undefined;
  const met = at.scene.faults.next('erase:gated', async () => {
    said = await at.put(callId);
    const reason = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
    hold = await placeHold(at.engine, at.caller, { ...reason, callIds: [callId] });
  });
  await Promise.all([met, at.shred(callId, erasings['a deletion of the recording'])]);
  expect(said).toBe('upload_busy');
  expect(await at.put(callId)).toBe('new');
  await releaseHold(at.engine, at.caller, hold?.id ?? '');
  await at.expectRecordings(1);
});

describe('an erasure whose recording may still be coming', () => {
  test('is not told to be verified before its bearer has let go', async () => {
    const callId = await at.come();
    const stored = at.scene.faults.stop('late:bytes-stored');
    const putting = at.put(callId);
    await stored.reached;
    const { erasure, ended } = await at.begin(callId, erasings['a deletion of the recording']);
    await ended;
    const { reads } = at.engine.store;
    const [item] = await reads.erasures.items(erasure.id, { fromSeq: 0, limit: 1 });
    expect(item).toMatchObject({ state: 'failed', failedCode: 'upload_busy', outcome: 'erased' });
    stored.goOn();
    expect(await putting).toBe('recording_erased');
    await rerun();
    await at.expectRecordings(0);
  });

  test('waits no longer than the lease of one that has died', async () => {
    const callId = await at.come();
    const stored = at.scene.faults.stop('late:bytes-stored');
    const putting = at.put(callId);
    await stored.reached;
    await (await at.begin(callId, erasings['a purge'])).ended;
    at.scene.lapse(at.scene.app.config.uploadLeaseMs + 300_000);
    at.engine.nudge();
    await at.expectRecordings(0);
    stored.goOn();
    expect(await putting).toBe('call_erased');
    await at.expectRecordings(0);
  });

  /** Brings the time of its next attempt nearer. */
  async function rerun(): Promise<void> {
    at.scene.lapse(300_000);
    at.engine.nudge();
    await untilQuiet(at.engine);
  }
});

describe('a recording whose bearer falls silent', () => {
  test('in the middle is cut soon after its erasure, without waiting for more bytes', async () => {
    const callId = await at.come();
    at.engine.limits = { ...at.engine.limits, uploadLeaseMs: 600 };
    let isWaiting = false;
    async function* hanging() {
      yield lateAudio.subarray(0, 70_000);
      isWaiting = true;
      await new Promise(() => undefined);
    }
    const putting = at.put(callId, hanging());
    await until(async () => isWaiting);
    await at.shred(callId, erasings['a depersonalization']);
    expect(await putting).toBe('recording_erased');
    at.scene.lapse(300_000);
    at.engine.nudge();
    await at.expectRecordings(0);
  });

  test.each(latePoints)(
    'at %s is swept after its lease, whose bearer then hears it, and it may come again',
    async (point) => {
      const callId = await at.come();
      const silence = at.scene.faults.stop(point);
      const putting = at.put(callId);
      await silence.reached;
      expect(await at.sweep()).toBe(0);
      expect(await at.put(callId)).toBe('upload_busy');
      at.scene.lapse(at.scene.app.config.uploadLeaseMs);
      expect(await at.sweep()).toBe(1);
      expect(await at.sweep()).toBe(0);
      await at.expectRecordings(0);
      silence.goOn();
      expect(await putting).toBe('upload_cut');
      await at.expectRecordings(0);
      expect(await at.put(callId)).toBe('new');
      await at.expectRecordings(1);
    },
  );

  test('after its erasure leaves nothing that the sweep does not find', async () => {
    const callId = await at.come();
    const silence = at.scene.faults.stop('late:bytes-stored');
    const putting = at.put(callId);
    await silence.reached;
    await at.shred(callId, erasings['a depersonalization']);
    at.scene.lapse(at.scene.app.config.uploadLeaseMs + 300_000);
    await at.sweep();
    at.engine.nudge();
    await at.expectRecordings(0);
    silence.goOn();
    expect(await putting).toBe('recording_erased');
    await at.expectRecordings(0);
  });

  test('is left alone while the clock has only been set forward', async () => {
    const upkeep = new Upkeep(at.engine);
    await upkeep.once();
    const callId = await at.come();
    const stored = at.scene.faults.stop('late:bytes-stored');
    const putting = at.put(callId);
    await stored.reached;
    at.scene.lapse(24 * 3_600_000);
    await upkeep.once();
    stored.goOn();
    expect(await putting).toBe('new');
    await at.expectRecordings(1);
  });

  test('holds its lease no longer than leases last where it was taken under a clock that was set back', async () => {
    const callId = await at.come();
    at.scene.lapse(24 * 3_600_000);
    const silence = at.scene.faults.stop('late:named');
    const putting = at.put(callId);
    await silence.reached;
    at.scene.lapse(-24 * 3_600_000);
    await new Upkeep(at.engine).once();
    const [late] = await at.engine.store.reads.lateArtifacts.page(-1, 1);
    expect(late?.leaseUntil).toBeLessThanOrEqual(Date.now() + 3_600_000);
    silence.goOn();
    expect(await putting).toBe('new');
  });
});

test('a sweep goes past what will not go, and tells of it in the end', async () => {
  const puttings: Promise<string>[] = [];
  const stops: ReturnType<typeof at.scene.faults.stop>[] = [];
  for (const session of ['silent', 'silent-too']) {
    const callId = await at.come({ ...silent, session });
    const stop = at.scene.faults.stop('late:named');
    puttings.push(at.put(callId));
    await stop.reached;
    stops.push(stop);
  }
  at.scene.lapse(at.scene.app.config.uploadLeaseMs);
  const { destroy } = at.engine.tree;
  let isFirst = true;
  at.engine.tree.destroy = async (tx, slots) => {
    if (isFirst) {
      isFirst = false;
      throw new Error('a page is damaged');
    }
    return await destroy.call(at.engine.tree, tx, slots);
  };
  await expect(at.sweep()).rejects.toThrow('a page is damaged');
  expect(await at.engine.store.reads.lateArtifacts.page(-1, 9)).toHaveLength(1);
  expect(await at.sweep()).toBe(1);
  for (const stop of stops) stop.goOn();
  expect(await Promise.all(puttings)).toEqual(['upload_cut', 'upload_cut']);
  await at.expectRecordings(0);
});
