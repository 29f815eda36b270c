/** Bytes that the blob store may not let go of yet: how often it is asked for them, and what is said of it meanwhile. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeStray, sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/ids.ts';
import type { DoomedBlob, Item } from '../../src/model/erasure.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { chunks } from '../support/blob-bytes.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { StubbornBlobs } from '../support/stubborn-blobs.ts';
import { until } from '../support/until.ts';

const hourMs = 3_600_000;

let app: TestApp;
let blobs: StubbornBlobs;
let lapsedMs: number;
const now = () => Date.now() + lapsedMs;

beforeEach(async () => {
  lapsedMs = 0;
  blobs = new StubbornBlobs({ clock: systemClock });
  app = await startApp({ blobs, clock: { now } });
});
afterEach(async () => await app.close());

/** What fsck says of locks; that it finds nothing wrong, too. */
async function locked() {
  const report = await fsck(app.engine, { deep: true });
  expect(report).toMatchObject({ clean: true, problems: [] });
  return report.locked;
}

describe('bytes that no erasure waits for', () => {
  let one: DoomedBlob;

  beforeEach(async () => {
    const ownerId = newId(Date.now());
    one = { blob: `${ownerId}-9999999`, ownerId, erasureId: null, since: 1 };
    await blobs.create(one.blob, chunks(Buffer.from('sealed'), 6));
  });

  const doom = async () => await app.engine.store.write(async (tx) => await tx.doomed.insert([one]));
  const found = async () => await app.engine.store.reads.doomed.find([one.blob]);

  /** How often the blob store has been asked to erase them, once a sweep so much later is over. */
  async function askedAfter(ms: number): Promise<number> {
    lapsedMs += ms;
    await sweepAbandonedUploads(app.engine);
    return blobs.asked.get(one.blob) ?? 0;
  }

  test('are asked for once while a lock with an end stands, and go when it has ended', async () => {
    const ends = new Date(now() + hourMs);
    blobs.locked.set(one.ownerId, ends);
    await doom();
    expect([await askedAfter(0), await askedAfter(0), await askedAfter(hourMs - 10_000)]).toEqual([1, 1, 1]);
    expect(await found()).toEqual([{ ...one, lock: { until: ends.getTime(), retryAt: ends.getTime() + 1000 } }]);
    expect(await locked()).toEqual({ items: 0, blobs: 1, until: ends.toISOString(), withoutEnd: 0 });

    // Somebody has put it off meanwhile.
    const later = new Date(ends.getTime() + hourMs);
    blobs.locked.set(one.ownerId, later);
    expect([await askedAfter(12_000), await askedAfter(0)]).toEqual([2, 2]);
    expect((await locked()).until).toBe(later.toISOString());

    blobs.locked.clear();
    expect(await askedAfter(hourMs)).toBe(3);
    expect(await found()).toEqual([]);
    expect(await locked()).toEqual({ items: 0, blobs: 0, until: null, withoutEnd: 0 });
  });

  test('are asked for every five minutes while a lock without an end stands', async () => {
    blobs.locked.set(one.ownerId, null);
    await doom();
    expect([await askedAfter(0), await askedAfter(240_000), await askedAfter(60_000)]).toEqual([1, 1, 2]);
    expect(await locked()).toEqual({ items: 0, blobs: 1, until: null, withoutEnd: 1 });
    blobs.locked.clear();
    expect(await askedAfter(300_000)).toBe(3);
    expect(await found()).toEqual([]);
  });

  test('are not asked for again at once where they came after their upload was destroyed', async () => {
    blobs.locked.set(one.ownerId, new Date(now() + hourMs));
    await removeStray(app.engine, one.ownerId, [one.blob]);
    expect(await askedAfter(0)).toBe(1);
  });

  test('keep no others from going', async () => {
    blobs.locked.set(one.ownerId, new Date(now() + hourMs));
    const other = { ...one, blob: `${newId(Date.now())}-9999998`, since: 2 };
    await blobs.create(other.blob, chunks(Buffer.from('sealed'), 6));
    await app.engine.store.write(async (tx) => await tx.doomed.insert([one, other]));
    await sweepAbandonedUploads(app.engine);
    expect(await app.engine.store.reads.doomed.find([other.blob])).toEqual([]);
    expect(await found()).toHaveLength(1);
  });
});

describe('an item of an erasure', () => {
  async function itemOf(callId: string): Promise<Item | undefined> {
    const { erasures } = app.engine.store.reads;
    const items = await erasures.itemsOf((await erasures.page('', 10)).map(({ id }) => id));
    return items.find((item) => item.callId === callId);
  }

  test('tells the end of its lock only while that lock is what keeps its bytes, and that there was one for ever', async () => {
    const url = await app.listen();
    const client = new CreovaiClient(url, await app.token());
    const { callId = '' } = await client.archive('locked', '+15125551234', Buffer.alloc(500, 'locked'));
    const ends = new Date(now() + hourMs);
    blobs.locked.set(callId, ends);
    await client.purge('', { ids: [callId] });
    await until(async () => (await itemOf(callId))?.state === 'failed');
    const since = { lockedSince: expect.any(Number) };
    expect(await itemOf(callId)).toMatchObject({ ...since, failedCode: 'blob_locked', lockedUntil: ends.getTime() });
    expect(await locked()).toEqual({ items: 1, blobs: 0, until: ends.toISOString(), withoutEnd: 0 });

    blobs.locked.clear();
    blobs.stuck.add(callId);
    lapsedMs += 2 * hourMs;
    app.engine.nudge();
    await until(async () => (await itemOf(callId))?.failedCode === 'blob_failed');
    expect(await itemOf(callId)).toMatchObject({ ...since, lockedUntil: null });
    expect(await locked()).toMatchObject({ items: 0, until: null });
    // The first token has run out by now.
    expect(await new CreovaiClient(url, await app.token()).status('locked')).toBe('NotFound');

    blobs.stuck.clear();
    lapsedMs += hourMs;
    app.engine.nudge();
    await untilQuiet(app.engine);
    expect(await itemOf(callId)).toMatchObject({ ...since, state: 'verified', failedCode: null, lockedUntil: null });
  });
});
