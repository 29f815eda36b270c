import type { Erasure } from '../../model/erasure.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import { keptAmong } from '../erasure/set-aside.ts';

/** Items looked at together. */
const pageSize = 1000;

/**
 * True where an item of the erasure waits for nothing any more: whoever runs it now has something to do. Until this
 * transaction has ended no hold is released: whoever releases the next one finds the erasure as this transaction leaves it.
 *
 * @param erasure as it was read before: what is asked of it here never changes while it runs, and its row is not to be taken
 *   before the tenant's holds are.
 */
export async function isAnyFreed(engine: Engine, tx: StoreTx, erasure: Erasure): Promise<boolean> {
  await tx.holds.lock(erasure.tenantId, 'shared');
  for (let fromSeq = 0; ; ) {
    const items = await tx.erasures.items(erasure.id, { fromSeq, limit: pageSize, states: ['held'] });
    const last = items.at(-1);
    if (last === undefined) return false;
    const kept = await keptAmong(engine, tx, erasure, items);
    if (items.some(({ callId }) => !kept.has(callId))) return true;
    fromSeq = last.seq + 1;
  }
}
