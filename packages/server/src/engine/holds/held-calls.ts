import type { Call } from '../../model/call.ts';
import type { Hold } from '../../model/erasure.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import { carriers, eventKinds } from '../events/awaited.ts';
import { coresOfOwner } from '../identifiers.ts';
import { holdsOfOwners } from './holds-of-owners.ts';

/**
 * Which of these calls and candidates an active hold of the tenant covers, as seen by this transaction or read; a transaction
 * that decides by it has the tenant's holds locked. An awaited
 * call is held with the call that is on its way to take it, a candidate with any of its calls, and a call with its
 * candidate where a hold names that one.
 *
 * It is asked from their side, by what they carry: a hold may cover a great part of the archive, and every erasure asks.
 */
export async function heldAmong(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  callIds: readonly string[],
): Promise<Set<string>> {
  const held = new Set<string>();
  const holds = await on.holds.active(tenantId);
  if (holds.length === 0 || callIds.length === 0) return held;
  const calls = new Map((await on.calls.peek(tenantId, callIds)).map((call) => [call.id, call]));
  const candidates = calls.size === callIds.length ? [] : await on.candidates.peek(tenantId, callIds);
  // With each id, the calls that it is held with.
  const others = await takersOf(engine, on, tenantId, [...calls.values()]);
  for (const { id } of candidates) {
    others.set(id, await on.calls.peek(tenantId, await on.calls.idsOfCandidate(tenantId, id)));
  }
  for (const other of [...others.values()].flat()) calls.set(other.id, other);
  const asked = { calls: [...calls.values()], candidateIds: candidates.map(({ id }) => id) };
  const holdsOf = await holdsOfOwners(engine, on, tenantId, holds, asked);
  for (const call of asked.calls) {
    if (holdsOf(call.id).some((hold) => isInRange(call, hold))) held.add(call.id);
  }
  for (const id of asked.candidateIds) {
    // A hold of some time holds what took place then: calls.
    if (holdsOf(id).some(({ from, to }) => from === null && to === null)) held.add(id);
  }
  return new Set(callIds.filter((id) => held.has(id) || others.get(id)?.some((other) => held.has(other.id))));
}

/** Of awaited calls, by id: those on their way that carry the same identifier. */
async function takersOf(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  calls: readonly Call[],
): Promise<Map<string, Call[]>> {
  const takers = new Map<string, Call[]>();
  for (const { id } of calls.filter((call) => call.status === 'awaited')) {
    const mine: Call[] = [];
    for (const kind of eventKinds) {
      const cores = await coresOfOwner(engine, on, tenantId, id, kind);
      const others = cores.cores.length === 0 ? [] : await carriers(engine, on, tenantId, cores);
      mine.push(...others.filter((call) => call.status !== 'awaited'));
    }
    takers.set(id, mine);
  }
  return takers;
}

/** True of a call of the hold's time, both ends included. When an awaited call took place nobody knows: it is in every range. */
export function isInRange(call: Pick<Call, 'status' | 'startedAt' | 'createdAt'>, { from, to }: Hold): boolean {
  if (call.status === 'awaited') return true;
  const at = call.startedAt ?? call.createdAt;
  return (from === null || at >= from) && (to === null || at <= to);
}
