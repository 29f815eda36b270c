import { AppError, hasCode } from '../../model/errors.ts';
import type { Scope } from '../../model/tenant.ts';
import type { AnswerKeeper } from '../answers/once.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import {
  changeUserScopes,
  createUser,
  disableUser,
  profilesOf,
  rotateUser,
  type UserCredentials,
  type UserProfile,
  userOf,
} from './users.ts';

/* What administrators of a tenant do with its users, by id; the command line knows them by e-mail. */

/** The users of the caller's tenant, disabled ones too, newest first; `next` is null on the last page. */
export async function listUserPage(
  engine: Engine,
  caller: Caller,
  { cursor, limit }: { cursor?: string; limit: number },
): Promise<{ users: UserProfile[]; next: string | null }> {
  requireScope(caller, 'admin');
  const before = numberIn(cursor);
  const all = await engine.store.reads.users.list(caller.tenant.id);
  // Numbers are given in order.
  const left = all.toReversed().filter(({ number }) => number < before);
  const page = left.slice(0, limit);
  const last = page.at(-1);
  const next = last === undefined || left.length <= limit ? null : String(last.number);
  return { users: await profilesOf(engine, page), next };
}

function numberIn(cursor: string | undefined): number {
  if (cursor === undefined) return Number.POSITIVE_INFINITY;
  if (!/^\d{1,15}$/.test(cursor)) throw new AppError('input_invalid', { message: 'cursor is not one' });
  return Number(cursor);
}

/** One user of the caller's tenant, disabled or not. Throws `user_not_found`. */
export async function readUserById(engine: Engine, caller: Caller, id: string): Promise<UserProfile> {
  requireScope(caller, 'admin');
  const user = await userOf(engine, { id, tenantId: caller.tenant.id });
  const [profile] = await profilesOf(engine, [user]);
  return profile ?? { user, email: null };
}

/** As `createUser`. */
export async function addUser(
  engine: Engine,
  caller: Caller,
  asked: { email: string; scopes: Scope[]; password?: string; keeper: AnswerKeeper },
): Promise<UserCredentials> {
  requireScope(caller, 'admin');
  return await createUser(engine, caller.tenant, { ...asked, actor: caller.actor });
}

/** As `changeUserScopes`. */
export async function setUserScopes(
  engine: Engine,
  caller: Caller,
  id: string,
  asked: { scopes: Scope[]; keeper: AnswerKeeper },
): Promise<void> {
  requireScope(caller, 'admin');
  await changeUserScopes(engine, { id, tenantId: caller.tenant.id, actor: caller.actor, ...asked });
}

/** As `rotateUser`. */
export async function renewUserPassword(
  engine: Engine,
  caller: Caller,
  id: string,
  asked: { password?: string; keeper: AnswerKeeper },
): Promise<UserCredentials> {
  requireScope(caller, 'admin');
  return await rotateUser(engine, { id, tenantId: caller.tenant.id, actor: caller.actor, ...asked });
}

/** As `disableUser`; one who is disabled already stays so, and nothing is written down but the answer. */
export async function endUser(engine: Engine, caller: Caller, id: string, keeper: AnswerKeeper): Promise<void> {
  requireScope(caller, 'admin');
  const asked = { id, tenantId: caller.tenant.id };
  const isEnded = async () => (await userOf(engine, asked)).disabledAt !== null;
  if (!(await isEnded())) {
    try {
      return await disableUser(engine, { ...asked, actor: caller.actor, keeper });
    } catch (error) {
      // Somebody else did at the same moment.
      if (!hasCode(error, 'user_not_found') || !(await isEnded())) throw error;
    }
  }
  await engine.store.write(async (tx) => await keeper.keep(tx, { status: 200, subjectId: id }));
}

/**
 * Looks at the password of a request that was carried out before under its `Idempotency-Key`. Of passwords nothing is kept
 * but their slow hash, and that is what tells another one: throws `idempotency_mismatch` unless it is the user's.
 */
export async function refuseOtherPassword(engine: Engine, caller: Caller, id: string, password: string): Promise<void> {
  requireScope(caller, 'admin');
  const user = await userOf(engine, { id, tenantId: caller.tenant.id });
  // Of one who is disabled nothing is left to compare with.
  if (user.disabledAt !== null || (await engine.access.hasher.verify(password, user.passwordHash))) return;
  throw new AppError('idempotency_mismatch');
}
