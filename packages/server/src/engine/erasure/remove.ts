import type { BlobName, EraseOutcome } from '../../model/blob-store.ts';
import { type DoomedBlob, type Item, isShredded } from '../../model/erasure.ts';
import { AppError, codeOf } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import type { Run } from './run.ts';
import { spanOf } from './shred.ts';
import { stillUploading } from './still-uploading.ts';

/**
 * Removes the bytes of shredded items. Items whose bytes would not go become `failed` with a code, keep their list of
 * bytes, and are tried again; the others become `removed`.
 */
export async function removeItems(engine: Engine, run: Run, given: readonly Item[]): Promise<void> {
  // One that failed before its keys were destroyed must keep its bytes: it will be planned again.
  const items = given.filter(isShredded);
  const span = spanOf(run.erasureId, items);
  if (span === undefined) return;
  const erasure = await engine.store.reads.erasures.find(run.erasureId);
  if (erasure === undefined) return;
  const { stuck, failure } = await removeBytes(engine, erasure.tenantId, items);
  await engine.store.write(async (tx) => {
    await run.fence(tx);
    for (const state of ['shredded', 'failed'] as const) {
      const mine = items.filter((item) => item.state === state);
      const free = mine.filter((item) => !stuck.has(item.callId)).map((item) => item.seq);
      if (state === 'failed')
        await tx.erasures.moveItems(run.erasureId, free, 'failed', 'shredded', { failedCode: null });
      await tx.erasures.moveItems(run.erasureId, free, 'shredded', 'removed', { failedCode: null });
      if (state === 'failed') continue;
      for (const failedCode of new Set(stuck.values())) {
        const seqs = mine.filter((item) => stuck.get(item.callId) === failedCode).map((item) => item.seq);
        await tx.erasures.moveItems(run.erasureId, seqs, 'shredded', 'failed', { failedCode });
      }
    }
  });
  await engine.faults.at('remove:recorded');
  if (failure) throw failure.error;
  if (stuck.size > 0) throw new AppError('blob_failed', { detail: `${stuck.size} items keep their bytes` });
}

/**
 * Removes the bytes of shredded items of one tenant, whichever erasures they belong to. Returns the calls of which some
 * are left, or may still come, each with a code.
 */
export async function removeBytes(
  engine: Engine,
  tenantId: string,
  items: readonly Item[],
): Promise<{ stuck: Map<string, string>; failure?: { error: unknown } }> {
  // Asked before the bytes are erased: whoever has let go by now brings no more of them afterwards.
  const uploading = await stillUploading(engine, tenantId, items);
  const doomed = await engine.store.reads.doomed.ofOwners(items.map((item) => item.callId));
  const { outcomes, failure } = await eraseBytes(engine, doomed);
  await engine.faults.at('remove:bytes-erased');
  const stuck = new Map<string, string>();
  for (const { blob, ownerId } of doomed) {
    const outcome = outcomes.get(blob);
    if (outcome?.kind === 'erased' || outcome?.kind === 'absent') continue;
    const failedCode = failure ? codeOf(failure.error) : 'blob_failed';
    stuck.set(ownerId, outcome?.kind === 'locked' ? 'blob_locked' : failedCode);
  }
  for (const callId of uploading) stuck.set(callId, 'upload_busy');
  return failure ? { stuck, failure } : { stuck };
}

/** A store that does not answer at all, against its port, has erased none of them, for all that anybody knows. */
async function eraseBytes(
  engine: Engine,
  doomed: readonly DoomedBlob[],
): Promise<{ outcomes: Map<BlobName, EraseOutcome>; failure?: { error: unknown } }> {
  try {
    return { outcomes: await engine.blobs.erase(doomed.map((one) => one.blob)) };
  } catch (error) {
    return { outcomes: new Map(), failure: { error } };
  }
}
