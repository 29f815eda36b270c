import type { Engine } from '../context.ts';
import { sweepUnfinished } from './sweep-unfinished.ts';

/** Destroys candidates whose request has died, as `sweepUnfinished` says. Returns how many. */
export async function sweepCandidates(engine: Engine): Promise<number> {
  return await sweepUnfinished(engine, {
    unfinished: async (before, limit, after) => await engine.store.reads.candidates.unfinished(before, limit, after),
    find: async (tx, { tenantId, id }) => await tx.candidates.find(tenantId, id),
    delete: async (tx, ids) => await tx.candidates.delete(ids),
  });
}
