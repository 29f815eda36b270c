import { nextTurn } from '../../lib/next-turn.ts';
import type { Candidate } from '../../model/campaign.ts';
import { reachOf } from '../../model/erasure.ts';
import type { Caller, Engine } from '../context.ts';
import { findOwners } from '../identifiers.ts';

/** Owners of a number read in one go: calls and holds carry it too. */
const ownersPerLook = 1000;

/**
 * Candidates of one task of the caller's tenant that carry the number, however it was written, by id. Without those whose
 * numbers are erased, or begin to be: nobody is to learn whose they were. The caller's scope has been checked.
 */
export async function candidatesByPhone(
  engine: Engine,
  { tenant }: Caller,
  taskId: string,
  phone: string,
): Promise<Candidate[]> {
  const { reads } = engine.store;
  const found: Candidate[] = [];
  for (let afterId = ''; ; ) {
    const page = { afterId, limit: ownersPerLook };
    const owners = await findOwners(engine, reads, tenant, { kind: 'phone', value: phone }, page);
    const rows = (await reads.candidates.findMany(tenant.id, owners)).filter((one) => one.taskId === taskId);
    const gates = await reads.erasures.gatesOf(rows.map((one) => one.id));
    const reached = gates.filter((gate) => reachOf(gate.action, gate).artifacts.includes('details'));
    const gated = new Set(reached.map((gate) => gate.callId));
    const isShown = (one: Candidate) => one.status !== 'ADDING' && one.depersonalizedAt === null && !gated.has(one.id);
    found.push(...rows.filter(isShown));
    const last = owners.at(-1);
    if (last === undefined || owners.length < ownersPerLook) return found;
    afterId = last;
    await nextTurn();
  }
}
