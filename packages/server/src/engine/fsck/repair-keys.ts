import { journalEntry } from '../../keys/journal-entries.ts';
import type { Artifact } from '../../model/call.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import type { CureOf } from './cures.ts';
import { type Evidence, isEndOfOwner, ownerKey } from './evidence.ts';
import { type Repairs, repairOne } from './one-repair.ts';
import { unowned } from './repair-rows.ts';

/**
 * Removes the artifacts of an owner that was erased as a whole, destroys their slots, and leaves their bytes doomed for
 * `removeDoomed`. Only where the journal says so, or the hold's own row: an owner that is merely missing may have been
 * lost, and its artifacts with it if they went. Returns the names of the bytes that may go.
 */
export async function repairArtifacts(on: Repairs, cure: CureOf<'artifacts'>, evidence: Evidence): Promise<string[]> {
  const { engine } = on;
  const { tenantId, ownerId } = cure;
  let blobs: string[] = [];
  const isRepaired = await repairOne(on, cure.code, async (tx) => {
    const artifacts = await tx.artifacts.ofOwner(ownerId);
    // Another tenant's artifacts of that owner are alive as far as we know, and they would go too.
    if (artifacts.length === 0 || artifacts.some((artifact) => artifact.tenantId !== tenantId)) return undefined;
    if (!(await hasEnded(tx, tenantId, ownerId, evidence))) return undefined;
    await tx.artifacts.deleteOfOwner(ownerId);
    blobs = artifacts.flatMap((artifact) => artifact.blob ?? []);
    await tx.doomed.insert(blobs.map((blob) => unowned(engine, blob, ownerId)));
    const slots = await destroyFreed(engine, tx, artifacts);
    await journal(engine, tx, slots, evidence, { tenantId, ownerId });
    const ids = { artifacts: artifacts.length };
    return { what: `artifacts of ${ownerId}`, tenantId, subjectId: ownerId, ids };
  });
  return isRepaired ? blobs : [];
}

async function hasEnded(tx: StoreTx, tenantId: string, ownerId: string, evidence: Evidence): Promise<boolean> {
  for (const rows of [tx.calls, tx.candidates, tx.tasks]) {
    if ((await rows.find(tenantId, ownerId)) !== undefined) return false;
  }
  const hold = await tx.holds.find(tenantId, ownerId);
  if (hold !== undefined) return hold.releasedAt !== null;
  const id = evidence.endOf.get(ownerKey(tenantId, ownerId));
  const [entry] = id === undefined ? [] : await tx.journal.find([id]);
  return entry !== undefined && isEndOfOwner(entry);
}

/** Destroys the slots of rows that are gone. One that another row names too stays: it is that row's as well. */
async function destroyFreed(engine: Engine, tx: StoreTx, artifacts: readonly Artifact[]): Promise<number[]> {
  const freed: number[] = [];
  for (const { slot } of artifacts) {
    if ((await tx.keys.namedSlots(slot, slot)).length === 0) freed.push(slot);
  }
  const states = await engine.tree.statesOf(freed);
  return await engine.tree.destroy(
    tx.keys,
    freed.filter((slot) => states.get(slot) === 'live'),
  );
}

/**
 * Destroys those of a leaf's slots that are still live, named by no row and under no reservation. Whoever repairs has
 * made sure that nothing is missing whose key they could be.
 */
export async function repairSlots(
  on: Repairs,
  leaf: number,
  cures: readonly CureOf<'slot'>[],
  evidence: Evidence,
): Promise<void> {
  const { engine } = on;
  const { fanOut } = engine.tree.shape;
  await repairOne(on, 'slot_unnamed', async (tx) => {
    if ((await tx.keys.findReservations('all')).some((reservation) => reservation.leaf === leaf)) return undefined;
    const named = new Set(await tx.keys.namedSlots(leaf * fanOut, (leaf + 1) * fanOut - 1));
    const unnamed = cures.map((cure) => cure.slot).filter((slot) => !named.has(slot));
    const killed = await engine.tree.destroy(tx.keys, unnamed);
    if (killed.length === 0) return undefined;
    await journal(engine, tx, killed, evidence, {});
    const what = `leaf ${leaf}: ${killed.length} slots, the first ${killed[0]}`;
    return { what, tenantId: null, subjectId: null, ids: { leaf, slots: killed.length } };
  });
}

/** Slots that the journal has covered before, though they lived, are not journaled twice. */
async function journal(
  engine: Engine,
  tx: StoreTx,
  killed: readonly number[],
  evidence: Evidence,
  of: { tenantId?: string; ownerId?: string },
): Promise<void> {
  const slots = killed.filter((slot) => !evidence.journaled.has(slot)).sort((a, b) => a - b);
  if (slots.length === 0) return;
  await tx.keys.appendJournal([journalEntry('slots_unnamed', engine.clock.now(), { ...of, slots })]);
}
