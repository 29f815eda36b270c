import type { BlobName, EraseOutcome } from '../../model/blob-store.ts';
import { type DoomedBlob, type Item, isShredded } from '../../model/erasure.ts';
import { AppError, codeOf } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import { isLockStanding, type Kept, moreUrgent } from './locked.ts';
import type { Run } from './run.ts';
import { stillUploading } from './still-uploading.ts';

/**
 * Removes the bytes of shredded items. Items whose bytes would not go become `failed` with a code, keep their list of
 * bytes, and are tried again, one that is locked only when its lock has ended; the others become `removed`.
 */
export async function removeItems(engine: Engine, run: Run, given: readonly Item[]): Promise<void> {
  // One that failed before its keys were destroyed must keep its bytes: it will be planned again.
  const shredded = given.filter(isShredded);
  const now = engine.clock.now();
  const items = shredded.filter((item) => !isLockStanding(item, now));
  const waiting = shredded.length - items.length;
  const erasure = await engine.store.reads.erasures.find(run.erasureId);
  if (erasure === undefined || items.length === 0) return refuseKept([], waiting);
  const { stuck, failure } = await removeBytes(engine, erasure.tenantId, items);
  await engine.store.write(async (tx) => {
    await run.fence(tx);
    await record(tx, run.erasureId, { items, stuck, since: now });
  });
  await engine.faults.at('remove:recorded');
  if (failure) throw failure.error;
  refuseKept([...stuck.values()], waiting);
}

/** Throws where bytes are left: of what was tried, and of what waits for its lock to end. */
function refuseKept(tried: readonly Kept[], waiting: number): void {
  const count = tried.length + waiting;
  if (count === 0) return;
  const code = tried.every(({ lock }) => lock !== undefined) ? 'blob_locked' : 'blob_failed';
  throw new AppError(code, { detail: `${count} items keep their bytes` });
}

type Removed = { items: readonly Item[]; stuck: ReadonlyMap<string, Kept>; since: number };

/** Every item says what became of it now, whatever was in its way before. */
async function record(tx: StoreTx, erasureId: string, { items, stuck, since }: Removed): Promise<void> {
  const seqsOf = (some: readonly Item[]) => some.map((item) => item.seq);
  const again = items.filter((item) => item.state === 'failed');
  await tx.erasures.moveItems(erasureId, seqsOf(again), 'failed', 'shredded', { failedCode: null });
  const free = items.filter((item) => !stuck.has(item.callId));
  await tx.erasures.moveItems(erasureId, seqsOf(free), 'shredded', 'removed', { failedCode: null });
  for (const code of new Set([...stuck.values()].map(({ failedCode }) => failedCode))) {
    const mine = items.filter((item) => stuck.get(item.callId)?.failedCode === code);
    await tx.erasures.moveItems(erasureId, seqsOf(mine), 'shredded', 'failed', { failedCode: code });
  }
  const locks = items.flatMap(({ seq, callId }) => {
    const lock = stuck.get(callId)?.lock;
    return lock === undefined ? [] : [{ seq, until: lock.until }];
  });
  await tx.erasures.noteLocks(erasureId, since, locks);
}

/**
 * Removes the bytes of shredded items of one tenant, whichever erasures they belong to. Returns the calls of which some
 * are left, or may still come, each with what keeps it.
 */
export async function removeBytes(
  engine: Engine,
  tenantId: string,
  items: readonly Item[],
): Promise<{ stuck: Map<string, Kept>; failure?: { error: unknown } }> {
  // Asked before the bytes are erased: whoever has let go by now brings no more of them afterwards.
  const uploading = await stillUploading(engine, tenantId, items);
  const doomed = await engine.store.reads.doomed.ofOwners(items.map((item) => item.callId));
  const { outcomes, failure } = await eraseBytes(engine, doomed);
  await engine.faults.at('remove:bytes-erased');
  const stuck = new Map<string, Kept>();
  for (const { blob, ownerId } of doomed) {
    const outcome = outcomes.get(blob);
    if (outcome?.kind === 'erased' || outcome?.kind === 'absent') continue;
    stuck.set(ownerId, moreUrgent(stuck.get(ownerId), keptBy(outcome, failure)));
  }
  for (const callId of uploading) stuck.set(callId, { failedCode: 'upload_busy' });
  return failure ? { stuck, failure } : { stuck };
}

function keptBy(outcome: EraseOutcome | undefined, failure: { error: unknown } | undefined): Kept {
  if (outcome?.kind !== 'locked') return { failedCode: failure ? codeOf(failure.error) : 'blob_failed' };
  return { failedCode: 'blob_locked', lock: { until: outcome.until?.getTime() ?? null } };
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
