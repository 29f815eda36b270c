import { journalEntry } from '../../keys/journal-entries.ts';
import type { BlobName } from '../../model/blob-store.ts';
import type { Call } from '../../model/call.ts';
import type { DoomedBlob } from '../../model/erasure.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import { locksMet } from '../erasure/locked.ts';
import { blobsLeft } from '../erasure/look-apart.ts';
import { gatedByPurge } from '../erasure/resolve.ts';

/** Uploads, or blobs, read in one go; a sweep goes on until it has destroyed as many. */
const batch = 100;

/** What became of an upload that was to be destroyed. */
export type UploadEnd = 'destroyed' | 'archived' | 'absent' | 'left_to_purge' | 'renewed';

/**
 * Destroys what an upload that will not finish has left: its keys, rows, tokens and bytes. An upload that an erasure
 * has met leaves the erasure's tombstone untouched; one that a started purge is about to meet stays until it has, since
 * without its row there would be no tombstone to refuse a retried upload. Repeating it changes nothing.
 *
 * @param onlyOverdue leaves it alone where its lease has been renewed meanwhile.
 */
export async function destroyUpload(
  engine: Engine,
  tenantId: string,
  callId: string,
  { onlyOverdue = false } = {},
): Promise<UploadEnd> {
  const { end, blobs } = await engine.store.write(async (tx): Promise<{ end: UploadEnd; blobs: string[] }> => {
    const call = await tx.calls.find(tenantId, callId);
    if (call === undefined) return { end: 'absent', blobs: [] };
    if (call.uploadUntil === null) return { end: 'archived', blobs: [] };
    if (onlyOverdue && call.uploadUntil > engine.clock.now()) return { end: 'renewed', blobs: [] };
    if (!call.isUploadDoomed && (await gatedByPurge(tx, [callId])).has(callId)) {
      await tx.calls.update(callId, { uploadUntil: Math.min(call.uploadUntil, engine.clock.now()) });
      return { end: 'left_to_purge', blobs: [] };
    }
    const cleared = await clearUpload(engine, tx, callId);
    const slots = await engine.tree.destroy(tx.keys, cleared.slots);
    if (slots.length > 0) {
      const what = { tenantId, ownerId: callId, slots };
      await tx.keys.appendJournal([journalEntry('upload_abandoned', engine.clock.now(), what)]);
    }
    return { end: 'destroyed', blobs: cleared.blobs };
  });
  if (end !== 'destroyed') return end;
  await engine.faults.at('archive:abandoned');
  // Asked for first: the keys are destroyed, whatever becomes of the bytes below.
  engine.sealer.request();
  await removeUnowned(engine, blobs);
  return end;
}

/**
 * Removes the rows of an upload that will not finish, or of an awaited call, whose own row is taken, and writes its bytes
 * down as doomed. Returns the slots, for the caller to destroy, and the names of the bytes.
 */
export async function clearUpload(
  engine: Pick<Engine, 'clock'>,
  tx: StoreTx,
  callId: string,
): Promise<{ slots: number[]; blobs: BlobName[] }> {
  const artifacts = await tx.artifacts.deleteOfOwner(callId);
  await tx.tokens.deleteOfOwners([callId]);
  await tx.answers.dropUnfinished(callId);
  await tx.calls.delete(callId);
  const since = engine.clock.now();
  const blobs = artifacts.flatMap(({ blob }) => blob ?? []);
  await tx.doomed.insert(blobs.map((blob) => ({ blob, ownerId: callId, erasureId: null, since })));
  return { slots: artifacts.map((artifact) => artifact.slot), blobs };
}

/**
 * Sweeps uploads whose uploader has been silent for longer than its lease, oldest first, and the bytes that such uploads
 * left. Returns how many uploads. One that cannot be destroyed, or bytes that will not go, keep no other from it, however
 * many they are: the sweep goes on past them, and throws its first failure in the end.
 */
export async function sweepAbandonedUploads(engine: Engine): Promise<number> {
  const failures: unknown[] = [];
  const destroyed = await sweepUploads(engine, failures);
  await sweepUnowned(engine, failures);
  if (failures.length > 0) throw failures[0];
  return destroyed;
}

/** Goes through abandoned uploads until enough are destroyed for one go. Returns how many. */
async function sweepUploads(engine: Engine, failures: unknown[]): Promise<number> {
  let destroyed = 0;
  for (let after: Call | undefined; ; ) {
    const abandoned = await engine.store.reads.calls.abandonedUploads(engine.clock.now(), batch, after);
    for (const call of abandoned) {
      try {
        const end = await destroyUpload(engine, call.tenantId, call.id, { onlyOverdue: true });
        if (end !== 'destroyed') continue;
        destroyed += 1;
        engine.meter.count('tacet_uploads_total', { state: 'abandoned' });
      } catch (error) {
        failures.push(error);
      }
    }
    if (abandoned.length < batch || destroyed >= batch || engine.stopping.aborted) return destroyed;
    after = abandoned.at(-1);
  }
}

/**
 * Goes through bytes that no erasure waits for until enough of them are gone for one go. Those that were found under a lock
 * are passed over until it has ended.
 */
async function sweepUnowned(engine: Engine, failures: unknown[]): Promise<void> {
  const now = engine.clock.now();
  let gone = 0;
  for (let after: DoomedBlob | undefined; ; ) {
    const left = await engine.store.reads.doomed.unowned(now, batch, after);
    try {
      gone += await removeUnowned(
        engine,
        left.map((one) => one.blob),
      );
    } catch (error) {
      failures.push(error);
    }
    if (left.length < batch || gone >= batch || engine.stopping.aborted) return;
    after = left.at(-1);
  }
}

/**
 * Removes bytes that came after somebody else had destroyed their upload. What will not go is written down, since no row
 * names it any more: the next sweep finds it there.
 */
export async function removeStray(engine: Engine, callId: string, blobs: readonly string[]): Promise<void> {
  if (blobs.length === 0) return;
  const outcomes = await engine.blobs.erase(blobs);
  const isGone = (blob: string) => outcomes.get(blob)?.kind === 'erased' || outcomes.get(blob)?.kind === 'absent';
  const left = blobs.filter((blob) => !isGone(blob));
  if (left.length === 0) return;
  const since = engine.clock.now();
  await engine.store.write(async (tx) => {
    const named = new Set((await tx.artifacts.ofOwner(callId)).map((artifact) => artifact.blob));
    const unnamed = left.filter((blob) => !named.has(blob));
    await tx.doomed.insert(unnamed.map((blob): DoomedBlob => ({ blob, ownerId: callId, erasureId: null, since })));
    await tx.doomed.noteLocks(locksMet(outcomes, since));
  });
}

/**
 * Removes bytes that no erasure waits for, and forgets them once somebody has looked and found them gone. Of those under a
 * lock it notes until when. Returns how many are gone; throws, once that is done, where some could not be looked for.
 */
export async function removeUnowned(engine: Engine, blobs: readonly string[]): Promise<number> {
  if (blobs.length === 0) return 0;
  const outcomes = await engine.blobs.erase(blobs);
  await engine.faults.at('archive:bytes-erased');
  const { there, unseen } = await blobsLeft(engine.blobs, blobs, engine.stopping);
  const gone = blobs.filter((blob) => !there.has(blob) && !unseen.has(blob));
  await engine.store.write(async (tx) => {
    await tx.doomed.delete(gone);
    await tx.doomed.noteLocks(locksMet(outcomes, engine.clock.now()));
  });
  for (const failure of unseen.values()) throw failure;
  return gone.length;
}
