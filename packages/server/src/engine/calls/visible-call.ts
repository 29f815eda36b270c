import { isId } from '../../lib/ids.ts';
import { type Call, type CallArtifactKind, isArchived } from '../../model/call.ts';
import { reachOf } from '../../model/erasure.ts';
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
  // No other text gets as far as the database.
  if (!isId(callId)) return undefined;
  const call = await on.calls.find(tenantId, callId);
  if (call === undefined || !isArchived(call)) return undefined;
  const reaches = (await on.erasures.gatesOf([callId])).map((gate) => reachOf(gate.action, gate));
  if (reaches.some((reach) => reach.isWhole)) return undefined;
  return { call, gated: new Set(reaches.flatMap((reach) => reach.artifacts)) };
}
