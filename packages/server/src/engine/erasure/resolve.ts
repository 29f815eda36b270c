import type { Call, Identifier } from '../../model/call.ts';
import type { ErasureAction, Tombstone } from '../../model/erasure.ts';
import type { StoreReads } from '../../model/store.ts';
import { standingOf } from '../calls/call-status.ts';
import type { Caller, Engine } from '../context.ts';
import { findOwners } from '../identifiers.ts';

/** Calls found by one identifier are read this many at a time. */
const pageSize = 1000;

/** What one named thing turned out to be. */
export type Resolved =
  | { kind: 'call'; call: Call }
  /** Purged, its bytes not yet verified gone. */
  | { kind: 'erasing'; tombstone: Tombstone }
  /** Erased for good, or never heard of: the outside cannot tell, the native API can. */
  | { kind: 'gone'; tombstone: Tombstone }
  | { kind: 'unknown' };

/** Each call id as asked, in that order. Another tenant's is unknown; ids are compared exactly. */
export async function resolveCalls(engine: Engine, caller: Caller, callIds: readonly string[]): Promise<Resolved[]> {
  const reads = engine.store.reads;
  const found = await reads.calls.findMany(caller.tenant.id, callIds);
  // Of an awaited call nobody was told the id.
  const calls = new Map(found.flatMap((call) => (call.status === 'awaited' ? [] : [[call.id, call]])));
  const missing = callIds.filter((id) => !calls.has(id));
  const stones = await reads.tombstones.find(caller.tenant.id, missing);
  const tombstones = new Map(
    stones.flatMap((stone) => (stone.lastStatus === 'awaited' ? [] : [[stone.callId, stone]])),
  );
  const unsure = stones.flatMap((stone) => (stone.goneAt === null ? [stone.callId] : []));
  const locked = unsure.length === 0 ? new Set<string>() : await reads.erasures.lockedAmong(unsure);
  return callIds.map((id) => {
    const call = calls.get(id);
    if (call !== undefined) return { kind: 'call', call };
    const tombstone = tombstones.get(id);
    if (tombstone === undefined) return { kind: 'unknown' };
    return { kind: tombstone.goneAt === null && !locked.has(id) ? 'erasing' : 'gone', tombstone };
  });
}

/** Each session id as asked, in that order. */
export async function resolveSessions(engine: Engine, caller: Caller, ids: readonly string[]): Promise<Resolved[]> {
  const resolved: Resolved[] = [];
  for (const id of ids) resolved.push(await standingOf(engine, caller, id));
  return resolved;
}

/**
 * Ids of every call, and of every candidate, that carries any of these, however it was written; each once, ascending.
 * Nothing is left out silently.
 */
export async function resolveCustomer(
  engine: Engine,
  reads: StoreReads,
  caller: Caller,
  identifiers: readonly Identifier[],
): Promise<string[]> {
  const found = new Set<string>();
  for (const identifier of identifiers) {
    for (let afterId = ''; ; ) {
      const owners = await findOwners(engine, reads, caller.tenant, identifier, { afterId, limit: pageSize });
      for (const owner of owners) found.add(owner);
      const last = owners.at(-1);
      if (last === undefined || owners.length < pageSize) break;
      afterId = last;
    }
  }
  return await withoutHolds(reads, caller, [...found].sort());
}

/** Tokens belong to calls, candidates and holds. Candidates are told from calls by whoever reads the rows. */
async function withoutHolds(reads: StoreReads, caller: Caller, owners: readonly string[]): Promise<string[]> {
  const holds = new Set((await reads.holds.active(caller.tenant.id)).map((hold) => hold.id));
  return holds.size === 0 ? [...owners] : owners.filter((owner) => !holds.has(owner));
}

/** True while a started erasure that takes the whole call has not let go of it. */
export async function gatedByPurge(
  reads: Pick<StoreReads, 'erasures'>,
  callIds: readonly string[],
): Promise<Set<string>> {
  const gates = await reads.erasures.gatesOf(callIds);
  return new Set(gates.filter((gate) => gate.action === ('purge' satisfies ErasureAction)).map((gate) => gate.callId));
}
