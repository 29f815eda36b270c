import { journalEntry } from '../../keys/journal-entries.ts';
import type { Artifact } from '../../model/call.ts';
import type { Erasure } from '../../model/erasure.ts';
import { hasCode } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import { openJson, sealJson } from '../artifacts.ts';
import type { Engine } from '../context.ts';
import type { Understood } from './subject.ts';

/*
 * How the subject of an erasure was named: sealed under a slot of its own beside the plan, so that it can be shown and
 * looked up again until the erasure has ended, and erased then.
 */

/** One identifier of a plan, and how many of its items it named when the plan was made. */
export type PlannedIdentifier = Understood & { items: number };

type Ended = Pick<Erasure, 'id' | 'tenantId'>;

/** The row of a subject before anything is sealed in it. */
export function subjectRow(slot: number, { id, tenantId }: Ended): Artifact {
  return { slot, tenantId, ownerId: id, kind: 'erasure-subject', sealed: null, blob: null, blobBytes: null };
}

/** Seals a subject in its row, which must have been committed, unless the plan has been called off meanwhile. */
export async function sealSubject(
  engine: Engine,
  row: Artifact,
  identifiers: readonly PlannedIdentifier[],
): Promise<void> {
  try {
    const sealed = await sealJson(engine, row, { identifiers });
    await engine.store.write(async (tx) => {
      // Taken: whoever ends the erasure takes the row away.
      await tx.erasures.find(row.ownerId);
      if ((await tx.artifacts.find(row.ownerId, 'erasure-subject')) === undefined) return;
      await tx.artifacts.setSealed(row.slot, { sealed });
    });
  } catch (error) {
    if (!hasCode(error, 'key_destroyed')) throw error;
  }
}

/** The identifiers of an erasure; undefined once it has ended, for a vendor's, and where its maker died before they were sealed. */
export async function openSubject(
  engine: Engine,
  { id }: Pick<Erasure, 'id'>,
): Promise<readonly PlannedIdentifier[] | undefined> {
  const row = await engine.store.reads.artifacts.find(id, 'erasure-subject');
  if (row === undefined || row.sealed === null) return undefined;
  try {
    return (await openJson<{ identifiers: PlannedIdentifier[] }>(engine, row)).identifiers;
  } catch (error) {
    if (hasCode(error, 'key_destroyed')) return undefined;
    throw error;
  }
}

/**
 * In the transaction in which erasures end or plans are called off: destroys the keys of their subjects. True where there
 * were any: the caller then asks for a seal. One look where there are none, as for vendors' erasures.
 */
export async function endSubjects(engine: Engine, tx: StoreTx, erasures: readonly Ended[]): Promise<boolean> {
  const ids = erasures.map(({ id }) => id);
  const rows = await tx.artifacts.findMany(ids, 'erasure-subject');
  if (rows.length === 0) return false;
  const at = engine.clock.now();
  const slots = rows.map(({ slot }) => slot);
  await tx.artifacts.deleteSlots(slots);
  const destroyed = new Set(await engine.tree.destroy(tx.keys, slots));
  const entries = rows.map(({ slot, tenantId, ownerId }) =>
    journalEntry('subject_erased', at, { tenantId, ownerId, slots: destroyed.has(slot) ? [slot] : [] }),
  );
  await tx.keys.appendJournal(entries);
  return true;
}
