import type { SignedLink } from '../../lib/share-token.ts';
import { AppError } from '../../model/errors.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Caller, Engine } from '../context.ts';
import { linkMaker, type OpenedLink, openLink } from './link.ts';
import { visibleCall } from './visible-call.ts';

/**
 * Makes a link that opens one call for whoever has it, without any other credentials. An audit row says that the call was
 * shared; of the link itself nothing is stored.
 *
 * It ends when its time is over (`limits.shareLifeMs`), when the call is purged, and when the client or user who shared it
 * is disabled or may no longer read. Throws `call_not_found` for whatever `readCall` would not show.
 */
export async function shareCall(engine: Engine, caller: Caller, callId: string): Promise<SignedLink> {
  const makeLink = await linkMaker(engine, caller, { kind: 'share', lifeMs: engine.limits.shareLifeMs });
  const shared = makeLink(callId);
  await engine.store.write(async (tx) => {
    if ((await visibleCall(tx, caller.tenant.id, callId)) === undefined) throw new AppError('call_not_found');
    await tx.audit.append(auditEntry(engine, caller, 'call.shared', callId));
  });
  return shared;
}

/**
 * Which call a link opens, and on whose behalf: that of who shared it, for reading alone. Throws `token_invalid` for a link
 * that is not ours, over, or of somebody who was disabled since; whether the call is still there shows by reading it.
 */
export async function openShare(engine: Engine, token: string): Promise<OpenedLink> {
  return await openLink(engine, 'share', token);
}
