import { randomBytes } from 'node:crypto';
import { journalEntry } from '../../keys/journal-entries.ts';
import { isId, newId } from '../../lib/ids.ts';
import { newPassword } from '../../lib/secret-text.ts';
import type { Artifact } from '../../model/call.ts';
import type { Actor } from '../../model/erasure.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { AuditEntry, Scope, Tenant, User } from '../../model/tenant.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { openJson, sealJson } from '../artifacts.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { scopesChange } from './clients.ts';
import { findLogin, loginBytes, loginValue, newLogin, rememberedUser } from './logins.ts';
import { forgetSecrets } from './prove-secret.ts';
import { ensureUserTokenKey } from './user-token-key.ts';

const passwordLengthMax = 1024;

/** A user just made, or given another password: the only time a generated one is seen. */
export type UserCredentials = { user: User; password: string };

/** A user with what is sealed of them; `email` is null until it is (it comes with the next login), and once the user is disabled. */
export type UserProfile = { user: User; email: string | null };

/**
 * Makes a user who logs in with e-mail and password. Without `password` one is generated; a given one, which somebody has
 * already, is taken as it is, however short, and never re-hashed before it is compared.
 *
 * E-mails are unique within a tenant: throws `user_exists`, and `input_invalid` for text that is no address.
 */
export async function createUser(
  engine: Engine,
  tenant: Tenant,
  asked: { email: string; scopes: Scope[]; actor: Actor; password?: string; keeper?: AnswerKeeper },
): Promise<UserCredentials> {
  const value = loginValue(asked.email);
  if (value === undefined || !/^[^\s@]+@[^\s@]+$/.test(value)) {
    throw new AppError('input_invalid', {
      message: 'An e-mail address has the form name@host, 320 characters at most',
    });
  }
  const password = asked.password ?? newPassword();
  const passwordHash = await hashed(engine, password);
  await ensureUserTokenKey(engine);
  const login = await newLogin(engine, value);
  const createdAt = engine.clock.now();
  const id = newId(createdAt);
  const rest = { scopes: asked.scopes, version: 1, createdAt, disabledAt: null, lastUsedAt: null };
  const row = { id, tenantId: tenant.id, login, passwordHash, ...rest };
  const { user, artifact } = await engine.issuer.withSlots(1, async ([slot = 0]) => {
    return await engine.store.write(async (tx) => {
      // First: the same request at the same moment is to be told what it has made, not that it exists.
      await asked.keeper?.keep(tx, { status: 201, subjectId: id });
      if ((await tx.users.find({ tenantId: tenant.id, login })) !== undefined) throw new AppError('user_exists');
      const inserted = await tx.users.insert(row);
      const profile = profileRow(slot, inserted);
      await tx.artifacts.insert([profile]);
      await engine.issuer.confirm(tx.keys, [slot]);
      const detail = { scopes: asked.scopes.join(' '), generated: asked.password === undefined };
      await tx.audit.append(auditEntry(engine, { actor: asked.actor, tenant }, 'user.created', id, detail));
      return { user: inserted, artifact: profile };
    });
  });
  await sealEmail(engine, user, asked.email);
  await asked.keeper?.seal(artifact);
  return { user, password };
}

/**
 * Whose user it is: by e-mail, as the operator knows them, of a tenant that has to be named where users of several have it; or
 * by id within a tenant.
 */
export type NamedUser = { email: string; tenantId?: string } | { id: string; tenantId: string };

/** Who changes a user, and where the answer is kept. */
export type Changing = { actor: Actor; keeper?: AnswerKeeper };

