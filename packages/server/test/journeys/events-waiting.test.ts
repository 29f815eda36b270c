/** Events that wait for their call: how long, and through what. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { type PurgeItem, purge } from '../../src/engine/erasure/purge.ts';
import { awaitedMsMax } from '../../src/engine/events/awaited.ts';
import { sweepAwaited } from '../../src/engine/events/sweep-awaited.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import type { Hold } from '../../src/model/erasure.ts';
import { AppError } from '../../src/model/errors.ts';
import { archive, audio, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { type LifeEvent, openedEvents, sendEvent, wordsOf } from '../crash/life-events.ts';
import { startApp } from '../support/harness.ts';
import { type Scene, startScene } from '../support/scene.ts';

const call: LifeCall = { session: 'to-come', phone: '+15125551234', bytes: 20_000 };
const early: LifeEvent = { call, field: 'early' };
const late: LifeEvent = { call, field: 'late' };

let scene: Scene;
beforeEach(async () => {
  scene = await startScene();
});
afterEach(async () => {
  expect((await fsck(scene.app.engine, { deep: true })).problems).toEqual([]);
  await scene.end();
});

const send = async (event: LifeEvent) => await sendEvent(scene.app.engine, scene.app.caller(), event);
const come = async () => (await archive(scene.app.engine, scene.app.caller(), call)).callId;
const upkeep = async () => await new Upkeep(scene.app.engine).once();

async function purgeSession(): Promise<PurgeItem['standing'] | undefined> {
  const asked = { by: 'sessions', ids: [call.session] } as const;
  return (await purge(scene.app.engine, scene.app.caller(), asked, { whatIf: false, waitMs: 10_000 }))[0]?.standing;
}

/** What the events say that can be opened, and how the call that each is with stands. */
async function opened(): Promise<(readonly [status: string, words: string])[]> {
  const found = [...(await openedEvents(scene.app.engine))];
  return found.flatMap(([words, calls]) => calls.map(({ status }) => [status, words] as const)).sort();
}

describe('a hold on a session of which only events have come', () => {
  const place = async (): Promise<Hold> => {
    const identifiers = [{ kind: 'session', value: call.session }] as const;
    const hold = { callIds: [], identifiers, from: null, to: null, reviewAt: null, reason: 'a court asked' };
    return await placeHold(scene.app.engine, scene.app.caller(), hold);
  };

  test('keeps them from a purge, also one that has begun, until its release', async () => {
    await send(early);
    let hold: Hold | undefined;
    const placed = scene.faults.next('erase:gated', async () => {
      hold = await place();
    });
    expect((await Promise.all([purgeSession(), placed]))[0]).toBe('held');
    expect(await purgeSession()).toBe('held');
    expect(await opened()).toEqual([['awaited', wordsOf(early)]]);
    await releaseHold(scene.app.engine, scene.app.caller(), hold?.id ?? '');
    expect(await opened()).toEqual([['awaited', wordsOf(early)]]);
    expect(await purgeSession()).toBe('purging');
    expect(await opened()).toEqual([]);
    await expect(come()).rejects.toMatchObject({ code: 'call_erased' });
  });

  test('lets their call come and take them, which is then held itself', async () => {
    await send(early);
    const hold = await place();
    expect(await send(late)).toBe('kept');
    await come();
    expect(await purgeSession()).toBe('held');
    expect(await opened()).toEqual([early, late].map((event) => ['complete', wordsOf(event)]));
    await releaseHold(scene.app.engine, scene.app.caller(), hold.id);
  });

  test('keeps them for longer than a day, until its release', async () => {
    await send(early);
    const hold = await place();
    scene.lapse(2 * awaitedMsMax);
    await upkeep();
    expect(await opened()).toEqual([['awaited', wordsOf(early)]]);
    await releaseHold(scene.app.engine, scene.app.caller(), hold.id);
    await upkeep();
    expect(await opened()).toEqual([]);
  });
});

describe('an event that has waited for a day', () => {
  test('is destroyed, keys and all, and nothing of it is left', async () => {
    const { engine, tenant } = scene.app;
    await send(early);
    const [{ id = '' } = {}] = await engine.store.reads.calls.awaitedSince(Number.MAX_SAFE_INTEGER, 1);
    const slot = (await engine.store.reads.artifacts.find(id, 'details'))?.slot ?? -1;
    scene.lapse(awaitedMsMax - 60_000);
    await upkeep();
    expect(await opened()).toEqual([['awaited', wordsOf(early)]]);
    scene.lapse(60_001);
    await upkeep();
    expect(await engine.tree.open(slot)).toEqual({ kind: 'destroyed' });
    expect(await engine.store.reads.artifacts.ofOwner(id)).toEqual([]);
    expect(await engine.store.reads.tokens.ofOwner(id)).toEqual([]);
    expect(await engine.store.reads.calls.find(tenant.id, id)).toBeUndefined();
    // The session was purged by nobody: its call may still come.
    await come();
    expect(await opened()).toEqual([]);
  });

  test('is left to a purge that has begun, which refuses its call from then on', async () => {
    await send(early);
    const expired = scene.faults.next('erase:gated', async () => {
      scene.lapse(awaitedMsMax + 1);
      expect(await sweepAwaited(scene.app.engine)).toBe(0);
    });
    expect((await Promise.all([purgeSession(), expired]))[0]).toBe('purging');
    expect(await opened()).toEqual([]);
    await expect(come()).rejects.toMatchObject({ code: 'call_erased' });
  });

  test('goes though another that has waited for longer cannot be destroyed', async () => {
    let [lapsedMs, failures] = [0, 0];
    const at = (point: string) => {
      if (point !== 'destroy:pages-written' || failures === 0) return;
      failures -= 1;
      throw new AppError('damage');
    };
    const app = await startApp({ clock: { now: () => Date.now() + lapsedMs }, faults: { at }, workers: 0 });
    for (const event of [early, late]) expect(await sendEvent(app.engine, app.caller(), event)).toBe('kept');
    lapsedMs = awaitedMsMax + 1;
    failures = 1;
    await expect(sweepAwaited(app.engine)).rejects.toMatchObject({ code: 'damage' });
    expect([...(await openedEvents(app.engine)).keys()]).toEqual([wordsOf(early)]);
    expect(await sweepAwaited(app.engine)).toBe(1);
    expect([...(await openedEvents(app.engine)).keys()]).toEqual([]);
    await app.close();
  });
});

describe('an upload that does not come to its end', () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield recordingOf(call).subarray(0, 9_000);
    throw new Error('the line broke');
  }

  const begun = async (): Promise<Upload> => {
    const upload = new Upload(scene.app.engine, scene.app.caller());
    await upload.describe(newCallOf(call));
    return upload;
  };

  test('leaves what waits for its call to the next', async () => {
    await send(early);
    const upload = await begun();
    await upload.storeRecording(broken(), audio).catch(() => undefined);
    await send(late);
    await upload.abort();
    expect(await opened()).toEqual([early, late].map((event) => ['awaited', wordsOf(event)]));
    await come();
    expect(await opened()).toEqual([early, late].map((event) => ['complete', wordsOf(event)]));
  });

  test('leaves it too when nobody comes back for it', async () => {
    await send(early);
    const upload = await begun();
    await upload.storeRecording(chunksOf(recordingOf(call)), audio);
    scene.lapse(scene.app.config.uploadLeaseMs);
    expect(await sweepAbandonedUploads(scene.app.engine)).toBe(1);
    expect(await opened()).toEqual([['awaited', wordsOf(early)]]);
    await upload.abort();
    await come();
    expect(await opened()).toEqual([['complete', wordsOf(early)]]);
  });
});
