import type { CallKind } from '../../model/call.ts';
import type { Erasure, Item } from '../../model/erasure.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import { isPending } from '../guard/plan-for-approval.ts';

/** Items looked at together. */
const pageSize = 1000;

/** The retention's plan for one kind of a tenant's calls that waits for approval, or, approved, to be started. */
export async function waitingPlan(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  kind: CallKind,
): Promise<Erasure | undefined> {
  const now = engine.clock.now();
  for (const plan of await on.erasures.plannedByPolicy(tenantId)) {
    if (isPending(plan, now) && (await kindOf(on, plan)) === kind) return plan;
  }
  return undefined;
}

/** The kind of its calls, by the first that is still there; undefined where none is, and nothing is left to be erased. */
async function kindOf(on: StoreReads | StoreTx, plan: Erasure): Promise<CallKind | undefined> {
  for await (const items of itemsOf(on, plan)) {
    const [call] = await on.calls.peek(
      plan.tenantId,
      items.map(({ callId }) => callId),
    );
    if (call !== undefined) return call.kind;
  }
  return undefined;
}

/** True where somebody wants one of its calls to be kept for longer by itself. */
export async function hasRetainedCall(engine: Engine, plan: Erasure): Promise<boolean> {
  const { reads } = engine.store;
  const now = engine.clock.now();
  for await (const items of itemsOf(reads, plan)) {
    const calls = await reads.calls.peek(
      plan.tenantId,
      items.map(({ callId }) => callId),
    );
    if (calls.some(({ retainUntil }) => retainUntil !== null && retainUntil > now)) return true;
  }
  return false;
}

async function* itemsOf(on: StoreReads | StoreTx, { id }: Erasure): AsyncGenerator<Item[]> {
  for (let fromSeq = 0; ; fromSeq += pageSize) {
    const items = await on.erasures.items(id, { fromSeq, limit: pageSize });
    if (items.length > 0) yield items;
    if (items.length < pageSize) return;
  }
}
