import type { Call, Identifier } from '../../model/call.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { carriers } from '../events/awaited.ts';
import { coresOf, findCall, tombstoneToken } from '../identifiers.ts';
import type { NewCall } from './new-call.ts';

/** Whose a session id is at this moment. */
export type SessionHolder =
  | { kind: 'free' }
  | { kind: 'archived'; call: Call }
  | { kind: 'uploading' }
  | { kind: 'erased' };

/**
 * Looks, inside the naming transaction, which has locked the session id, whether the ids of a new call may be used.
 *
 * The session id of a purged call is refused for as long as its tombstone stays, and so is its external id while no living
 * call carries it: a retried upload is the commonest way in which erased data comes back.
 *
 * An external id that the call has from its candidate is not asked about. The candidate lives, which the caller has seen in
 * this transaction, and a purge of one attempt to reach him does not refuse the next. So an attempt that is to be refused
 * when it comes again must have a session id, or an external id of its own.
 */
export async function sessionHolder(
  engine: Engine,
  tx: StoreTx,
  tenant: Tenant,
  { identifiers, isExternalIdInherited = false }: Pick<NewCall, 'identifiers' | 'isExternalIdInherited'>,
): Promise<SessionHolder> {
  for (const identifier of identifiers) {
    if (identifier.kind !== 'session' && identifier.kind !== 'external') continue;
    if (identifier.kind === 'external' && isExternalIdInherited) continue;
    const call = await findCall(engine, tx, tenant, identifier);
    if (identifier.kind === 'session' && call !== undefined) {
      // Being purged at this moment: to a retried upload that is erased already.
      if ((await gatedByPurge(tx, [call.id])).has(call.id)) return { kind: 'erased' };
      return call.uploadUntil === null ? { kind: 'archived', call } : { kind: 'uploading' };
    }
    // The living first, then the tombstone: a shredding that commits in between is seen by the second look.
    const isUndecided = await isAwaitedAndPurged(engine, tx, tenant, identifier);
    const token = await tombstoneToken(engine, tenant, identifier);
    const tombstones = await tx.tombstones.findByToken(tenant.id, identifier.kind, token);
    if (tombstones.length > 0 && call === undefined) return { kind: 'erased' };
    if (isUndecided) return { kind: 'uploading' };
  }
  return { kind: 'free' };
}

/**
 * True while a purge of the session has begun of which only events are there: it may yet yield to a hold, so that nobody
 * can say at this moment whether the session is erased.
 */
async function isAwaitedAndPurged(
  engine: Engine,
  tx: StoreTx,
  tenant: Tenant,
  identifier: Identifier,
): Promise<boolean> {
  if (identifier.kind !== 'session' || !(await tx.calls.anyAwaited(tenant.id))) return false;
  const cores = (await coresOf(engine, tenant, [identifier])).map(({ core }) => core);
  const calls = await carriers(engine, tx, tenant.id, { kind: 'session', cores });
  const ids = calls.map((call) => call.id);
  return (await gatedByPurge(tx, ids)).size > 0;
}

/** True of a holder for whom no row of a new call is made: the session is somebody else's. */
export function isElsewhere(found: unknown): boolean {
  return typeof found === 'object' && found !== null && 'kind' in found && found.kind !== 'free';
}
