import type { Engine } from '../context.ts';
import { heldAmong } from '../holds/held-calls.ts';
import type { Found } from './subject.ts';

/** Ids looked at together. */
const perLook = 2000;

/** Which of a plan's calls and candidates are under hold. A candidate and its calls are one: held together, or not at all. */
export async function heldItems(
  engine: Engine,
  tenantId: string,
  { ids, candidateIds }: Pick<Found, 'ids' | 'candidateIds'>,
): Promise<Set<string>> {
  const { reads } = engine.store;
  const held = new Set<string>();
  if ((await reads.holds.active(tenantId)).length === 0) return held;
  for (let from = 0; from < ids.length; from += perLook) {
    for (const id of await heldAmong(engine, reads, tenantId, ids.slice(from, from + perLook))) held.add(id);
  }
  const planned = new Set(ids);
  const heldCandidates = [...candidateIds].filter((id) => held.has(id));
  for (const { id } of await reads.calls.idsOfCandidates(tenantId, heldCandidates)) if (planned.has(id)) held.add(id);
  return held;
}
