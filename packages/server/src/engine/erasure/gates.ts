import type { CallArtifactKind } from '../../model/call.ts';
import { reachOf } from '../../model/erasure.ts';
import type { StoreReads } from '../../model/store.ts';

/** True while a started erasure that reaches this artifact has not let go of the call. */
export async function isGated(
  on: Pick<StoreReads, 'erasures'>,
  callId: string,
  kind: CallArtifactKind,
): Promise<boolean> {
  const gates = await on.erasures.gatesOf([callId]);
  return gates.some((gate) => reachOf(gate.action, gate).artifacts.includes(kind));
}