/** Gives a user another password; what was issued under the old one ends at once. Throws `user_not_found`. */
export async function rotateUser(
  engine: Engine,
  asked: NamedUser & Changing & { password?: string },
): Promise<UserCredentials> {
  const password = asked.password ?? newPassword();
  const passwordHash = await hashed(engine, password);
  const written = { event: 'user.rotated', detail: () => ({ generated: asked.password === undefined }) };
  const user = await changeUser(engine, asked, written, async (tx, now) => {
    const change = { passwordHash, version: now.version + 1 };
    await tx.users.update(now.id, change);
    return { ...now, ...change };
  });
  return { user, password };
}

/** Gives a user other scopes, which count at once, for tokens too that were given before. Throws `user_not_found`. */
export async function changeUserScopes(
  engine: Engine,
  asked: NamedUser & Changing & { scopes: Scope[] },
): Promise<void> {
  const { scopes } = asked;
  const detail = (now: User) => scopesChange(now.scopes, scopes);
  await changeUser(engine, asked, { event: 'user.changed', detail }, async (tx, now) => {
    await tx.users.update(now.id, { scopes, version: now.version + 1 });
  });
}

/**
 * Disables a user for good: the password and all that was issued to the user end at once, and the e-mail is erased, so that
 * another user may have it. Number, id and rights stay. Throws `user_not_found`, also for one who was disabled before:
 * nobody can tell any more whose e-mail that was.
 */
export async function disableUser(engine: Engine, asked: NamedUser & Changing): Promise<void> {
  const detail = ({ scopes }: User) => ({ disabled: true, scopes: scopes.join(' ') });
  await changeUser(engine, asked, { event: 'user.disabled', detail }, async (tx, { id, tenantId, version }) => {
    const at = engine.clock.now();
    const slots = await engine.tree.destroy(tx.keys, await clearUser(tx, { id, version }, at));
    await tx.keys.appendJournal([journalEntry('user_disabled', at, { tenantId, ownerId: id, slots })]);
  });
  engine.sealer.request();
}

/**
 * Ends a user in the rows: the password and what the user is looked up by go, and the artifact with the e-mail. Returns
 * the artifact's slots, for the caller to destroy.
 */
export async function clearUser(tx: StoreTx, { id, version }: Pick<User, 'id' | 'version'>, at: number) {
  // Nobody has an e-mail that leads to random bytes; the column is unique and never empty.
  const login = randomBytes(loginBytes);
  await tx.users.update(id, { login, passwordHash: '', version: version + 1, disabledAt: at });
  return (await tx.artifacts.deleteOfOwner(id)).map((artifact) => artifact.slot);
}

/** Changes one user who is not disabled, and writes down what `detail` tells of the user before. */
async function changeUser<T>(
  engine: Engine,
  asked: NamedUser & Changing,
  { event, detail }: { event: string; detail: (before: User) => AuditEntry['detail'] },
  change: (tx: StoreTx, user: User) => Promise<T>,
): Promise<T> {
  const { actor, keeper = noKeeper } = asked;
  const user = await named(engine, asked);
  const changed = await engine.store.write(async (tx) => {
    const now = await tx.users.find({ id: user.id });
    if (now === undefined || now.disabledAt !== null) throw new AppError('user_not_found');
    await tx.audit.append(auditEntry(engine, { actor, tenantId: now.tenantId }, event, now.id, detail(now)));
    const made = await change(tx, now);
    await keeper.keep(tx, { status: 200, subjectId: now.id });
    return made;
  });
  forgetSecrets(engine, rememberedUser(user));
  return changed;
}

/** Throws `user_not_found` for a user who is unknown or another tenant's, and `input_invalid` where several have the e-mail. */
async function named(engine: Engine, asked: NamedUser): Promise<User> {
  if ('id' in asked) return await userOf(engine, asked);
  const { tenantId } = asked;
  const { users } = await findLogin(engine, asked.email);
  const [user, ...others] = users.filter((one) => tenantId === undefined || one.tenantId === tenantId);
  if (user === undefined) throw new AppError('user_not_found');
  if (others.length === 0) return user;
  throw new AppError('input_invalid', { message: 'Users of several tenants have this e-mail; name the tenant' });
}

