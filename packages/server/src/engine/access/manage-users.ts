import { createHmac } from 'node:crypto';
import { AppError, hasCode } from '../../model/errors.ts';
import type { Scope } from '../../model/tenant.ts';
import type { AnswerKeeper } from '../answers/once.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { loginName, loginValue, newLogin } from './logins.ts';
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

/** RFC 9106, section 3.1. */
const saltBytes = 16;

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

/** As `createUser`. Throws `slow_down` as `countGuess` does. */
export async function addUser(
  engine: Engine,
  caller: Caller,
  asked: { email: string; scopes: Scope[]; password?: string; keeper: AnswerKeeper },
): Promise<UserCredentials> {
  requireScope(caller, 'admin');
  const value = asked.password === undefined ? undefined : loginValue(asked.email);
  if (value !== undefined) await countGuess(engine, caller, await newLogin(engine, value));
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

/** As `rotateUser`. Throws `slow_down` as `countGuess` does. */
export async function renewUserPassword(
  engine: Engine,
  caller: Caller,
  id: string,
  asked: { password?: string; keeper: AnswerKeeper },
): Promise<UserCredentials> {
  requireScope(caller, 'admin');
  const { login, disabledAt } = await userOf(engine, { id, tenantId: caller.tenant.id });
  if (asked.password !== undefined && disabledAt === null) await countGuess(engine, caller, login);
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
 * Giving a user a password is a guess at that of another tenant's user who has the same e-mail: whoever logs in with it then
 * learns whether it is theirs, and no login has failed. So a tenant is slowed in it, for each e-mail, as one address is in
 * failed logins; whether anybody else has the e-mail makes no difference. Throws `slow_down`.
 */
async function countGuess({ access }: Engine, { tenant }: Caller, login: Uint8Array): Promise<void> {
  const name = loginName(login);
  // An address of its own: many users made at once are not many failures from one place.
  const admission = await access.throttle.admit(name, `${name} in ${tenant.id}`);
  if (admission.kind === 'wait') throw new AppError('slow_down', { retryAfterMs: admission.retryAfterMs });
  admission.release('failure');
}

/**
 * What tells a given password from another one where a request is repeated under its `Idempotency-Key`: a slow hash, since it
 * is kept for a day with the rest of what the request said. It is compared with that alone, and so with what the same caller
 * has sent, never with the password that a user has by now.
 */
export async function passwordPrint(engine: Engine, caller: Caller, password: string): Promise<string> {
  requireScope(caller, 'admin');
  const key = await engine.secrets.open(caller.tenant.id, 'index-key');
  const salt = createHmac('sha256', key).update('salt of passwords in requests').digest().subarray(0, saltBytes);
  key.fill(0);
  return await engine.access.hasher.hash(password, { salt });
}
