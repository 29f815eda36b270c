import { journalEntry } from '../../keys/journal-entries.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';

/** Destroyed in one transaction. */
const batch = 100;

/** A row that is `ADDING` until its request comes to its end; `updatedAt` is when that was last at it. */
type Unfinished = { id: string; tenantId: string; status: string; updatedAt: number };

/** What is swept alike: candidates, and tasks. */
export type Swept = {
  /** Those last changed before `before`, oldest first. */
  unfinished(before: number, limit: number, after: Unfinished | undefined): Promise<readonly Unfinished[]>;
  find(tx: StoreTx, row: Pick<Unfinished, 'id' | 'tenantId'>): Promise<Unfinished | undefined>;
  /** Deletes the rows themselves; their artifacts and tokens are gone by then. */
  delete(tx: StoreTx, ids: readonly string[]): Promise<void>;
};

/**
 * Destroys what nobody has been at for the length of an upload's lease: keys, rows and tokens. Nobody has seen any of it or
 * knows its id. Returns how many. Repeating it changes nothing. What hangs on a damaged key page keeps no other from going;
 * the first such failure is thrown in the end.
 */
export async function sweepUnfinished(engine: Engine, swept: Swept): Promise<number> {
  const before = engine.clock.now() - engine.limits.uploadLeaseMs;
  const failures: unknown[] = [];
  let count = 0;
  for (let after: Unfinished | undefined; ; ) {
    const some = await swept.unfinished(before, batch, after);
    count += await destroyApart(engine, swept, some, { before, failures });
    if (some.length < batch || engine.stopping.aborted) break;
    after = some.at(-1);
  }
  if (failures.length > 0) throw failures[0];
  return count;
}

type Sweep = { before: number; failures: unknown[] };

/** In halves where a damaged key page stops it, until those that hang on it are alone. */
async function destroyApart(engine: Engine, swept: Swept, rows: readonly Unfinished[], sweep: Sweep): Promise<number> {
  if (rows.length === 0) return 0;
  try {
    const destroyed = await destroy(engine, swept, rows, sweep.before);
    if (destroyed > 0) engine.sealer.request();
    return destroyed;
  } catch (error) {
    if (!hasCode(error, 'damage')) throw error;
    const half = Math.ceil(rows.length / 2);
    if (rows.length > 1) {
      const first = await destroyApart(engine, swept, rows.slice(0, half), sweep);
      return first + (await destroyApart(engine, swept, rows.slice(half), sweep));
    }
    engine.log.warn('adding.not_swept', { ownerId: rows[0]?.id, code: error.code });
    sweep.failures.push(error);
    return 0;
  }
}

/** Looks again in the transaction: a request may have renewed some of them, or finished them. */
async function destroy(engine: Engine, swept: Swept, rows: readonly Unfinished[], before: number): Promise<number> {
  return await engine.store.write(async (tx) => {
    const slotsOf = new Map<string, { tenantId: string; slots: number[] }>();
    // In the order in which everybody takes rows.
    for (const { id, tenantId } of rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      const row = await swept.find(tx, { id, tenantId });
      if (row?.status !== 'ADDING' || row.updatedAt >= before) continue;
      const slots = (await tx.artifacts.deleteOfOwner(id)).map((artifact) => artifact.slot);
      slotsOf.set(id, { tenantId, slots });
    }
    const ids = [...slotsOf.keys()];
    await tx.tokens.deleteOfOwners(ids);
    await swept.delete(tx, ids);
    const killed = new Set(
      await engine.tree.destroy(
        tx.keys,
        [...slotsOf.values()].flatMap(({ slots }) => slots),
      ),
    );
    const entries = [...slotsOf].map(([ownerId, { tenantId, slots }]) =>
      journalEntry('upload_abandoned', engine.clock.now(), {
        tenantId,
        ownerId,
        slots: slots.filter((slot) => killed.has(slot)),
      }),
    );
    await tx.keys.appendJournal(entries.filter(({ slots }) => slots.length > 0));
    return ids.length;
  });
}

/** Said to a request that took longer than anybody waits for it: what it was adding is gone. */
export function tooSlow(): AppError {
  return new AppError('upload_busy', { message: 'This took too long to be added; try again' });
}
