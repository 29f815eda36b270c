import { signShareToken, verifyShareToken } from '../../lib/share-token.ts';
import { AppError } from '../../model/errors.ts';
import { callerOfClient } from '../access/authenticate.ts';
import { signingKeys, verifyingKeys } from '../access/signing-key.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { visibleCall } from './visible-call.ts';

/** The secret part of a link, and until when it opens its call, in ms since the Unix epoch. */
export type SharedCall = { token: string; expiresAt: number };

/**
 * Makes a link that opens one call for whoever has it, without any other credentials. An audit row says that the call was
 * shared; of the link itself nothing is stored.
 *
 * It ends when its time is over (`limits.shareLifeMs`), when the call is purged, and when the client that shared it is
 * disabled or may no longer read. Throws `call_not_found` for whatever `readCall` would not show.
 */
export async function shareCall(engine: Engine, caller: Caller, callId: string): Promise<SharedCall> {
  requireScope(caller, 'calls:read');
  const { actor, tenant } = caller;
  if (actor.kind !== 'client') throw new AppError('scope_missing', { message: 'Only an API client can share a call' });
  const grant = { callId, tenantId: tenant.id, clientId: actor.id, lifeMs: engine.limits.shareLifeMs };
  const shared = await signShareToken({ keys: await signingKeys(engine), clock: engine.clock }, grant);
  await engine.store.write(async (tx) => {
    if ((await visibleCall(tx, tenant.id, callId)) === undefined) throw new AppError('call_not_found');
    await tx.audit.append(auditEntry(engine, caller, 'call.shared', callId));
  });
  return shared;
}

/**
 * Which call a link opens, and on whose behalf: the client's that shared it, for reading alone. Throws `token_invalid` for a
 * link that is not ours, over, or of a client that was disabled since; whether the call is still there shows by reading it.
 */
export async function openShare(engine: Engine, token: string): Promise<{ caller: Caller; callId: string }> {
  const claims = await verifyShareToken({ keys: await verifyingKeys(engine), clock: engine.clock }, token);
  const caller = await callerOfClient(engine, { ...claims, scopes: ['calls:read'] });
  return { caller, callId: claims.callId };
}
