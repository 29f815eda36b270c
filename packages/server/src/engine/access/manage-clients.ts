import { AppError } from '../../model/errors.ts';
import type { ApiClient, Scope } from '../../model/tenant.ts';
import type { AnswerKeeper } from '../answers/once.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { changeScopes, clientOf, createClient, disableClient, type NewCredentials, rotateClient } from './clients.ts';

/* What administrators of a tenant do with its clients; the command line has the same without a caller. */

/** The clients of the caller's tenant, disabled ones too, newest first; `next` is null on the last page. */
export async function listClients(
  engine: Engine,
  caller: Caller,
  { cursor, limit }: { cursor?: string; limit: number },
): Promise<{ clients: ApiClient[]; next: string | null }> {
  requireScope(caller, 'admin');
  const all = await engine.store.reads.clients.list(caller.tenant.id);
  const sorted = all.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  const place = cursor === undefined ? -1 : sorted.findIndex(({ id }) => id === cursor);
  if (cursor !== undefined && place < 0) throw new AppError('input_invalid', { message: 'cursor is not one' });
  const clients = sorted.slice(place + 1, place + 1 + limit);
  const isLast = place + 1 + limit >= sorted.length;
  return { clients, next: isLast ? null : (clients.at(-1)?.id ?? null) };
}

/** One client of the caller's tenant. Throws `client_not_found`. */
export async function readClient(engine: Engine, caller: Caller, clientId: string): Promise<ApiClient> {
  requireScope(caller, 'admin');
  return await clientOf(engine.store.reads, caller.tenant, clientId);
}

/** Makes a client with an id and a secret of ours. */
export async function addClient(
  engine: Engine,
  caller: Caller,
  { scopes, keeper }: { scopes: Scope[]; keeper: AnswerKeeper },
): Promise<NewCredentials> {
  requireScope(caller, 'admin');
  return await createClient(engine, caller.tenant, { scopes, actor: caller.actor, keeper });
}

/** As `changeScopes`. */
export async function setClientScopes(
  engine: Engine,
  caller: Caller,
  clientId: string,
  asked: { scopes: Scope[]; keeper: AnswerKeeper },
): Promise<void> {
  requireScope(caller, 'admin');
  await changeScopes(engine, caller.tenant, clientId, caller.actor, asked);
}

/** As `rotateClient`. */
export async function renewClientSecret(
  engine: Engine,
  caller: Caller,
  clientId: string,
  asked: { keepOldMs: number; keeper: AnswerKeeper },
): Promise<NewCredentials> {
  requireScope(caller, 'admin');
  return await rotateClient(engine, caller.tenant, clientId, caller.actor, asked);
}

/** As `disableClient`: its administrator's own client is no exception, and the operator can make another. */
export async function endClient(engine: Engine, caller: Caller, clientId: string, keeper: AnswerKeeper): Promise<void> {
  requireScope(caller, 'admin');
  await disableClient(engine, caller.tenant, clientId, caller.actor, keeper);
}
