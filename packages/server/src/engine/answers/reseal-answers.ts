import type { Artifact } from '../../model/call.ts';
import type { StoreTx } from '../../model/store.ts';
import type { KeptAnswer } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { openPrint, sealPrint } from './request-print.ts';

/**
 * The finished answers that are kept of a call, what is sealed of them under the slot of its details sealed anew under
 * another slot that is to take its place; outside any transaction. One that can be opened no more stays as it is.
 */
export async function resealAnswers(engine: Engine, from: Artifact, to: Artifact): Promise<KeptAnswer[]> {
  const resealed: KeptAnswer[] = [];
  for (const kept of await engine.store.reads.answers.ofSubject(from.ownerId)) {
    if (kept.sealed === null) continue;
    const print = await openPrint(engine, from, kept.sealed);
    resealed.push(print === undefined ? kept : { ...kept, sealed: await sealPrint(engine, to, print) });
    print?.fill(0);
  }
  return resealed;
}

/**
 * Writes what `resealAnswers` made, in the transaction in which the other slot takes the place of the first. False, with
 * nothing written, where an answer has been kept meanwhile that is not among them.
 */
export async function putResealed(tx: StoreTx, callId: string, resealed: readonly KeptAnswer[]): Promise<boolean> {
  const byKey = new Map(resealed.map(({ key, sealed }) => [hexOf(key), sealed]));
  // One that was dropped for its age meanwhile stays dropped.
  const kept = (await tx.answers.ofSubject(callId)).filter(({ sealed }) => sealed !== null);
  if (kept.some(({ key }) => !byKey.has(hexOf(key)))) return false;
  for (const { tenantId, key } of kept) {
    const sealed = byKey.get(hexOf(key));
    if (sealed) await tx.answers.setSealed(tenantId, key, sealed);
  }
  return true;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
