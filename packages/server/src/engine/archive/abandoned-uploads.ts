import { journalEntry } from '../../keys/journal-entries.ts';
import type { DoomedBlob } from '../../model/erasure.ts';
import type { Engine } from '../context.ts';

/** Uploads swept in one go. */
const batch = 100;

/**
 * Destroys what an upload that will not finish has left: its keys, rows, tokens and bytes. An upload that an erasure
 * has met leaves the erasure's tombstone untouched. Repeating it changes nothing.
 */
export async function destroyUpload(engine: Engine, tenantId: string, callId: string): Promise<void> {
  const blobs = await engine.store.write(async (tx) => {
    const call = await tx.calls.find(tenantId, callId);
    if (call === undefined || call.uploadUntil === null) return [];
    const artifacts = await tx.artifacts.deleteOfOwner(callId);
    await tx.tokens.deleteOfOwners([callId]);
    await tx.calls.delete(callId);
    const since = engine.clock.now();
    const doomed = artifacts.flatMap((artifact): DoomedBlob[] =>
      artifact.blob === null ? [] : [{ blob: artifact.blob, ownerId: callId, erasureId: null, since }],
    );
    await tx.doomed.insert(doomed);
    const slots = await engine.tree.destroy(
      tx.keys,
      artifacts.map((artifact) => artifact.slot),
    );
    if (slots.length > 0) {
      await tx.keys.appendJournal([journalEntry('upload_abandoned', since, { tenantId, ownerId: callId, slots })]);
    }
    return doomed.map((one) => one.blob);
  });
  await engine.faults.at('archive:abandoned');
  await removeUnowned(engine, blobs);
  engine.sealer.request();
}

/** Sweeps uploads whose uploader has been silent for longer than its lease. Returns how many. */
export async function sweepAbandonedUploads(engine: Engine): Promise<number> {
  const abandoned = await engine.store.reads.calls.abandonedUploads(engine.clock.now(), batch);
  for (const call of abandoned) await destroyUpload(engine, call.tenantId, call.id);
  const left = await engine.store.reads.doomed.unowned(batch);
  await removeUnowned(
    engine,
    left.map((one) => one.blob),
  );
  return abandoned.length;
}

/** Removes bytes that no erasure waits for, and forgets them once somebody has looked and found them gone. */
async function removeUnowned(engine: Engine, blobs: readonly string[]): Promise<void> {
  if (blobs.length === 0) return;
  await engine.blobs.erase(blobs);
  await engine.faults.at('archive:bytes-erased');
  const remaining = await engine.blobs.remaining(blobs);
  const gone = blobs.filter((blob) => !remaining.has(blob));
  await engine.store.write(async (tx) => await tx.doomed.delete(gone));
}
