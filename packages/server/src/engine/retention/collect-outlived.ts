import { nextTurn } from '../../lib/next-turn.ts';
import type { Call, CallKind } from '../../model/call.ts';
import type { Engine } from '../context.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { mostUnapproved } from '../guard/needs-approval.ts';
import { heldAmong } from '../holds/held-calls.ts';
import type { Span } from './in-force.ts';

const pageSize = 1000;
/** Calls of one round at the most. */
const idsMax = 100_000;

/** Whose calls of which kind are looked for, and by which retentions. */
export type Looking = { tenantId: string; kind: CallKind; spans: readonly Span[]; now: number };

/** Ids of the calls, oldest first, as many as one round erases; and how many there are, as far as the guard needs to know. */
export type Collected = { ids: string[]; count: number };

/**
 * Finds the calls that have outlived their retention and that nothing stands in the way of: not under hold, and in no purge
 * that has begun.
 */
export async function collectOutlived(engine: Engine, looking: Looking): Promise<Collected> {
  const collected: Collected = { ids: [], count: 0 };
  let most = idsMax;
  for (const { before, ...created } of looking.spans) {
    if (before === null) continue;
    for (let after: { at: number; id: string } | undefined; ; ) {
      const { tenantId, kind, now } = looking;
      const asked = { tenantId, kind, before, ...created, now, limit: pageSize, ...(after && { after }) };
      const page = await engine.store.reads.calls.outlived(asked);
      const free = await unhindered(engine, tenantId, page);
      collected.count += free.length;
      collected.ids.push(...free.slice(0, idsMax - collected.ids.length));
      // Beyond what one round erases they are counted on until the guard would stop them, or is known not to.
      if (collected.count >= most && most === idsMax) most = await enoughForGuard(engine, tenantId);
      if (collected.count >= most || engine.stopping.aborted) return collected;
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) break;
      after = { at: last.startedAt ?? last.createdAt, id: last.id };
      await nextTurn();
    }
  }
  return collected;
}

/** So many are too many for it; where nothing is too many, there is nothing to be counted. */
async function enoughForGuard(engine: Engine, tenantId: string): Promise<number> {
  const most = await mostUnapproved(engine, engine.store.reads, tenantId);
  return Number.isFinite(most) ? most + 1 : 0;
}

/** Those that are in no purge which has begun, and under no hold. */
async function unhindered(engine: Engine, tenantId: string, calls: readonly Call[]): Promise<string[]> {
  if (calls.length === 0) return [];
  const ids = calls.map(({ id }) => id);
  const { reads } = engine.store;
  const purged = await gatedByPurge(reads, ids);
  const others = ids.filter((id) => !purged.has(id));
  const held = await heldAmong(engine, reads, tenantId, others);
  return others.filter((id) => !held.has(id));
}
