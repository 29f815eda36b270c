import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { runErasureJob } from '../../src/engine/jobs/erasure-job.ts';
import type { Job } from '../../src/model/tenant.ts';
import { archive, audio, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await startScene();
});

afterEach(async () => await scene.end());

const call: LifeCall = { session: 'racing', phone: '+15125551234', bytes: 100_000, hasTranscript: true };

async function kindOf(session: string): Promise<string | undefined> {
  const [standing] = await sessionStandings(scene.app.engine, scene.app.caller(), [session]);
  return standing?.kind === 'call' ? standing.call.status : standing?.kind;
}

describe('an upload under way', () => {
  test('that a purge meets is refused at its end, and nothing of it stays', async () => {
    const slow = scene.client.slowUpload('racing', '+15125551234');
    slow.upload.write(scene.audio);
    await until(async () => (await kindOf('racing')) === 'uploading');
    const [item] = await scene.client.purge('/customer', { phoneNumber: '5125551234' });
    expect(item).toMatchObject({ status: 'Purging' });
    slow.upload.write(scene.audio);
    slow.end();
    expect(await slow.answer).toBe(400);
    await untilQuiet(scene.app.engine);
    expect(await scene.storedBlobs()).toEqual([]);
    expect(await scene.client.status('racing')).toBe('NotFound');
    expect((await scene.client.archive('racing', '+15125551234', scene.audio)).status).toBe(400);
  });

  test('that was abandoned is swept after its lease, and its session is free again', async () => {
    const { app } = scene;
    const upload = new Upload(app.engine, app.caller());
    await upload.describe(newCallOf(call));
    await upload.storeRecording(chunksOf(recordingOf(call)), audio);
    expect(await sweepAbandonedUploads(app.engine)).toBe(0);
    scene.lapse(app.config.uploadLeaseMs);
    expect(await sweepAbandonedUploads(app.engine)).toBe(1);
    expect(await scene.storedBlobs()).toEqual([]);
    expect(await app.engine.store.reads.calls.count(app.tenant.id)).toBe(0);
    expect(await archive(app.engine, app.caller(), call)).toMatchObject({ isNew: true });
    await expect(upload.finish()).rejects.toMatchObject({ code: 'upload_cut' });
    await upload.abort();
    expect(await kindOf('racing')).toBe('complete');
  });

  test('that was swept before it said which call it is leaves no token behind', async () => {
    const { app } = scene;
    const upload = new Upload(app.engine, app.caller());
    await upload.storeRecording(chunksOf(recordingOf(call)), audio);
    scene.lapse(app.config.uploadLeaseMs);
    await sweepAbandonedUploads(app.engine);
    await expect(upload.describe(newCallOf(call))).rejects.toMatchObject({ code: 'upload_cut' });
    await upload.abort();
    expect(await app.engine.store.reads.tokens.page(undefined, 9)).toEqual([]);
    expect(await archive(app.engine, app.caller(), call)).toMatchObject({ isNew: true });
  });

  test('whose audio comes before its description keeps every artifact', async () => {
    const { engine, caller } = scene.app;
    const { callId } = await archive(engine, caller(), { ...call, dataFirst: true });
    const kinds = (await engine.store.reads.artifacts.ofOwner(callId)).map((artifact) => artifact.kind);
    expect(kinds.sort()).toEqual(['correlation', 'details', 'recording', 'transcript']);
    expect(await archive(engine, caller(), { ...call, dataFirst: true })).toEqual({ callId, isNew: false });
    expect(await archive(engine, caller(), call)).toEqual({ callId, isNew: false });
    const other = { ...call, bytes: call.bytes + 1, dataFirst: true } as const;
    await expect(archive(engine, caller(), other)).rejects.toMatchObject({ code: 'session_taken' });
    expect((await scene.storedBlobs()).length).toBe(1);
  });

  test('of a call without a recording is refused, and nothing of it stays', async () => {
    const { engine, caller } = scene.app;
    const upload = new Upload(engine, caller());
    await upload.describe(newCallOf(call));
    await expect(upload.finish()).rejects.toMatchObject({ code: 'input_invalid' });
    await upload.abort();
    expect(await kindOf('racing')).toBe('unknown');
  });
});

describe('two workers on one erasure', () => {
  test.each(['erase:gated', 'shred:rows-cleared', 'shred:committed', 'remove:bytes-erased', 'verify:looked'])(
    'never do its work twice: the one whose lease was over at %s finds out and stops',
    async (point) => {
      await scene.end();
      // The archive's own worker would be a second thief, and now and then the faster one.
      scene = await startScene({ workers: 0 });
      const { app } = scene;
      const { engine } = app;
      const callId = await scene.archived('racing', '+15125551234');
      // A shredding transaction holds the database: there the thief comes once it has failed or committed.
      const isInside = point === 'shred:rows-cleared';
      const thief = { owner: 'thief', leaseMs: 60_000 };
      const steal = async () => {
        const now = engine.clock.now();
        const asked = { owner: thief.owner, now, leaseUntil: now + thief.leaseMs, limit: 1 };
        let job: Job | undefined;
        // Where transactions run side by side, one that is shredding has the job's row, which is passed over until its end.
        await until(async () => {
          [job] = await engine.store.write(async (tx) => await tx.jobs.claim(asked));
          return job !== undefined;
        });
        if (job === undefined) throw new Error('there was nothing to steal');
        await runErasureJob(engine, job, new AbortController().signal);
        return job.id;
      };
      let stolen: Promise<string> | undefined;
      const reached = scene.faults.next(point, async () => {
        scene.lapse(app.config.jobLeaseMs);
        stolen = steal();
        if (!isInside) await stolen;
      });
      const asked = { action: 'purge', keepRecording: false, callIds: [callId] } as const;
      const started = await eraseNow(engine, app.caller(), asked);
      await Promise.all([reached, started?.ended]);
      const jobId = (await stolen) ?? '';
      expect(await engine.store.reads.jobs.find(jobId)).toMatchObject({ attempts: 2, lastError: null });
      const [item] = await engine.store.reads.erasures.items(started?.erasure.id ?? '', { fromSeq: 0, limit: 1 });
      expect(item).toMatchObject({ state: 'verified', outcome: 'erased' });
      const journal = await engine.store.reads.journal.page('', 99);
      expect(journal.filter((entry) => entry.ownerId === callId)).toHaveLength(1);
      const ended = (await engine.store.reads.audit.page('', 99)).filter((one) => one.event === 'erasure.completed');
      expect(ended).toHaveLength(1);
      expect(app.logged.filter((line) => line.includes('"code":"damage"'))).toEqual([]);
    },
  );
});
