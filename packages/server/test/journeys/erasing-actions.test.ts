import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import type { CallArtifactKind } from '../../src/model/call.ts';
import type { ErasureAction } from '../../src/model/erasure.ts';
import type { IdentifierKind } from '../../src/model/token-store.ts';
import { audio, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { type Scene, startScene } from '../support/scene.ts';

/** The table of DESIGN section 2, "What is kept where": what each action leaves. */
const table: { action: ErasureAction; keepRecording: boolean; leaves: CallArtifactKind[]; tokens: IdentifierKind[] }[] =
  [
    { action: 'purge', keepRecording: false, leaves: [], tokens: [] },
    {
      action: 'depersonalize',
      keepRecording: false,
      leaves: ['correlation'],
      tokens: ['external', 'master', 'session'],
    },
    {
      action: 'depersonalize',
      keepRecording: true,
      leaves: ['correlation', 'recording'],
      tokens: ['external', 'master', 'session'],
    },
    {
      action: 'delete-recording',
      keepRecording: false,
      leaves: ['correlation', 'details', 'transcript'],
      tokens: ['email', 'external', 'master', 'phone', 'phone', 'session'],
    },
  ];

const call: LifeCall = { session: 'whole', phone: '(512) 555-1234', bytes: 90_000, hasTranscript: true };

let scene: Scene;

beforeEach(async () => {
  scene = await startScene();
});

afterEach(async () => await scene.end());

async function archiveWhole(session: string): Promise<string> {
  const upload = new Upload(scene.app.engine, scene.app.caller());
  await upload.describe({
    ...newCallOf(call),
    identifiers: [
      { kind: 'session', value: session },
      { kind: 'phone', value: call.phone },
      { kind: 'email', value: 'Ann@example.org' },
      { kind: 'external', value: 'their-own-id' },
      { kind: 'master', value: 'the-conversation' },
    ],
  });
  await upload.storeRecording(chunksOf(recordingOf(call)), audio);
  return (await upload.finish()).callId;
}

describe.each(table)('$action (recording kept: $keepRecording)', ({ action, keepRecording, leaves, tokens }) => {
  test('leaves exactly what the table says, of the calls it was asked for alone', async () => {
    const { app } = scene;
    const { reads } = app.engine.store;
    const [callId, bystander] = [await archiveWhole('whole'), await archiveWhole('bystander')];
    const before = await reads.calls.find(app.tenant.id, callId);
    const untouched = [await reads.artifacts.ofOwner(bystander), await reads.tokens.ofOwner(bystander)];
    const started = await eraseNow(app.engine, app.caller(), { action, keepRecording, callIds: [callId] });
    await started?.ended;

    const artifacts = await reads.artifacts.ofOwner(callId);
    expect(artifacts.map((artifact) => artifact.kind).sort()).toEqual(leaves);
    expect((await reads.tokens.ofOwner(callId)).map((token) => token.kind).sort()).toEqual(tokens);
    const isPurge = action === 'purge';
    const marks = {
      depersonalizedAt: action === 'depersonalize' ? expect.any(Number) : null,
      recordingErasedAt: leaves.includes('recording') ? null : expect.any(Number),
    };
    expect(await reads.calls.find(app.tenant.id, callId)).toEqual(isPurge ? undefined : { ...before, ...marks });
    const [stone] = await reads.tombstones.find(app.tenant.id, [callId]);
    expect(stone === undefined).toBe(!isPurge);
    const kept = (await reads.tombstones.tokensOf([callId])).map((token) => token.kind).sort();
    expect(kept).toEqual(isPurge ? ['external', 'session'] : []);
    expect(await scene.storedBlobs()).toHaveLength(leaves.includes('recording') ? 2 : 1);
    expect((await scene.client.recording(callId)).status).toBe(leaves.includes('recording') ? 200 : 404);
    expect([await reads.artifacts.ofOwner(bystander), await reads.tokens.ofOwner(bystander)]).toEqual(untouched);
    expect(await reads.erasures.find(started?.erasure.id ?? '')).toMatchObject({ state: 'completed' });
  });

  test('asked for again changes nothing and says so', async () => {
    const { app } = scene;
    const callId = await archiveWhole('whole');
    const asked = { action, keepRecording, callIds: [callId] };
    await (await eraseNow(app.engine, app.caller(), asked))?.ended;
    const again = await eraseNow(app.engine, app.caller(), asked);
    await again?.ended;
    const [item] = await app.engine.store.reads.erasures.items(again?.erasure.id ?? '', { fromSeq: 0, limit: 1 });
    expect(item).toMatchObject({ state: 'verified', outcome: 'already_erased', journalId: null });
  });
});
