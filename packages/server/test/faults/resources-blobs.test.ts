import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryBlobs } from '../../src/blobs/memory-blobs.ts';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Item } from '../../src/model/erasure.ts';
import { audio, chunksOf, newCallOf, recordingOf } from '../crash/life.ts';
import { until } from '../support/until.ts';
import { type BrokenScene, startBrokenScene } from './broken-scene.ts';
import { FaultyBlobs } from './faulty-blobs.ts';
import { expectTryLater } from './honest-answers.ts';

const errnos = ['EIO', 'EACCES', 'ENOSPC'];
/** Each waits for seconds, and what fails for long is told by its code alone: of the other errnos one is enough. */
const longFailures = [
  { errno: 'EIO', work: 'erase' },
  { errno: 'EIO', work: 'remaining' },
  { errno: 'ENOSPC', work: 'erase' },
] as const;

let scene: BrokenScene;

afterEach(async () => await scene.end());

/** The only item of the only erasure. */
async function onlyItem(): Promise<Item | undefined> {
  const { erasures } = scene.app.engine.store.reads;
  const [erasure] = await erasures.page('', 1);
  return (await erasures.items(erasure?.id ?? '', { fromSeq: 0, limit: 1 }))[0];
}

/** Keys gone, bytes not: nobody opens the call any more, nobody is told that it is gone, and why is on record. */
async function expectStuck(callId: string, session: string): Promise<void> {
  await until(async () => (await onlyItem())?.state === 'failed');
  expect(await onlyItem()).toMatchObject({ failedCode: 'blob_failed', outcome: 'erased' });
  expect((await scene.play(callId)).status).toBe(404);
  expect(await scene.client.statusOf(session)).toBe('Complete');
}

describe('a blob store that fails', () => {
  let blobs: FaultyBlobs;

  beforeEach(async () => {
    blobs = new FaultyBlobs(new MemoryBlobs({ clock: systemClock }));
    scene = await startBrokenScene({}, { blobs });
  });

  test.each(errnos)(
    'with %s at a create refuses the upload for now, and takes it at the next attempt',
    async (errno) => {
      const call = scene.newCall('late');
      blobs.fail('create', errno, 1);
      expectTryLater(await scene.client.archive('over-http', '+15125550148', recordingOf(call)), 'creovai');
      expect((await scene.client.archive('over-http', '+15125550148', recordingOf(call))).status).toBe(200);
      blobs.fail('create', errno, 1);
      await expect(scene.archived(call)).rejects.toMatchObject({ code: 'blob_failed', retry: 'later' });
      await scene.expectStanding(call, 'absent');
      await scene.expectRest();
    },
  );

  test.each(errnos)('with %s at an open refuses the download for now, and plays it later', async (errno) => {
    const call = scene.newCall('heard');
    const callId = await scene.archived(call);
    blobs.fail('open', errno, 1);
    expectTryLater(await scene.play(callId), 'native');
    await scene.expectStanding(call, 'whole');
    await scene.expectRest();
  });

  test.each(longFailures)(
    'with $errno at $work for long keeps a purged call unreadable and not yet gone, until it works',
    async ({ errno, work }) => {
      const call = scene.newCall('purged');
      const callId = await scene.archived(call);
      blobs.fail(work, errno, Number.POSITIVE_INFINITY);
      expect((await scene.purge(callId)).body).toContain('Purging');
      await expectStuck(callId, call.session);
      for (let attempt = 2; attempt <= 3; attempt += 1) {
        await scene.lapse();
        await until(async () => (await onlyJob())?.attempts === attempt && (await onlyJob())?.leaseOwner === null);
        await expectStuck(callId, call.session);
      }
      blobs.heal();
      await scene.settle();
      expect(await onlyItem()).toMatchObject({ state: 'verified', failedCode: null });
      await scene.expectStanding(call, 'gone');
      await scene.expectRest();
    },
  );

  test.each(['erase', 'remaining'] as const)('three times at %s lets a purge end by itself', async (work) => {
    const call = scene.newCall('purged');
    const callId = await scene.archived(call);
    blobs.fail(work, 'EIO', 3);
    expect((await scene.purge(callId)).body).toContain('Purging');
    await until(async () => (await scene.client.statusOf(call.session)) === 'NotFound');
    expect(await onlyItem()).toMatchObject({ state: 'verified', failedCode: null });
    await scene.settle();
    await scene.expectStanding(call, 'gone');
    await scene.expectRest();
  });

  test('waits longer from attempt to attempt', async () => {
    const callId = await scene.archived(scene.newCall('purged'));
    blobs.fail('erase', 'EIO', Number.POSITIVE_INFINITY);
    await scene.purge(callId);
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      await until(async () => (await onlyJob())?.attempts === attempt && (await onlyJob())?.leaseOwner === null);
      const { runAt = 0 } = (await onlyJob()) ?? {};
      pauses.push(runAt - scene.app.engine.clock.now());
      await scene.lapse();
    }
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.at(-1)).toBeGreaterThan(4000);
    blobs.heal();
    await scene.settle();
    await scene.expectRest();
  });

  test('at an abandoned upload destroys its keys all the same, and its bytes when it works', async () => {
    const call = scene.newCall('cut');
    const upload = new Upload(scene.app.engine, scene.app.caller());
    await upload.describe(newCallOf(call));
    await upload.storeRecording(chunksOf(recordingOf(call)), audio);
    blobs.fail('erase', 'EIO', Number.POSITIVE_INFINITY);
    await upload.abort();
    await scene.expectStanding(call, 'absent');
    const { doomed } = scene.app.engine.store.reads;
    expect(await doomed.unowned(Date.now(), 10)).toHaveLength(1);
    await sweepAbandonedUploads(scene.app.engine);
    expect(await doomed.unowned(Date.now(), 10), 'nobody forgets them before they are gone').toHaveLength(1);
    blobs.heal();
    await scene.settle();
    expect(await doomed.unowned(Date.now(), 10)).toEqual([]);
    await scene.expectRest();
  });

  test('forgets no bytes that came after their upload had been swept', async () => {
    const call = scene.newCall('late');
    const upload = new Upload(scene.app.engine, scene.app.caller());
    await upload.describe(newCallOf(call));
    const stop = blobs.stop('create');
    const stored = upload.storeRecording(chunksOf(recordingOf(call)), audio);
    await stop.reached;
    await scene.settle();
    stop.goOn();
    await stored;
    await expect(upload.finish()).rejects.toMatchObject({ code: 'upload_cut' });
    blobs.fail('erase', 'EIO', 1);
    await upload.abort();
    await scene.settle();
    await scene.expectStanding(call, 'absent');
    await scene.expectRest();
  });

  test('at a listing makes fsck fail, not find an archive clean', async () => {
    await scene.archived(scene.newCall('kept'));
    blobs.fail('list', 'EIO', 1);
    await expect(fsck(scene.app.engine)).rejects.toMatchObject({ code: 'blob_failed' });
    expect((await fsck(scene.app.engine)).problems).toEqual([]);
    await scene.expectRest();
  });

  test('to answer an erase delays the end of a purge, not its answer', async () => {
    const call = scene.newCall('purged');
    const callId = await scene.archived(call);
    const stop = blobs.stop('erase');
    expect((await scene.purge(callId)).body).toContain('Purging');
    await stop.reached;
    expect((await scene.play(callId)).status).toBe(404);
    expect(await scene.client.statusOf(call.session)).toBe('Complete');
    expect((await scene.purge(callId)).body, 'a repeat waits for nothing').toContain('Purging');
    stop.goOn();
    await until(async () => (await scene.client.statusOf(call.session)) === 'NotFound');
    await scene.settle();
    await scene.expectStanding(call, 'gone');
    await scene.expectRest();
  });

  test('to answer a create leaves the upload to a purge that comes meanwhile', async () => {
    const stop = blobs.stop('create');
    const answer = scene.client.archive('slow', '+15125550148', Buffer.from('slow audio'));
    await stop.reached;
    const purged = await scene.client.post('/purge/v1/calls/sessions', { ids: ['slow'] });
    expect(purged.body).toContain('Purging');
    stop.goOn();
    expect((await answer).status).toBe(400);
    await scene.settle();
    expect(await scene.client.statusOf('slow')).toBe('NotFound');
    await scene.expectRest();
  });

  async function onlyJob() {
    return (await scene.app.engine.store.reads.jobs.list({ unfinishedOnly: true, limit: 1 }))[0];
  }
});

