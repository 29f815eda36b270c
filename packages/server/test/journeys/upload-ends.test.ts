import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { AppError } from '../../src/model/errors.ts';
import { archive, audio, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { type Scene, startScene } from '../support/scene.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await startScene();
});

afterEach(async () => await scene.end());

const call: LifeCall = { session: 'ending', phone: '+15125551234', bytes: 100_000 };

async function begun(of = call): Promise<{ upload: Upload; callId: string }> {
  const { engine, caller } = scene.app;
  const upload = new Upload(engine, caller());
  await upload.describe(newCallOf(of));
  await upload.storeRecording(chunksOf(recordingOf(of)), audio);
  const ids = (await engine.store.reads.calls.page('', 99)).map((one) => one.id);
  return { upload, callId: ids.at(-1) ?? '' };
}

const purgeOf = (...callIds: string[]) => ({ action: 'purge', keepRecording: false, callIds }) as const;

describe('an upload that ends', () => {
  test.each(['cut by its client', 'swept after its lease'])(
    'between the start of a purge and its shredding (%s) leaves the tombstone that refuses a retry',
    async (how) => {
      const { engine, caller } = scene.app;
      const { upload, callId } = await begun();
      const gate = scene.faults.stop('erase:gated');
      const erasing = eraseNow(engine, caller(), purgeOf(callId));
      await gate.reached;
      if (how === 'swept after its lease') {
        scene.lapse(scene.app.config.uploadLeaseMs);
        expect(await sweepAbandonedUploads(engine)).toBe(0);
      }
      await upload.abort();
      gate.goOn();
      await (await erasing)?.ended;
      await untilQuiet(engine);
      expect(await scene.storedBlobs()).toEqual([]);
      expect(await engine.store.reads.calls.count(scene.app.tenant.id)).toBe(0);
      await expect(archive(engine, caller(), call)).rejects.toMatchObject({ code: 'call_erased' });
    },
  );

  test('with a commit whose answer is lost keeps its bytes, and the retry finds the call', async () => {
    const { engine, caller } = scene.app;
    const { upload, callId } = await begun();
    const { store } = engine;
    engine.store = {
      ...store,
      reads: store.reads,
      keyStore: store.keyStore,
      write: async (work) => {
        await store.write(work);
        throw new AppError('internal', { detail: 'the answer was lost' });
      },
    };
    await expect(upload.finish()).rejects.toMatchObject({ code: 'internal' });
    engine.store = store;
    await upload.abort();
    expect(await archive(engine, caller(), call)).toEqual({ callId, isNew: false });
    const recording = await openRecording(engine, caller(), callId);
    const chunks: Buffer[] = [];
    for await (const chunk of recording.body(0, recording.sizeBytes)) chunks.push(chunk);
    await recording.close();
    expect(Buffer.concat(chunks).equals(recordingOf(call))).toBe(true);
  });

  test('abandoned is swept though another one cannot be, whose failure is told', async () => {
    const { engine } = scene.app;
    await begun();
    await begun({ ...call, session: 'ending-too' });
    scene.lapse(scene.app.config.uploadLeaseMs);
    const { destroy } = engine.tree;
    let isFirst = true;
    engine.tree.destroy = async (tx, slots) => {
      if (isFirst) {
        isFirst = false;
        throw new AppError('damage');
      }
      return await destroy.call(engine.tree, tx, slots);
    };
    await expect(sweepAbandonedUploads(engine)).rejects.toMatchObject({ code: 'damage' });
    expect(await engine.store.reads.calls.count(scene.app.tenant.id)).toBe(1);
    expect(await sweepAbandonedUploads(engine)).toBe(1);
  });
});

test('a download that an erasure overtakes while it is being opened finds nothing, not damage', async () => {
  const { engine, caller } = scene.app;
  const { callId } = await archive(engine, caller(), call);
  const { blobs } = engine;
  const open = blobs.open.bind(blobs);
  blobs.open = async (name) => {
    await (await eraseNow(engine, caller(), purgeOf(callId)))?.ended;
    return await open(name);
  };
  await expect(openRecording(engine, caller(), callId)).rejects.toMatchObject({ code: 'recording_not_found' });
});
