/** A candidate and its calls are erased as one, whatever is on its way at that moment. */
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewCall } from '../../src/engine/archive/new-call.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { deleteRecording, depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { noCampaign } from '../../src/model/call.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const whole = { keepRecording: false, waitMs: 20_000 };
const audio = { contentType: 'audio/mpeg' };

let scene: Scene;
let candidateId: string;
beforeEach(async () => {
  scene = await startScene();
  candidateId = await addCandidate();
});
afterEach(async () => await scene.end());

async function addCandidate(): Promise<string> {
  const { engine, caller } = scene.app;
  const taskId = await createTask(engine, caller(), { name: 'Autumn', settings: {}, botId: null });
  const given = {
    taskId,
    botId: null,
    details: { phones: ['15125550100'], variables: {} },
    correlation: {
      callbackData: null,
      clientExternalId: null,
      timezone: null,
      checkPhone: null,
      autoCallTemplateId: null,
    },
  };
  const [id = ''] = await addCandidates(engine, caller(), [given], { start: false });
  return id;
}

async function archived(dialStatus: 'ANSWERED' | 'INPROGRESS' = 'ANSWERED'): Promise<string> {
  const participants = [{ role: 'customer', phone: '+15125550100', email: null, name: null }];
  const seed = { candidateId, dialStatus, details: { participants } };
  return await archivePlatformCall(scene.app.engine, scene.app.caller(), seed);
}

function comingCall(): NewCall {
  return {
    kind: 'call',
    source: 'native',
    direction: 'outbound',
    startedAt: 1_700_000_000_000,
    endedAt: null,
    durationMs: null,
    ...noCampaign,
    candidateId,
    identifiers: [{ kind: 'phone', value: '+15125550100' }],
    details: { participants: [] },
    correlation: {},
    transcript: null,
    audioFormat: null,
  };
}

/** Every slot that a row named reads as destroyed. */
async function expectDestroyed(slots: readonly number[]): Promise<void> {
  const states = await scene.app.engine.tree.statesOf(slots);
  expect(slots.length).toBeGreaterThan(0);
  expect(slots.map((slot) => states.get(slot))).toEqual(slots.map(() => 'destroyed'));
}

async function slotsOf(ownerId: string): Promise<number[]> {
  return (await scene.app.engine.store.reads.artifacts.ofOwner(ownerId)).map((artifact) => artifact.slot);
}

async function erasures() {
  return await scene.app.engine.store.reads.erasures.page('', 99);
}

describe.each([true, false])('a call of it that is still coming (described first: %s)', (isDescribedFirst) => {
  test('has lost its keys when the answer comes, and nothing is verified while its bytes may still come', async () => {
    const { engine, caller } = scene.app;
    const upload = new Upload(engine, caller());
    const source = new PassThrough();
    source.write(Buffer.alloc(100_000));
    if (isDescribedFirst) await upload.describe(comingCall());
    const storing = upload.storeRecording(source, audio);
    if (!isDescribedFirst) {
      source.end();
      await storing;
      await upload.describe(comingCall());
    }
    const { reads } = engine.store;
    const [callId = ''] = await reads.calls.idsOfCandidate(scene.app.tenant.id, candidateId);
    const slots = await slotsOf(callId);

    await depersonalizeCandidate(engine, caller(), candidateId, whole);

    await expectDestroyed(slots);
    expect(await reads.tokens.ofOwner(callId)).toEqual([]);
    const [erasure] = await erasures();
    await until(async () => (await reads.erasures.tally(erasure?.id ?? '')).failed === 1);
    expect(await reads.erasures.find(erasure?.id ?? '')).toMatchObject({ state: 'running', goneAt: null });

    source.end();
    const finished = storing.then(async () => await upload.finish());
    await expect(finished).rejects.toMatchObject({ code: expect.stringMatching(/^(call|candidate)_erased$/) });
    await upload.abort();
    scene.lapse(60_000);
    await until(async () => (await reads.erasures.find(erasure?.id ?? ''))?.state === 'completed');
    expect(await reads.calls.idsOfCandidate(scene.app.tenant.id, candidateId)).toEqual([]);
    expect(await scene.storedBlobs()).toEqual([]);
  });
});

