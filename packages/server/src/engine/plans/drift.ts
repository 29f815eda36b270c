import { type Drift, type Erasure, type Item, reachOf } from '../../model/erasure.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { heldItems } from './held-items.ts';
import { openSubject } from './sealed-subject.ts';
import { resolveSubject } from './subject.ts';

/** Items looked at together. */
const perLook = 2000;

/** What has changed, and the numbers of the items that are under hold now. */
export type Looked = { drift: Drift; heldSeqs: number[] };

/** What has changed since a plan was made, told and not acted upon: whoever executes it erases what the plan has. */
export async function lookForDrift(engine: Engine, tenant: Tenant, erasure: Erasure): Promise<Looked> {
  const ids: string[] = [];
  const candidateIds = new Set<string>();
  const heldBefore = new Set<string>();
  const drift = { added: 0, gone: 0, held: 0, released: 0, changed: 0 } satisfies Drift;
  for (let fromSeq = 0; ; ) {
    const options = { fromSeq, limit: perLook };
    const items = await engine.store.reads.erasures.items(erasure.id, options);
    const last = items.at(-1);
    if (last === undefined) break;
    for (const { callId, isCandidate, wasHeld } of items) {
      ids.push(callId);
      if (wasHeld) heldBefore.add(callId);
      if (isCandidate) candidateIds.add(callId);
    }
    await compare(engine, erasure, items, drift);
    fromSeq = last.seq + 1;
  }
  const held = await heldItems(engine, tenant.id, { ids, candidateIds });
  drift.held = [...held].filter((id) => !heldBefore.has(id)).length;
  drift.released = [...heldBefore].filter((id) => !held.has(id)).length;
  drift.added = await countAdded(engine, tenant, erasure, new Set(ids));
  // An item's number is its place.
  return { drift, heldSeqs: ids.flatMap((id, seq) => (held.has(id) ? [seq] : [])) };
}

/** An item all of whose artifacts are gone is gone; one that has others than it had is changed. */
async function compare(engine: Engine, erasure: Erasure, items: readonly Item[], drift: Drift): Promise<void> {
  const { artifacts: kinds } = reachOf(erasure.action, erasure);
  const now = new Map<string, Set<string>>();
  const callIds = items.map(({ callId }) => callId);
  for (const { ownerId, kind } of await engine.store.reads.artifacts.sizesOf(callIds, kinds)) {
    now.set(ownerId, (now.get(ownerId) ?? new Set()).add(kind));
  }
  for (const { callId, plannedKinds } of items) {
    // Of a vendor's plan nobody has noted what there was.
    if (plannedKinds === null) continue;
    const there = now.get(callId) ?? new Set();
    if (there.size === 0 && plannedKinds.length > 0) drift.gone += 1;
    else if (there.size !== plannedKinds.length || !plannedKinds.every((kind) => there.has(kind))) drift.changed += 1;
  }
}

/** What the subject would reach now, and the plan does not have. */
async function countAdded(
  engine: Engine,
  tenant: Tenant,
  erasure: Erasure,
  planned: ReadonlySet<string>,
): Promise<number> {
  const identifiers = await openSubject(engine, erasure);
  if (identifiers === undefined) return 0;
  const { ids } = await resolveSubject(engine, engine.store.reads, tenant, identifiers, erasure.action);
  return ids.filter((id) => !planned.has(id)).length;
}