/** A user of a tenant, disabled or not. Throws `user_not_found` for one who is unknown or another tenant's, alike. */
export async function userOf(engine: Engine, { id, tenantId }: { id: string; tenantId: string }): Promise<User> {
  // No other text gets as far as the database.
  const user = isId(id) ? await engine.store.reads.users.find({ id }) : undefined;
  if (user === undefined || user.tenantId !== tenantId) throw new AppError('user_not_found');
  return user;
}

/** The users of the caller's tenant who may log in, by number. For administrators. */
export async function listUsers(engine: Engine, caller: Caller): Promise<UserProfile[]> {
  requireScope(caller, 'admin');
  const users = await engine.store.reads.users.list(caller.tenant.id);
  return await profilesOf(
    engine,
    users.filter((user) => user.disabledAt === null),
  );
}

/**
 * One user of the caller's tenant: themselves, or for administrators anybody. Throws `user_not_found` for one that is
 * unknown, disabled or another tenant's, and where a client asks who it is itself: it is none.
 */
export async function readUser(engine: Engine, caller: Caller, asked: { number: number } | 'me'): Promise<UserProfile> {
  const { actor, tenant } = caller;
  const self = actor.kind === 'user' ? await engine.store.reads.users.find({ id: actor.id }) : undefined;
  const isSelf = asked === 'me' || asked.number === self?.number;
  if (!isSelf) requireScope(caller, 'admin');
  const user = isSelf ? self : await engine.store.reads.users.find(asked);
  if (user === undefined || user.tenantId !== tenant.id || user.disabledAt !== null) {
    throw new AppError('user_not_found');
  }
  return { user, email: await emailOf(engine, user) };
}

/** What is sealed of each of the users, in the same order. */
export async function profilesOf(engine: Engine, users: readonly User[]): Promise<UserProfile[]> {
  const profiles: UserProfile[] = [];
  for (const user of users) profiles.push({ user, email: await emailOf(engine, user) });
  return profiles;
}

/** Puts a user's e-mail where it belongs, as written. Does nothing where it is there, or the user disabled meanwhile. */
export async function sealEmail(engine: Engine, user: User, email: string): Promise<void> {
  const artifact = await engine.store.reads.artifacts.find(user.id, 'user');
  if (artifact === undefined || artifact.sealed !== null) return;
  const sealed = await unlessErased(async () => await sealJson(engine, artifact, { email: email.trim() }));
  if (sealed === null) return;
  await engine.store.write(async (tx) => {
    // Taken: whoever disables the user takes the artifact away.
    if ((await tx.users.find({ id: user.id }))?.disabledAt !== null) return;
    const now = await tx.artifacts.find(user.id, 'user');
    if (now?.slot === artifact.slot) await tx.artifacts.setSealed(artifact.slot, { sealed });
  });
}

async function emailOf(engine: Engine, user: User): Promise<string | null> {
  const artifact = await engine.store.reads.artifacts.find(user.id, 'user');
  if (artifact === undefined || artifact.sealed === null) return null;
  return await unlessErased(async () => (await openJson<{ email: string }>(engine, artifact)).email);
}

/** Null where the user was disabled since the artifact was read. */
async function unlessErased<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, 'key_destroyed')) throw error;
    return null;
  }
}

/** The row of what is personal about a user, before anything is sealed in it. */
function profileRow(slot: number, { tenantId, id }: User): Artifact {
  return { slot, tenantId, ownerId: id, kind: 'user', sealed: null, blob: null, blobBytes: null };
}

/** Hashes a password. Throws `input_invalid` for one that is empty or too long. */
async function hashed(engine: Engine, password: string): Promise<string> {
  if (password === '' || password.length > passwordLengthMax) {
    throw new AppError('input_invalid', { message: `A password has 1 to ${passwordLengthMax} characters` });
  }
  return await engine.access.hasher.hash(password);
}