test('a call of it whose purge has only begun has lost its keys when the answer comes', async () => {
  const { engine, caller } = scene.app;
  const callId = await archived();
  const { reads } = engine.store;
  const personal = (await reads.artifacts.ofOwner(callId)).filter((one) => one.kind === 'details');
  const gate = scene.faults.stop('erase:gated');
  const purging = eraseNow(engine, caller(), { action: 'purge', keepRecording: false, callIds: [callId] });
  await gate.reached;
  await depersonalizeCandidate(engine, caller(), candidateId, whole);
  await expectDestroyed(personal.map((one) => one.slot));
  gate.goOn();
  await (await purging)?.ended;
});

test('a hold that comes when it has begun to be erased has come too late for all of it', async () => {
  const { engine, caller } = scene.app;
  const callIds: string[] = [];
  for (let i = 0; i < 130; i += 1) callIds.push(await archived());
  const last = callIds.at(-1) ?? '';
  const held = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
  const placing = scene.faults.next('shred:committed', async () => {
    await placeHold(engine, caller(), { ...held, callIds: [last] });
  });
  await depersonalizeCandidate(engine, caller(), candidateId, whole);
  await placing;
  const calls = await engine.store.reads.calls.findMany(scene.app.tenant.id, callIds);
  expect(calls.filter((call) => call.depersonalizedAt === null)).toEqual([]);
});

test('a hold that comes before that refuses all of it, and nothing has changed', async () => {
  const { engine, caller } = scene.app;
  const callIds: string[] = [];
  for (let i = 0; i < 130; i += 1) callIds.push(await archived());
  const held = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
  const placing = scene.faults.next('erase:gated', async () => {
    await placeHold(engine, caller(), { ...held, callIds: callIds.slice(-1) });
  });
  await expect(depersonalizeCandidate(engine, caller(), candidateId, whole)).rejects.toMatchObject({
    code: 'item_held',
  });
  await placing;
  const { reads } = engine.store;
  const calls = await reads.calls.findMany(scene.app.tenant.id, callIds);
  expect(calls.filter((call) => call.depersonalizedAt !== null)).toEqual([]);
  expect(await reads.candidates.find(scene.app.tenant.id, candidateId)).toMatchObject({ status: 'PENDING' });
  expect((await reads.artifacts.ofOwner(candidateId)).map((one) => one.kind).sort()).toEqual([
    'correlation',
    'details',
  ]);
});

test('asked for again while it is being erased, it is not erased a second time', async () => {
  const { engine, caller } = scene.app;
  await archived();
  const gate = scene.faults.stop('erase:gated');
  const first = depersonalizeCandidate(engine, caller(), candidateId, whole);
  await gate.reached;
  const short = { ...whole, waitMs: 50 };
  const repeat = depersonalizeCandidate(engine, caller(), candidateId, short);
  await expect(repeat).rejects.toMatchObject({ code: 'erasure_running' });
  gate.goOn();
  await first;
  await depersonalizeCandidate(engine, caller(), candidateId, whole);
  expect(await erasures()).toHaveLength(1);
});

test('one live call refuses it, also one that is still coming', async () => {
  const { engine, caller } = scene.app;
  const upload = new Upload(engine, caller());
  await upload.describe({ ...comingCall(), dialStatus: 'INPROGRESS' }, { hasRecording: false });
  const refused = { code: 'call_live' };
  await expect(depersonalizeCandidate(engine, caller(), candidateId, whole)).rejects.toMatchObject(refused);
  await upload.finish();
  await expect(depersonalizeCandidate(engine, caller(), candidateId, whole)).rejects.toMatchObject(refused);
  expect(await erasures()).toEqual([]);
});

test('a recording that was refused before it came is in the journal, for a restore to refuse it again', async () => {
  const { engine, caller } = scene.app;
  const callId = await archived();
  await deleteRecording(engine, caller(), callId, { waitMs: 20_000 });
  const entries = await engine.store.reads.journal.page('', 999);
  const mine = entries.filter((entry) => entry.ownerId === callId);
  expect(mine).toMatchObject([{ kind: 'item_erased', action: 'delete-recording', slots: [] }]);
});
