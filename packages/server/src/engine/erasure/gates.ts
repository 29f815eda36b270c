import type { CallArtifactKind } from '../../model/call.ts';
import { reachOf } from '../../model/erasure.ts';
import type { StoreReads } from '../../model/store.ts';

/** Those of the calls of which a started erasure reaches this artifact and has not let go. */
export async function gatedAmong(
  on: Pick<StoreReads, 'erasures'>,
  callIds: readonly string[],
  kind: CallArtifactKind,
): Promise<Set<string>> {
  const gates = await on.erasures.gatesOf(callIds);
  return new Set(gates.flatMap((gate) => (reachOf(gate.action, gate).artifacts.includes(kind) ? [gate.callId] : [])));
}
