/** Many abandoned uploads that cannot be destroyed, or whose bytes will not go, and a few younger ones that can. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/ids.ts';
import type { Artifact, Call } from '../../src/model/call.ts';
import { chunks } from '../support/blob-bytes.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { spoilPage } from '../support/raw-database.ts';
import { artifactOf, uploadOf } from '../support/store-rows.ts';
import { StubbornBlobs } from '../support/stubborn-blobs.ts';

/** More than a sweep reads at once, twice. */
const stuckOnes = 210;

let app: TestApp;
let blobs: StubbornBlobs;

beforeEach(async () => {
  blobs = new StubbornBlobs({ clock: systemClock });
  app = await startApp({ blobs, workers: 0 });
});

afterEach(async () => await app.close());

/** An upload whose lease ended so long after the first of them, with a recording under this slot. */
function abandoned(after: number, slot: number): { call: Call; recording: Artifact } {
  const call = uploadOf(app.tenant, 1000 + after);
  return { call, recording: artifactOf(call, slot, { kind: 'recording', sealed: null }) };
}

async function slotsOfOneLeaf(): Promise<readonly number[]> {
  return await app.engine.issuer.take(app.engine.tree.shape.fanOut);
}

async function spoilLeafOf(slot: number): Promise<() => Promise<void>> {
  return await spoilPage(app.config, Math.floor(slot / app.engine.tree.shape.fanOut));
}

test('uploads that cannot be destroyed keep no younger one from it, however many they are', async () => {
  const { store } = app.engine;
  const spoiled = (await slotsOfOneLeaf()).slice(-stuckOnes);
  const [healthy = 0] = (await slotsOfOneLeaf()).slice(-1);
  const stuck = spoiled.map((slot, index) => abandoned(index, slot));
  const young = abandoned(stuckOnes, healthy);
  await store.write(async (tx) => {
    for (const { call } of [...stuck, young]) await tx.calls.insert(call);
    await tx.artifacts.insert([...stuck, young].map(({ recording }) => recording));
  });
  const mend = await spoilLeafOf(spoiled[0] ?? 0);
  await expect(sweepAbandonedUploads(app.engine)).rejects.toMatchObject({ code: 'damage' });
  expect(await store.reads.calls.find(app.tenant.id, young.call.id)).toBeUndefined();
  expect(await store.reads.calls.count(app.tenant.id)).toBe(stuckOnes);

  await mend();
  while ((await sweepAbandonedUploads(app.engine)) > 0);
  expect(await store.reads.calls.count(app.tenant.id)).toBe(0);
});

test.each(['stay', 'cannot be looked for'])(
  'bytes of abandoned uploads that %s keep no younger ones from going, however many they are',
  async (how) => {
    const { store } = app.engine;
    const doomed = Array.from({ length: stuckOnes + 1 }, (_, since) => {
      const ownerId = newId(Date.now());
      return { blob: `${ownerId}-${since}`, ownerId, erasureId: null, since };
    });
    const [young] = doomed.slice(-1);
    for (const { blob } of doomed) await blobs.create(blob, chunks(Buffer.from('sealed'), 6));
    await store.write(async (tx) => await tx.doomed.insert(doomed));
    const hurt = how === 'stay' ? blobs.stuck : blobs.unseen;
    for (const { ownerId } of doomed.slice(0, -1)) hurt.add(ownerId);
    await sweepAbandonedUploads(app.engine).catch(() => undefined);
    expect(await store.reads.doomed.find([young?.blob ?? ''])).toEqual([]);
    expect(await store.reads.doomed.unowned(Date.now(), 1000)).toHaveLength(stuckOnes);

    hurt.clear();
    for (let sweep = 0; sweep < 3; sweep += 1) await sweepAbandonedUploads(app.engine);
    expect(await store.reads.doomed.unowned(Date.now(), 1000)).toEqual([]);
  },
);

test('one blob that cannot be looked for keeps no other of its age from being forgotten', async () => {
  const { store } = app.engine;
  const doomed = [1, 2, 3].map((since) => {
    const ownerId = newId(Date.now());
    return { blob: `${ownerId}-${since}`, ownerId, erasureId: null, since };
  });
  await store.write(async (tx) => await tx.doomed.insert(doomed));
  blobs.unseen.add(doomed[1]?.ownerId ?? '');
  await expect(sweepAbandonedUploads(app.engine)).rejects.toMatchObject({ code: 'blob_failed' });
  expect(await store.reads.doomed.unowned(Date.now(), 10)).toEqual(doomed.slice(1, 2));
});
