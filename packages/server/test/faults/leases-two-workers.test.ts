import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryBlobs } from '../../src/blobs/memory-blobs.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { planErasure, startErasure } from '../../src/engine/erasure/plan.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { BlobName, EraseOutcome } from '../../src/model/blob-store.ts';
import { standingOf } from '../crash/invariants.ts';
import { archive, type LifeCall } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { until } from '../support/until.ts';
import { startTimed, type TimedArchive } from './timed-archive.ts';

const callOf = (n: number): LifeCall => ({ session: `call ${n}`, phone: `+1512555${1000 + n}`, bytes: 3000 });
const kept = callOf(0);
const purgeOf = (...callIds: string[]) => ({ action: 'purge', keepRecording: false, callIds }) as const;

/** So far ahead is the clock of a thief, to which every lease looks over. */
const aheadMs = 3000;

/** Blobs of which one erase may be held up: it has done its work by then, or has yet to do it. */
class SlowBlobs extends MemoryBlobs {
  #hold: { reached: () => void; told: Promise<void> } | undefined;

  /** The next erase waits before its work until `goOn`. */
  holdNext(): { reached: Promise<void>; goOn: () => void } {
    let goOn: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      this.#hold = { reached: resolve, told };
    });
    return { reached, goOn };
  }

  override async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    const hold = this.#hold;
    this.#hold = undefined;
    hold?.reached();
    await hold?.told;
    return await super.erase(names);
  }
}

let timed: TimedArchive;
let blobs: SlowBlobs;

beforeEach(async () => {
  blobs = new SlowBlobs({ clock: systemClock });
  timed = await startTimed({}, { blobs });
});

afterEach(async () => await timed.endAtRest());

async function archived(count: number): Promise<string[]> {
  const { engine, caller } = timed.app;
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await archive(engine, caller(), callOf(n))).callId);
  return ids;
}

/** Everything that workers write. */
async function written() {
  const { reads } = timed.app.engine.store;
  const erasures = await reads.erasures.page('', 99);
  const items = await Promise.all(erasures.map((one) => reads.erasures.items(one.id, { fromSeq: 0, limit: 999 })));
  const jobs = await reads.jobs.list({ unfinishedOnly: false, limit: 99 });
  return { erasures, items, jobs, journal: await reads.journal.page('', 999), audit: await reads.audit.page('', 999) };
}

const theJob = async () => (await written()).jobs[0];

test('workers of two processes, and two in one, erase what they share once each', { timeout: 60_000 }, async () => {
  const { engine, caller } = timed.app;
  const ids = await archived(25);
  const spans = Array.from({ length: 22 }, (_, n) => ids.slice(n + 1, n + 4));
  for (const callIds of spans) {
    const plan = await planErasure(engine, caller(), { ...purgeOf(...callIds), waitsForHolds: false });
    await startErasure(engine, caller(), plan, { owner: 'a process that died', leaseMs: 0 });
  }
  await timed.neighbour({ workers: 2 });
  await untilQuiet(engine);
  const { items, audit, erasures } = await written();
  expect(new Set(items.flat().map((item) => item.state))).toEqual(new Set(['verified']));
  expect(items.flat().filter((item) => item.outcome === 'erased')).toHaveLength(24);
  expect(erasures.map((one) => one.state)).toEqual(spans.map(() => 'completed'));
  expect(audit.filter((one) => one.event === 'erasure.completed')).toHaveLength(spans.length);
  expect(await standingOf(engine, caller(), kept)).toBe('whole');
});

describe('a worker whose lease another process has taken', () => {
  test.each([
    'erase:gated',
    'shred:committed',
    'erase:shredded',
    'remove:bytes-erased',
    'remove:recorded',
    'erase:sealed',
    'verify:looked',
  ])('wakes at %s to find the work done, is refused, and changes nothing', async (point) => {
    const { engine, caller, logged } = timed.app;
    const [, ...ids] = await archived(4);
    const stopped = timed.faults.stop(point);
    const erasing = eraseNow(engine, caller(), purgeOf(...ids));
    await stopped.reached;
    await timed.neighbour({ workers: 1, aheadMs });
    await untilQuiet(engine);
    const before = await written();
    expect(before.items.flat().map((item) => item.state)).toEqual(['verified', 'verified', 'verified']);
    stopped.goOn();
    await (await erasing)?.ended;
    expect(await written()).toEqual(before);
    expect(before.jobs).toMatchObject([{ attempts: 2, lastError: null }]);
    expect(logged.filter((line) => /job\.failed|damage/.test(line))).toEqual([]);
    expect(await standingOf(engine, caller(), kept)).toBe('whole');
  });

  test('does not make its request fail: the answer comes when the other has destroyed the keys', async () => {
    const [, id = ''] = await archived(2);
    const client = await timed.client();
    const stopped = timed.faults.stop('shred:committed');
    const answer = client.purge('', { ids: [id] });
    await stopped.reached;
    await timed.neighbour({ workers: 1, aheadMs });
    await until(async () => (await theJob())?.attempts === 2);
    stopped.goOn();
    expect(await answer).toMatchObject([{ callId: id, sessionId: 'call 1', status: 'Purging', errorMsg: null }]);
    await untilQuiet(timed.app.engine);
  });
});

describe('an erasure whose bytes take longer to go than a lease lasts', () => {
  test('stays with its worker, which renews the lease meanwhile', async () => {
    const { engine, caller } = timed.app;
    const [, id = ''] = await archived(2);
    await timed.neighbour({ workers: 1 });
    const held = blobs.holdNext();
    const erasing = eraseNow(engine, caller(), purgeOf(id));
    await held.reached;
    const first = (await theJob())?.leaseUntil ?? 0;
    await until(async () => ((await theJob())?.leaseUntil ?? 0) > first + 2 * engine.limits.jobLeaseMs);
    held.goOn();
    await (await erasing)?.ended;
    expect(await theJob()).toMatchObject({ attempts: 1, lastError: null, finishedAt: expect.any(Number) });
  });

  test('and that another process takes over in the middle ends once, though the first goes on to erase', async () => {
    const { engine, caller } = timed.app;
    const [, id = ''] = await archived(2);
    const held = blobs.holdNext();
    const erasing = eraseNow(engine, caller(), purgeOf(id));
    await held.reached;
    await timed.neighbour({ workers: 1, aheadMs });
    await untilQuiet(engine);
    const before = await written();
    held.goOn();
    await (await erasing)?.ended;
    expect(await written()).toEqual(before);
    expect(before.items.flat()).toMatchObject([{ state: 'verified', outcome: 'erased' }]);
    expect(await standingOf(engine, caller(), kept)).toBe('whole');
  });
});