describe('a blob folder', () => {
  let blobFolder: string;
  let aside: string;

  beforeEach(async () => {
    scene = await startBrokenScene();
    blobFolder = join(scene.app.config.home, 'blobs');
    aside = join(scene.folder, 'aside');
  });

  /** The folder that one call's bytes lie in. */
  async function partOf(callId: string): Promise<string> {
    const blob = (await scene.app.engine.store.reads.artifacts.find(callId, 'recording'))?.blob ?? '';
    const part = readdirSync(blobFolder).find((name) => existsSync(join(blobFolder, name, blob)));
    if (part === undefined) throw new Error('the call has no bytes');
    return join(blobFolder, part);
  }

  test.each<[what: string, breakIt: () => void, mendIt: () => void]>([
    ['that is missing', () => undefined, () => undefined],
    // As an unmounted disk leaves it.
    ['that is another, empty one', () => mkdirSync(blobFolder), () => rmSync(blobFolder, { recursive: true })],
    ['that has become a file', () => writeFileSync(blobFolder, ''), () => rmSync(blobFolder)],
  ])('%s takes no upload, plays nothing, and no purge takes its bytes for gone', async (_, breakIt, mendIt) => {
    const [kept, purged] = [scene.newCall('kept'), scene.newCall('purged')];
    const [keptId, purgedId] = [await scene.archived(kept), await scene.archived(purged)];
    renameSync(blobFolder, aside);
    breakIt();
    expectTryLater(await scene.client.archive('new', '+15125550148', recordingOf(kept)), 'creovai');
    expectTryLater(await scene.play(keptId), 'native');
    expect((await scene.purge(purgedId)).body).toContain('Purging');
    await expectStuck(purgedId, purged.session);
    await expect(fsck(scene.app.engine)).rejects.toMatchObject({ code: 'blob_failed' });
    mendIt();
    renameSync(aside, blobFolder);
    await scene.settle();
    expect((await scene.client.archive('new', '+15125550148', recordingOf(kept))).status).toBe(200);
    await scene.expectStanding(kept, 'whole');
    await scene.expectStanding(purged, 'gone');
    await scene.expectRest();
  });

  test('of which a part has become a file keeps back what lay there, until it is a folder again', async () => {
    const hurt = scene.newCall('hurt');
    const hurtId = await scene.archived(hurt);
    const part = await partOf(hurtId);
    renameSync(part, aside);
    writeFileSync(part, '');
    expectTryLater(await scene.play(hurtId), 'native');
    expect((await scene.purge(hurtId)).body).toContain('Purging');
    await expectStuck(hurtId, hurt.session);
    rmSync(part);
    renameSync(aside, part);
    await scene.settle();
    await scene.expectStanding(hurt, 'gone');
    await scene.expectRest();
  });
});
