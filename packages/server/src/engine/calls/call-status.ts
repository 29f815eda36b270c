import type { Call } from '../../model/call.ts';
import type { Tombstone } from '../../model/erasure.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { findCall, tombstoneToken } from '../identifiers.ts';

/**
 * Where a session's call is: archived (or on its way), being erased, gone, or never heard of. Gone is also one whose keys are
 * destroyed while a lock of the blob store keeps its bytes.
 */
export type SessionStanding =
  | { kind: 'call'; call: Call }
  | { kind: 'erasing'; tombstone: Tombstone }
  | { kind: 'gone'; tombstone: Tombstone }
  | { kind: 'unknown' };

/** What is behind each session id, in the order asked. Another tenant's session is unknown. */
export async function sessionStandings(
  engine: Engine,
  caller: Caller,
  sessionIds: readonly string[],
): Promise<SessionStanding[]> {
  requireScope(caller, 'calls:read', 'calls:write');
  const standings = new Map<string, SessionStanding>();
  for (const sessionId of new Set(sessionIds)) standings.set(sessionId, await standingOf(engine, caller, sessionId));
  return sessionIds.map((sessionId) => standings.get(sessionId) ?? { kind: 'unknown' });
}

/** What is behind one session id. The caller's scope has been checked. */
export async function standingOf(engine: Engine, caller: Caller, sessionId: string): Promise<SessionStanding> {
  const identifier = { kind: 'session', value: sessionId } as const;
  const reads = engine.store.reads;
  const call = await findCall(engine, reads, caller.tenant, identifier);
  if (call !== undefined) return { kind: 'call', call };
  if (sessionId === '') return { kind: 'unknown' };
  const token = await tombstoneToken(engine, caller.tenant, identifier);
  const tombstones = await reads.tombstones.findByToken(caller.tenant.id, 'session', token);
  // What is still being erased says more than what has gone before, and a call more than what was sent ahead of one.
  const [tombstone] = tombstones.toSorted((a, b) => rankOf(a) - rankOf(b));
  if (tombstone === undefined) return { kind: 'unknown' };
  const isErasing = tombstone.goneAt === null && !(await reads.erasures.lockedAmong([tombstone.callId])).size;
  return { kind: isErasing ? 'erasing' : 'gone', tombstone };
}

function rankOf({ goneAt, lastStatus }: Tombstone): number {
  return (goneAt === null ? 0 : 2) + (lastStatus === 'awaited' ? 1 : 0);
}
