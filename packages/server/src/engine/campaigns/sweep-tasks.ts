import type { Engine } from '../context.ts';
import { sweepUnfinished } from './sweep-unfinished.ts';

/**
 * Destroys tasks whose settings never came, as `sweepUnfinished` says: those of single calls too, of which the next single
 * call of the day makes another. Nobody stands on them. Returns how many.
 */
export async function sweepTasks(engine: Engine): Promise<number> {
  return await sweepUnfinished(engine, {
    unfinished: async (before, limit, after) => await engine.store.reads.tasks.unfinished(before, limit, after),
    find: async (tx, { tenantId, id }) => await tx.tasks.find(tenantId, id),
    delete: async (tx, ids) => await tx.tasks.delete(ids),
  });
}
