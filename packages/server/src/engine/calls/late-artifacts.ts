import { journalEntry } from '../../keys/journal-entries.ts';
import type { BlobName } from '../../model/blob-store.ts';
import type { Artifact, CallArtifactKind } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { LateArtifact, StoreTx } from '../../model/store.ts';
import { removeStray, removeUnowned } from '../archive/abandoned-uploads.ts';
import { artifactOfSlot } from '../blob-rows.ts';
import type { Engine } from '../context.ts';

/*
 * Artifacts that come to a call which is archived already: a recording, or whatever a change of the call seals under a
 * slot of its own. Their rows name the slots before anything is sealed under them, and beside each stands a row with a
 * lease, so that what dies on the way is found. What an erasure destroys on the way loses its artifact's row at once; the
 * one with the lease stays until nobody brings bytes any more.
 */

/** Rows read in one go; a sweep goes on until it has seen all. */
const batch = 100;

/** Names an artifact on its way. */
export type LateSlot = Pick<LateArtifact, 'slot' | 'tenantId' | 'callId'>;

/**
 * Takes a slot for each of the kinds and commits the rows that name them, under a lease of `limits.uploadLeaseMs`. From
 * then on something may be sealed under them.
 *
 * @param mayCome asked in that transaction; where it throws, nothing is written.
 */
export async function nameLateArtifacts(
  engine: Engine,
  { tenantId, callId }: Omit<LateSlot, 'slot'>,
  kinds: readonly CallArtifactKind[],
  mayCome: (tx: StoreTx) => Promise<void>,
): Promise<Artifact[]> {
  if (kinds.length === 0) return [];
  return await engine.issuer.withSlots(kinds.length, async (slots) => {
    const artifacts = slots.map((slot, i): Artifact => {
      const kind = kinds[i] ?? 'recording';
      const blob = kind === 'recording' ? blobOf({ callId, slot }) : null;
      return { slot, tenantId, ownerId: callId, kind, sealed: null, blob, blobBytes: null };
    });
    await engine.store.write(async (tx) => {
      await mayCome(tx);
      await tx.artifacts.insert(artifacts);
      const leaseUntil = engine.clock.now() + engine.limits.uploadLeaseMs;
      for (const slot of slots) await tx.lateArtifacts.insert({ slot, tenantId, callId, leaseUntil });
      await engine.issuer.confirm(tx.keys, slots);
    });
    return artifacts;
  });
}

/** Extends the lease of one that nobody has destroyed; false for any other. */
export async function renewLateArtifact(engine: Engine, slot: number): Promise<boolean> {
  return await engine.store.write(async (tx) => {
    if ((await artifactOfSlot(tx, slot)) === undefined) return false;
    // Counted from the commit: a write may wait for longer than a lease lasts.
    return await tx.lateArtifacts.renew(slot, engine.clock.now() + engine.limits.uploadLeaseMs);
  });
}

/**
 * Ends the leases, in the transaction that seals what was on its way. Throws `upload_cut` where one of them was given up
 * or destroyed meanwhile.
 */
export async function settleLateArtifacts(tx: StoreTx, slots: readonly number[]): Promise<void> {
  for (const slot of slots) {
    const isOurs = (await tx.lateArtifacts.delete(slot)) && (await artifactOfSlot(tx, slot)) !== undefined;
    if (!isOurs) throw givenUp();
  }
}

/** Said of an artifact whose bearer has been silent for longer than its lease. */
export function givenUp(): AppError {
  return new AppError('upload_cut', { message: 'The upload took too long and was given up' });
}

/**
 * Destroys what is left of one that will not come: key, rows and bytes. For whoever brings it, once it has stopped, and for
 * a restore, after which nobody brings anything. One that has come stays; repeating it changes nothing. True if anything
 * was destroyed.
 */
export async function endLateArtifact(engine: Engine, late: LateSlot): Promise<boolean> {
  return await end(engine, late, async () => true);
}

/** The same for one whose lease is over. One that has been renewed meanwhile, or has come, stays. */
export async function endOverdueArtifact(engine: Engine, late: LateSlot): Promise<boolean> {
  return await end(engine, late, async (tx) => {
    const row = (await tx.lateArtifacts.ofCalls([late.callId])).find((one) => one.slot === late.slot);
    return row !== undefined && row.leaseUntil <= engine.clock.now();
  });
}

/**
 * Destroys those whose bearer has been silent for longer than its lease. Returns how many. One that will not go keeps no
 * other from it; the first failure is thrown in the end.
 */
export async function sweepLateArtifacts(engine: Engine): Promise<number> {
  const failures: unknown[] = [];
  let ended = 0;
  for (let afterSlot = -1; !engine.stopping.aborted; ) {
    const overdue = await engine.store.reads.lateArtifacts.expired(engine.clock.now(), batch, afterSlot);
    for (const late of overdue) {
      try {
        if (await endOverdueArtifact(engine, late)) ended += 1;
      } catch (error) {
        failures.push(error);
      }
    }
    const last = overdue.at(-1);
    if (last === undefined || overdue.length < batch) break;
    afterSlot = last.slot;
  }
  if (failures.length > 0) throw failures[0];
  return ended;
}

/** What was found of one that is to end: `blobs` names its bytes. */
type Found = { left: 'all' | 'bytes' | 'nothing'; blobs: readonly BlobName[] };

async function end(engine: Engine, late: LateSlot, mayEnd: (tx: StoreTx) => Promise<boolean>): Promise<boolean> {
  const { left, blobs } = await engine.store.write(async (tx): Promise<Found> => {
    // Who finishes it has the call's row too: either it has come by now, or it never will.
    await tx.calls.lock([late.callId]);
    if (!(await mayEnd(tx))) return { left: 'nothing', blobs: [] };
    const artifact = await artifactOfSlot(tx, late.slot);
    // Of which kind it was, its row would say: another kind has no bytes under this name.
    if (artifact === undefined) return { left: 'bytes', blobs: [blobOf(late)] };
    // Its finishing commit did happen, only the answer was lost.
    if (artifact.sealed !== null) return { left: 'nothing', blobs: [] };
    await destroyUnsealed(engine, tx, late, artifact);
    return { left: 'all', blobs: artifact.blob === null ? [] : [artifact.blob] };
  });
  if (left === 'nothing') return false;
  await engine.faults.at('late:abandoned');
  if (left === 'all') {
    // Asked for first: the key is destroyed, whatever becomes of the bytes below.
    engine.sealer.request();
    await removeUnowned(engine, blobs);
    return true;
  }
  // An erasure, or a sweep, came first: bytes may have come after it. Until they are gone, the row with the lease keeps
  // whoever erases the call from saying so.
  await removeStray(engine, late.callId, blobs);
  return await engine.store.write(async (tx) => await tx.lateArtifacts.delete(late.slot));
}

async function destroyUnsealed(engine: Engine, tx: StoreTx, late: LateSlot, { blob }: Artifact): Promise<void> {
  const { slot, tenantId, callId } = late;
  const now = engine.clock.now();
  await tx.lateArtifacts.delete(slot);
  await tx.artifacts.deleteSlots([slot]);
  if (blob !== null) await tx.doomed.insert([{ blob, ownerId: callId, erasureId: null, since: now }]);
  const slots = await engine.tree.destroy(tx.keys, [slot]);
  if (slots.length === 0) return;
  await tx.keys.appendJournal([journalEntry('slots_replaced', now, { tenantId, ownerId: callId, slots })]);
}

function blobOf({ callId, slot }: Pick<LateSlot, 'callId' | 'slot'>): BlobName {
  return `${callId}-${slot}`;
}
