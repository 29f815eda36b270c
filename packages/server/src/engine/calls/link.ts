import type { AccessTokenSubject } from '../../lib/access-token.ts';
import { type LinkKind, linkSigner, type SignedLink, verifyLink } from '../../lib/share-token.ts';
import { AppError } from '../../model/errors.ts';
import { callerOfClient, callerOfUser } from '../access/authenticate.ts';
import { signingKeys, verifyingKeys } from '../access/signing-key.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';

/**
 * What makes links of one kind for this caller, each for one call, without asking anybody anything: whether the caller may
 * see the call is for whoever makes the link to have found out. Of the links nothing is stored.
 *
 * Throws `scope_missing` unless the caller may read, and for a caller who could not be found again: only clients and users
 * make links.
 */
export async function linkMaker(
  engine: Engine,
  caller: Caller,
  { kind, lifeMs }: { kind: LinkKind; lifeMs: number },
): Promise<(callId: string) => SignedLink> {
  requireScope(caller, 'calls:read');
  const grant = { ...subjectOf(caller), tenantId: caller.tenant.id, lifeMs };
  const sign = linkSigner({ keys: await signingKeys(engine), clock: engine.clock }, kind);
  return (callId) => sign({ ...grant, callId });
}

/** Whose call a link opens, and on whose behalf: its maker's, for reading alone. */
export type OpenedLink = { caller: Caller; callId: string };

/**
 * Opens a link of one kind. Throws `token_invalid` for a link that is not ours, of another kind or over, and for one whose
 * maker was disabled since. Whether its call is still there, and whether its maker may still read, shows by reading it.
 */
export async function openLink(engine: Engine, kind: LinkKind, token: string): Promise<OpenedLink> {
  const claims = await verifyLink({ keys: await verifyingKeys(engine), clock: engine.clock }, kind, token);
  const allowed = { scopes: ['calls:read'] };
  const caller =
    claims.subjectKind === 'client'
      ? await callerOfClient(engine, { ...claims, ...allowed })
      : await callerOfUser(engine, { ...claims, ...allowed });
  return { caller, callId: claims.callId };
}

function subjectOf({ actor }: Caller): AccessTokenSubject {
  if (actor.kind === 'client') return { subjectKind: 'client', clientId: actor.id };
  if (actor.kind === 'user') return { subjectKind: 'user', userId: actor.id };
  throw new AppError('scope_missing', { message: 'Only an API client or a user can make a link' });
}
