/** Recordings that come after their call. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { AppError } from '../../src/model/errors.ts';
import { callerOf, chunksOf } from '../crash/life.ts';
import { erasings, LateScene, lateAudio, otherAudio, silent } from '../support/late-scene.ts';
import { loseNextAnswer } from '../support/lost-answer.ts';

let at: LateScene;
beforeEach(async () => {
  at = await LateScene.start();
});
afterEach(async () => await at.scene.end());

describe('a recording that comes after its call', () => {
  test('is served bit for bit from then on, with the type that it came with', async () => {
    const callId = await at.come();
    expect((await at.read(callId)).recording).toBeNull();
    at.scene.lapse(1000);
    expect(await at.put(callId)).toBe('new');
    expect((await at.heard(callId))?.equals(lateAudio)).toBe(true);
    const { recording, updatedAt, call } = await at.read(callId);
    expect(recording).toMatchObject({ contentType: 'audio/mpeg', format: null, sizeBytes: lateAudio.length });
    expect(updatedAt).toBeGreaterThanOrEqual(call.createdAt + 1000);
    await at.expectRecordings(1);
  });

  test('is told to be there already when it comes again, and nothing more is stored', async () => {
    const callId = await at.come();
    await at.put(callId);
    expect(await at.put(callId)).toBe('known');
    await at.expectRecordings(1);
  });

  test('never replaces another one, whether that came with the call or later', async () => {
    const late = await at.come();
    await at.put(late);
    const early = await at.come({ session: 'early', phone: '+15125550000', bytes: 9000 });
    for (const callId of [late, early]) expect(await at.put(callId, chunksOf(otherAudio))).toBe('recording_exists');
    expect((await at.heard(late))?.equals(lateAudio)).toBe(true);
    await at.expectRecordings(2);
  });

  test('is not taken twice at once: the second one is told to try again, and the first goes on', async () => {
    const callId = await at.come();
    const first = at.scene.faults.stop('late:bytes-stored');
    const putting = at.put(callId);
    await first.reached;
    expect(await at.put(callId)).toBe('upload_busy');
    first.goOn();
    expect(await putting).toBe('new');
    await at.expectRecordings(1);
  });

  test('is not seen before it is whole, and a repeated upload of its call finds the same call', async () => {
    const callId = await at.come();
    const stored = at.scene.faults.stop('late:bytes-stored');
    const putting = at.put(callId);
    await stored.reached;
    expect((await at.read(callId)).recording).toBeNull();
    expect(await at.heard(callId)).toBeUndefined();
    expect(await at.comeSilent(silent)).toEqual({ callId, isNew: false });
    stored.goOn();
    await putting;
  });
});

describe('a recording is refused, and nothing of it is stored,', () => {
  test('for a call that is unknown, malformed or of another tenant', async () => {
    const callId = await at.come();
    const other = callerOf(await createTenant(at.engine, { slug: 'other', region: 'US' }));
    const foreign = storeLateRecording(at.engine, other, callId, chunksOf(lateAudio), { contentType: 'audio/mpeg' });
    await expect(foreign).rejects.toMatchObject({ code: 'call_not_found' });
    for (const id of ['019a0000-0000-7000-8000-000000000000', '{id}', ''])
      expect(await at.put(id)).toBe('call_not_found');
    await at.expectRecordings(0);
  });

  test('of a caller that may not write', async () => {
    const callId = await at.come();
    const reader = at.scene.app.caller(['calls:read']);
    const putting = storeLateRecording(at.engine, reader, callId, chunksOf(lateAudio), { contentType: 'audio/mpeg' });
    await expect(putting).rejects.toMatchObject({ code: 'scope_missing' });
  });

  test.each([
    ['a purge', 'call_erased'],
    ['a depersonalization', 'recording_erased'],
    ['a deletion of the recording', 'recording_erased'],
  ] as const)('after %s of its call, whether the call had one or not', async (name, code) => {
    for (const call of [silent, { ...silent, session: 'spoken', bytes: 9000 }]) {
      const callId = await at.come(call);
      await at.shred(callId, erasings[name]);
      expect(await at.put(callId)).toBe(code);
    }
    await at.expectRecordings(0);
    expect(await at.put(await at.come({ ...silent, session: 'living' }))).toBe('new');
  });

  test('that is larger than the server takes, or whose line breaks, and it may come again', async () => {
    const callId = await at.come();
    const { limits } = at.engine;
    at.engine.limits = { ...limits, uploadBytesMax: lateAudio.length - 1 };
    expect(await at.put(callId)).toBe('upload_too_large');
    at.engine.limits = limits;
    expect(await at.put(callId, broken())).toBe('upload_cut');
    await at.expectRecordings(0);
    expect(await at.put(callId)).toBe('new');
    await at.expectRecordings(1);
  });
});

test('a call that was depersonalized with its recording kept takes one that comes late, which can then be deleted', async () => {
  const callId = await at.come();
  await at.shred(callId, erasings['a depersonalization that keeps the recording']);
  expect(await at.put(callId)).toBe('new');
  expect((await at.heard(callId))?.equals(lateAudio)).toBe(true);
  await at.shred(callId, erasings['a deletion of the recording']);
  expect(await at.heard(callId)).toBeUndefined();
  expect(await at.put(callId)).toBe('recording_erased');
  await at.expectRecordings(0);
});

test.each([
  [true, 'new'],
  [false, 'recording_erased'],
] as const)(
  'a call whose candidate was depersonalized with recordings kept (%s) is told %s of one that comes late',
  async (keepRecording, said) => {
    const candidateId = await at.candidate();
    const { callId } = await at.comeSilent(silent, { candidateId });
    await depersonalizeCandidate(at.engine, at.caller, candidateId, { keepRecording, waitMs: 10_000 });
    expect(await at.put(callId)).toBe(said);
    expect(await at.change(callId, { details: { results: 1 } })).toBe('call_erased');
  },
);

test('a recording whose commit happened and whose answer was lost stays, and is known when it comes again', async () => {
  const callId = await at.come();
  const stored = at.scene.faults.next('late:bytes-stored', async () => {
    loseNextAnswer(at.engine, 'store_failed');
  });
  expect((await Promise.all([at.put(callId), stored]))[0]).toBe('store_failed');
  expect(await at.put(callId)).toBe('known');
  expect((await at.heard(callId))?.equals(lateAudio)).toBe(true);
  await at.expectRecordings(1);
});

async function* broken(): AsyncGenerator<Buffer> {
  yield lateAudio.subarray(0, 70_000);
  throw new AppError('upload_cut');
}
