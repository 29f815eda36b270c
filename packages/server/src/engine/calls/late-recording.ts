import type { Artifact } from '../../model/call.ts';
import { AppError, codeOf, hasCode } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import type { RecordingFacts, StoredFacts } from '../archive/new-call.ts';
import { measureRecording, sealRecording } from '../archive/recording-bytes.ts';
import { openJson, sealJson } from '../artifacts.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { endLateArtifact, givenUp, nameLateArtifacts, settleLateArtifacts } from './late-artifacts.ts';
import { LateLease } from './late-lease.ts';
import { beingErased, openCall } from './open-call.ts';
import { visibleCall } from './visible-call.ts';

/** Whose recording it is. */
type Of = { tenantId: string; callId: string };

/**
 * Stores the recording of a call that is archived already. `isNew` is false where the call has the very same bytes.
 *
 * It may come to a call that was depersonalized with its recording kept. Throws, with nothing of it left: `call_not_found`;
 * `call_erased` for a purged call; `recording_erased` where the recording was erased, or would have been had there been
 * one; `recording_exists` where the call has another; `upload_busy` while another upload of it is under way, or an erasure
 * of it has begun that may yet yield to a hold; `upload_too_large`; `upload_cut` where it was silent for longer than its
 * lease; and what the source throws.
 *
 * @param source the plaintext; read once, never whole in memory.
 */
export async function storeLateRecording(
  engine: Engine,
  caller: Caller,
  callId: string,
  source: AsyncIterable<Uint8Array>,
  facts: RecordingFacts,
  keeper: AnswerKeeper = noKeeper,
): Promise<{ isNew: boolean }> {
  requireScope(caller, 'calls:write');
  const of: Of = { tenantId: caller.tenant.id, callId };
  const there = await engine.store.snapshot(async (reads) => await storedRecording(reads, of));
  if (there !== undefined) {
    if (!(await isSameRecording(engine, of, there, source))) throw new AppError('recording_exists');
    if (keeper !== noKeeper) {
      await engine.store.write(async (tx) => await keeper.keep(tx, { status: 200, subjectId: callId }));
    }
    return { isNew: false };
  }
  const [artifact] = await nameLateArtifacts(engine, of, ['recording'], async (tx) => await refuseSecond(tx, of));
  if (artifact === undefined) throw new AppError('internal', { detail: 'no slot was named' });
  const lease = new LateLease(engine, artifact.slot);
  try {
    await engine.faults.at('late:named');
    await store(engine, caller, artifact, { source, facts, signal: lease.lost, keeper });
  } catch (error) {
    lease.end();
    await clear(engine, of, artifact);
    throw await refusalOf(engine, of, error);
  } finally {
    lease.end();
  }
  return { isNew: true };
}

/**
 * Reads what comes under an `Idempotency-Key` that was answered before. Throws `idempotency_mismatch` where it is another
 * recording than the one that is stored. Where that was erased, or its call, anything is taken for it.
 */
export async function refuseOtherRecording(
  engine: Engine,
  caller: Caller,
  callId: string,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  requireScope(caller, 'calls:write');
  const of: Of = { tenantId: caller.tenant.id, callId };
  const { sha256 } = await measureRecording(engine, source);
  const there = await engine.store.snapshot(async (reads) => {
    const visible = await visibleCall(reads, of.tenantId, callId);
    if (visible === undefined || visible.gated.has('recording')) return undefined;
    return await reads.artifacts.find(callId, 'recording');
  });
  if (there === undefined || there.sealed === null) return;
  const stored = await openJson<StoredFacts>(engine, there, 'recording-facts').catch(unlessDestroyed);
  if (stored !== undefined && stored.sha256 !== sha256) throw new AppError('idempotency_mismatch');
}

function unlessDestroyed(error: unknown): undefined {
  if (!hasCode(error, 'key_destroyed')) throw error;
}

/**
 * The call's recording, where it has one; undefined where one may come. To be asked again in each transaction that brings
 * one nearer.
 */
async function storedRecording(on: StoreReads | StoreTx, of: Of): Promise<Artifact | undefined> {
  await refuseErased(on, of);
  const artifact = await on.artifacts.find(of.callId, 'recording');
  if (artifact?.sealed === null) throw underWay();
  return artifact;
}

/** Whatever erases a recording leaves its mark in the commit that destroys the key; until then nobody knows. */
async function refuseErased(on: StoreReads | StoreTx, { tenantId, callId }: Of): Promise<void> {
  const { call, gated } = await openCall(on, tenantId, callId);
  if (call.recordingErasedAt !== null) throw new AppError('recording_erased');
  if (gated.has('recording')) throw beingErased();
}

async function refuseSecond(tx: StoreTx, of: Of): Promise<void> {
  // Another one has just been finished: whoever tries again is told whether it is the same.
  if ((await storedRecording(tx, of)) !== undefined) throw underWay();
}

function underWay(): AppError {
  return new AppError('upload_busy', {
    message: 'An upload of this recording is under way; try again in a moment',
  });
}

/** What comes, until when, and where its answer is kept. */
type Bringing = {
  source: AsyncIterable<Uint8Array>;
  facts: RecordingFacts;
  signal: AbortSignal;
  keeper: AnswerKeeper;
};

/** Seals the bytes as they come and then, in one commit, makes them the call's recording. */
async function store(
  engine: Engine,
  caller: Caller,
  artifact: Artifact,
  { source, facts, signal, keeper }: Bringing,
): Promise<void> {
  const of: Of = { tenantId: caller.tenant.id, callId: artifact.ownerId };
  const { blobBytes, ...measured } = await sealRecording(engine, artifact, source, signal);
  await engine.faults.at('late:bytes-stored');
  const stored: StoredFacts = { ...facts, ...measured, format: null };
  const sealed = await sealJson(engine, artifact, stored, 'recording-facts');
  await engine.store.write(async (tx) => {
    await refuseErased(tx, of);
    await settleLateArtifacts(tx, [artifact.slot]);
    await tx.artifacts.setSealed(artifact.slot, { sealed, blobBytes });
    await tx.calls.update(of.callId, { updatedAt: engine.clock.now() });
    await tx.audit.append(auditEntry(engine, caller, 'recording.stored', of.callId));
    await keeper.keep(tx, { status: 201, subjectId: of.callId });
  });
  await engine.faults.at('late:finished');
}

/** What will not go now is found by the sweep, or by the erasure that took it. */
async function clear(engine: Engine, of: Of, { slot }: Artifact): Promise<void> {
  try {
    await endLateArtifact(engine, { ...of, slot });
  } catch (error) {
    engine.log.warn('late_artifact.left', { callId: of.callId, code: codeOf(error) });
  }
}

/** Keys or bytes that go under an upload mean that it was given up or met by an erasure: the call's row says which. */
async function refusalOf(engine: Engine, of: Of, error: unknown): Promise<unknown> {
  if (!hasCode(error, 'key_destroyed') && !hasCode(error, 'blob_failed') && !hasCode(error, 'upload_cut')) return error;
  try {
    await engine.store.snapshot(async (reads) => await refuseErased(reads, of));
  } catch (refusal) {
    return refusal;
  }
  return hasCode(error, 'key_destroyed') ? givenUp() : error;
}

/** Nothing is stored: what comes is read to its end and measured. */
async function isSameRecording(
  engine: Engine,
  of: Of,
  there: Artifact,
  source: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const { sha256 } = await measureRecording(engine, source);
  try {
    return (await openJson<StoredFacts>(engine, there, 'recording-facts')).sha256 === sha256;
  } catch (error) {
    throw await refusalOf(engine, of, error);
  }
}
