import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { purge } from '../../src/engine/erasure/purge.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { expectRetry, standingOf } from '../crash/invariants.ts';
import { archive, type LifeCall } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { dayMs, minuteMs, startTimed, type TimedArchive } from './timed-archive.ts';

const kept: LifeCall = { session: 'kept', phone: '+15125550001', bytes: 70_000, hasTranscript: true };
const callAt = (point: string): LifeCall => ({ session: `at ${point}`, phone: '+15125550002', bytes: 70_000 });

const jumps = [
  ['forward by a minute', minuteMs],
  ['forward by a day', dayMs],
  ['back by a minute', -minuteMs],
  ['back by a day', -dayMs],
] as const;

/** From the start of a purge to its end. */
const points = [
  'erase:planned',
  'erase:gated',
  'shred:rows-cleared',
  'shred:committed',
  'seal:vault-written',
  'seal:committed',
  'remove:bytes-erased',
  'erase:sealed',
  'verify:looked',
];

let timed: TimedArchive;

beforeEach(async () => {
  timed = await startTimed();
});

afterEach(async () => await timed.endAtRest());

describe.each(jumps)('a clock set %s', (_how, jumpMs) => {
  test('at every step of a purge leaves each call erased once and its neighbour whole', {
    timeout: 90_000,
  }, async () => {
    const { engine, caller } = timed.app;
    await archive(engine, caller(), kept);
    for (const point of points) {
      await archive(engine, caller(), callAt(point));
      const jumped = timed.faults.next(point, async () => timed.lapse(jumpMs));
      const client = await timed.client();
      const [item] = await client.purge('/sessions', { ids: [callAt(point).session] });
      expect(item, point).toMatchObject({ status: 'Purging', errorMsg: null });
      await jumped;
      await timed.upkeep.once();
      await untilQuiet(engine);
    }
    for (const point of points) {
      expect(await standingOf(engine, caller(), callAt(point)), point).toBe('gone');
      await expectRetry(engine, caller(), callAt(point), 'gone');
    }
    expect(await standingOf(engine, caller(), kept)).toBe('whole');
  });

  test('while a hold stands erases nothing that is held, and the release sets it free', async () => {
    const { engine, caller } = timed.app;
    const { callId } = await archive(engine, caller(), kept);
    const hold = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
    const placed = await placeHold(engine, caller(), { ...hold, callIds: [callId] });
    timed.lapse(jumpMs);
    await timed.upkeep.once();
    const purged = async () =>
      await purge(engine, caller(), { by: 'calls', ids: [callId] }, { whatIf: false, waitMs: 10_000 });
    expect(await purged()).toMatchObject([{ standing: 'held' }]);
    expect(await standingOf(engine, caller(), kept)).toBe('whole');
    await releaseHold(engine, caller(), placed.id);
    timed.lapse(jumpMs);
    expect(await purged()).toMatchObject([{ standing: 'purging' }]);
    await untilQuiet(engine);
    expect(await standingOf(engine, caller(), kept)).toBe('gone');
  });
});
