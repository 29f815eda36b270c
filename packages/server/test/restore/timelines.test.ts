import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileBlobs } from '../../src/blobs/file-blobs.ts';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { noFaults } from '../../src/lib/faults.ts';
import type { BlobName, EraseOutcome } from '../../src/model/blob-store.ts';
import { AppError } from '../../src/model/errors.ts';
import { cast, type LifeCall } from '../crash/life.ts';
import { erase, purgeAll, Stage } from './stage.ts';

const { kept, purged, muted } = cast;
/** Those from 100 on share a number. */
const chatOf = (no: number): LifeCall => ({
  session: `chat-${no}`,
  phone: no < 100 ? `+1512555${1000 + no}` : '+15125550111',
  bytes: 0,
  hasTranscript: true,
});

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

test('a copy of a future that was given up is restored whole after another future has used the tree', async () => {
  await stage.process(async (at) => await stage.archive(at, kept));
  const early = stage.copy();
  // More calls than one leaf has slots for, and the power fails: nothing of these leaves is in the journal.
  let lost: Stage | undefined;
  await stage.process(async (at) => {
    for (let no = 0; no < 90; no += 1) await stage.archive(at, chatOf(no));
    lost = Stage.like(stage);
  });
  if (lost === undefined) throw new Error('there is no such disk');
  try {
    const late = lost.copy();
    // No seal came in between: nothing but the mark of the restore tells.
    lost.putBack(early);
    expect(await lost.restore()).toMatchObject({ unverified: 0 });
    await lost.process(async (at) => {
      await lost?.archive(at, purged, muted);
      for (let no = 100; no < 190; no += 1) await lost?.archive(at, chatOf(no));
      await purgeAll(at, { by: 'customer', phones: [chatOf(100).phone], emails: [] });
      await purgeAll(at, { by: 'sessions', ids: [purged.session] });
    });
    expect((await lost.restoreFrom(late)).items.every((item) => !item.wasHere)).toBe(true);
    await lost.expectStandings([
      [kept, 'whole'],
      [chatOf(0), 'whole'],
      [chatOf(89), 'whole'],
      [purged, 'gone'],
      [chatOf(120), 'gone'],
    ]);
  } finally {
    lost.end();
  }
});

test('erasures of several kinds that alternate are replayed together, each call in its order', async () => {
  const calls = Array.from({ length: 12 }, (_, no) => chatOf(no));
  await stage.process(async (at) => await stage.archive(at, ...calls));
  const copy = stage.copy();
  await stage.process(async (at) => {
    for (const [no, call] of calls.entries()) {
      await erase(at, 'depersonalize', call);
      if (no % 2 === 0) await purgeAll(at, { by: 'sessions', ids: [call.session] });
    }
  });
  expect((await stage.restoreFrom(copy)).items).toHaveLength(18);
  await stage.expectStandings(calls.map((call, no) => [call, no % 2 === 0 ? 'gone' : 'depersonalized'] as const));
  await stage.process(async ({ engine }) => {
    const erasures = await engine.store.reads.erasures.page('', 100);
    expect(erasures.filter((one) => one.actorId === 'restore').length).toBeLessThan(18);
  });
});

/** Bytes that will not go until told otherwise. */
class StuckBlobs extends FileBlobs {
  isStuck = true;

  override async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    if (!this.isStuck) return await super.erase(names);
    const failed = { kind: 'failed', error: new AppError('blob_failed') } as const;
    return new Map(names.map((name) => [name, failed]));
  }
}

test('bytes that would not go in a restore are told of, and go with the next server', async () => {
  await stage.process(async (at) => await stage.archive(at, kept, purged));
  const copy = stage.copy();
  await stage.process(async (at) => {
    await stage.archive(at, muted);
    await at.engine.rootKeys.seal();
  });
  stage.putBack(copy);
  const blobs = new StuckBlobs({ root: `${stage.config.home}/blobs`, faults: noFaults });
  expect(await stage.restore({ blobs })).toMatchObject({ unverified: 1, bytesSwept: 0 });
  blobs.isStuck = false;
  await stage.process(async ({ engine }) => void (await sweepAbandonedUploads(engine)));
  await stage.expectSound();
});
