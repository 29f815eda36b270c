import { isId } from '../../lib/ids.ts';
import { type Call, type CallArtifactKind, isArchived } from '../../model/call.ts';
import { type Reach, reachOf } from '../../model/erasure.ts';
import type { StoreReads } from '../../model/store.ts';

/** A call as somebody outside may see it; `gated` are the artifacts that started erasures have taken from sight. */
export type VisibleCall = { call: Call; gated: ReadonlySet<CallArtifactKind> };

/**
 * A call of the tenant that may be shown, in whole or in part. Undefined for one that is unknown, another tenant's, on its
 * way, only awaited, purged or being purged: from outside these look alike.
 */
export async function visibleCall(
  on: Pick<StoreReads, 'calls' | 'erasures'>,
  tenantId: string,
  callId: string,
): Promise<VisibleCall | undefined> {
  return (await visibleCalls(on, tenantId, [callId]))[0];
}

/** Those of many calls that may be shown, in the order of their ids. */
export async function visibleCalls(
  on: Pick<StoreReads, 'calls' | 'erasures'>,
  tenantId: string,
  callIds: readonly string[],
): Promise<VisibleCall[]> {
  // No other text gets as far as the database.
  const ids = callIds.filter(isId);
  if (ids.length === 0) return [];
  return await withGates(on, (await on.calls.findMany(tenantId, ids)).filter(isArchived));
}

/** Those of archived calls that may be shown, in the same order. To be asked of the instant in which they were read. */
export async function withGates(on: Pick<StoreReads, 'erasures'>, calls: readonly Call[]): Promise<VisibleCall[]> {
  if (calls.length === 0) return [];
  const reaches = new Map<string, Reach[]>();
  for (const gate of await on.erasures.gatesOf(calls.map((call) => call.id))) {
    reaches.set(gate.callId, [...(reaches.get(gate.callId) ?? []), reachOf(gate.action, gate)]);
  }
  return calls.flatMap((call): VisibleCall[] => {
    const mine = reaches.get(call.id) ?? [];
    if (mine.some((reach) => reach.isWhole)) return [];
    return [{ call, gated: new Set(mine.flatMap((reach) => reach.artifacts)) }];
  });
}
