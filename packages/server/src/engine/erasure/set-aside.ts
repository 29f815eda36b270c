import { isLive } from '../../model/call.ts';
import { type Erasure, type Item, isShredded } from '../../model/erasure.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import { heldAmong } from '../holds/held-calls.ts';
import { inForce, isOutlived, retainedKinds, spansOf } from '../retention/in-force.ts';

/** Items looked at together. */
const perLook = 2000;

/**
 * Items that may not be erased now leave the span; what nothing keeps goes on, and is returned. In the shredding transaction,
 * which has the tenant's holds and the items' rows.
 *
 * A candidate and its calls are one: where any of them is held, none goes. A vendor's erasure of a candidate is of that one
 * alone, so that all of it is set aside where the first item has not been shredded; a hold that comes after that has come too
 * late for all. In a native one, which may have many, each waits with its own, also while one of its calls is not over.
 */
export async function setHeldAside(
  engine: Engine,
  tx: StoreTx,
  erasure: Erasure,
  items: readonly Item[],
): Promise<readonly Item[]> {
  const kept = await keptAmong(engine, tx, erasure, items);
  if (kept.size === 0) return items;
  const first = erasure.waitsForHolds ? undefined : await firstCandidate(tx, erasure);
  if (first !== undefined) {
    if (isShredded(first)) return items;
    const all = { erasureId: erasure.id, fromSeq: 0, toSeq: Number.MAX_SAFE_INTEGER };
    await tx.erasures.moveSpan(all, 'planned', 'held', { outcome: 'held' });
    return [];
  }
  for (const failedCode of keptCodes) {
    const seqs = items.filter((item) => kept.get(item.callId) === failedCode).map((item) => item.seq);
    if (seqs.length > 0)
      await tx.erasures.moveItems(erasure.id, seqs, 'planned', 'held', { outcome: 'held', failedCode });
  }
  return items.filter((item) => !kept.has(item.callId));
}

/** Why an item may not be erased now, by the id of its call or candidate. */
export type Kept = ReadonlyMap<string, KeptCode>;
type KeptCode = (typeof keptCodes)[number];
const keptCodes = ['item_held', 'call_live', 'plan_changed'] as const satisfies readonly ErrorCode[];

/**
 * What keeps any of these items of an erasure from being erased now: holds; in a native one candidates that have to wait; and
 * in a retention's whatever says that a call is to be kept for longer than was said when it was planned.
 */
export async function keptAmong(
  engine: Engine,
  on: StoreReads | StoreTx,
  erasure: Erasure,
  items: readonly Item[],
): Promise<Kept> {
  const ids = items.map((item) => item.callId);
  const held = await heldAmong(engine, on, erasure.tenantId, ids);
  const kept = new Map<string, KeptCode>([...held].map((id) => [id, 'item_held']));
  if (erasure.actorKind === 'policy')
    for (const id of await retainedAmong(engine, on, erasure, ids)) kept.set(id, 'plan_changed');
  if (!erasure.waitsForHolds || !(await reachesCandidates(on, erasure))) return kept;
  for (const item of items) {
    const { callId } = item;
    if (!isOfCandidate(item) || kept.has(callId)) continue;
    const callIds = await on.calls.idsOfCandidate(erasure.tenantId, callId);
    if ((await on.calls.peek(erasure.tenantId, callIds)).some(isLive)) kept.set(callId, 'call_live');
  }
  const waiting = await waitingCandidates(on, erasure, items);
  for (const call of await on.calls.peek(erasure.tenantId, ids)) {
    const { candidateId } = call;
    if (candidateId === null || kept.has(call.id)) continue;
    const code = waiting.get(candidateId) ?? kept.get(candidateId);
    if (code !== undefined) kept.set(call.id, code);
  }
  return kept;
}

/** Calls of a retention's erasure that have not outlived it any more: it was changed, or they are to be kept by themselves. */
async function retainedAmong(
  engine: Engine,
  on: StoreReads | StoreTx,
  { tenantId }: Erasure,
  ids: readonly string[],
): Promise<string[]> {
  const now = engine.clock.now();
  const all = await on.retention.ofTenant(tenantId);
  const spans = new Map(retainedKinds.map((kind) => [kind, spansOf(inForce(all, kind, now), now)]));
  const calls = await on.calls.peek(tenantId, ids);
  return calls.filter((call) => !isOutlived(call, call.kind, spans.get(call.kind) ?? [], now)).map(({ id }) => id);
}

/**
 * Those that wait, but for those among the items. Candidates come first in a plan: what becomes of one is known by the time
 * that its calls are looked at.
 */
async function waitingCandidates(on: StoreReads | StoreTx, erasure: Erasure, items: readonly Item[]): Promise<Kept> {
  const looked = new Set(items.map((item) => item.callId));
  const waiting = new Map<string, KeptCode>();
  for (let fromSeq = 0; ; ) {
    const held = await on.erasures.items(erasure.id, { fromSeq, limit: perLook, states: ['held'] });
    for (const item of held) {
      if (!isOfCandidate(item) || looked.has(item.callId)) continue;
      waiting.set(item.callId, item.failedCode === 'call_live' ? 'call_live' : 'item_held');
    }
    const last = held.at(-1);
    if (last === undefined || held.length < perLook || !isOfCandidate(last)) return waiting;
    fromSeq = last.seq + 1;
  }
}

async function reachesCandidates(on: StoreReads | StoreTx, erasure: Erasure): Promise<boolean> {
  return erasure.hasCandidates || (await firstCandidate(on, erasure)) !== undefined;
}

/** The item of the candidate that a vendor's erasure is of, which is the first; also of one that was tried again. */
async function firstCandidate(on: StoreReads | StoreTx, { id, tenantId }: Erasure): Promise<Item | undefined> {
  const [first] = await on.erasures.items(id, { fromSeq: 0, limit: 1 });
  if (first === undefined || (await on.candidates.peek(tenantId, [first.callId])).length === 0) return undefined;
  return first;
}

/** Asked where an erasure is known to reach candidates: then the first item is one, whether or not its row says so. */
function isOfCandidate({ isCandidate, seq }: Item): boolean {
  return isCandidate || seq === 0;
}
