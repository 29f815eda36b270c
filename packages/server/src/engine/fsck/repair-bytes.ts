import type { BlobName } from '../../model/blob-store.ts';
import type { StoreTx } from '../../model/store.ts';
import { artifactAt, ownerIn, slotIn } from '../blob-rows.ts';
import type { Engine } from '../context.ts';
import { isWhole } from './blobs.ts';
import type { CureOf } from './cures.ts';
import { type Repairs, repairOne } from './one-repair.ts';
import { unowned } from './repair-rows.ts';

/** Bytes removed in one go. */
const batch = 500;

/**
 * Dooms bytes that no row names, so that they go even if this process does not come to it. Those that a living key may
 * open stay: their row may have been lost. True when they may go now.
 */
export async function repairBytes(on: Repairs, cure: CureOf<'bytes'>): Promise<boolean> {
  const { blob } = cure;
  return await repairOne(on, cure.code, async (tx) => {
    if ((await tx.doomed.find([blob])).length > 0 || (await mayBeOpened(on.engine, tx, blob))) return undefined;
    await tx.doomed.insert([unowned(on.engine, blob, ownerIn(blob))]);
    return { what: `blob ${blob}`, tenantId: null, subjectId: blob };
  });
}

/** True while there may be a key for these bytes: that of a recording that names none, or one that no row names. */
async function mayBeOpened(engine: Engine, tx: StoreTx, blob: BlobName): Promise<boolean> {
  const artifact = await artifactAt(tx, blob);
  if (artifact !== undefined)
    return artifact.blob === blob || (artifact.kind === 'recording' && artifact.blob === null);
  const slot = slotIn(blob);
  const { fanOut, levels } = engine.tree.shape;
  if (slot === undefined || slot >= fanOut ** levels) return false;
  // A token epoch's: no bytes were ever sealed under it.
  if ((await tx.keys.namedSlots(slot, slot)).length > 0) return false;
  return (await engine.tree.statesOf([slot])).get(slot) === 'live';
}

/** Removes doomed bytes and forgets those that somebody has looked for and found gone, as the sweep of uploads does. */
export async function removeDoomed(engine: Engine, names: readonly BlobName[]): Promise<void> {
  for (let from = 0; from < names.length; from += batch) {
    const some = names.slice(from, from + batch);
    await engine.blobs.erase(some);
    await engine.faults.at('fsck:bytes-erased');
    const remaining = await engine.blobs.remaining(some);
    const gone = some.filter((name) => !remaining.has(name));
    await engine.store.write(async (tx) => await tx.doomed.delete(gone));
  }
}

/**
 * Removes what creates that nobody will finish have left beside whole recordings: everything unfinished that is not
 * newer than the newest of it, and older than the oldest create of an upload that is under way.
 */
export async function repairUnfinished(on: Repairs, cure: CureOf<'unfinished'>): Promise<void> {
  const { engine } = on;
  const { reads } = engine.store;
  let [newest, oldestAlive, count] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0];
  for await (const { name, unfinished, modifiedAt } of engine.blobs.list()) {
    if (!unfinished) continue;
    const artifact = await artifactAt(reads, name);
    if (isWhole(artifact, name)) {
      newest = Math.max(newest, modifiedAt.getTime());
      count += 1;
    } else if (artifact?.blob === name) oldestAlive = Math.min(oldestAlive, modifiedAt.getTime());
  }
  if (count === 0) return;
  await repairOne(on, cure.code, async () => {
    return { what: `${count} unfinished`, tenantId: null, subjectId: null, ids: { unfinished: count } };
  });
  await engine.blobs.removeUnfinished(new Date(Math.min(newest + 1, oldestAlive)));
}
