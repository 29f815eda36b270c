import { createHmac } from 'node:crypto';
import { emailValue } from '../../model/phone.ts';
import type { User } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { archiveOwner, ensureArchiveRow } from './signing-key.ts';

const kind = 'login-key';

/** The longest e-mail address, in characters: 64 before the @ and 255 behind it (RFC 5321, section 4.5.3.1). */
const emailLengthMax = 320;

/** What a user is looked up by has the size of an HMAC-SHA-256. */
export const loginBytes = 32;

/** The form in which users' e-mails are compared; undefined for text that is none of any user. */
export function loginValue(email: string): string | undefined {
  const value = emailValue(email);
  return value !== undefined && value.length <= emailLengthMax && /^[^\p{C}]+$/u.test(value) ? value : undefined;
}

/** What a user is looked up by, under the login key, which is made where there is none. */
export async function newLogin(engine: Engine, value: string): Promise<Buffer> {
  await ensureArchiveRow(engine, kind);
  return await loginUnder(engine, value);
}

/**
 * Who has this e-mail, oldest first: one user of each tenant at most; and the name under which it is counted who tries to log
 * in with it. The name is that of the e-mail, whoever has it: counts do not tell how many there are.
 */
export async function findLogin(engine: Engine, email: string): Promise<{ users: User[]; name: string }> {
  const value = loginValue(email);
  const { artifacts, users } = engine.store.reads;
  // Where there is no key there are no users, and who only asks must not make one.
  if (value === undefined || (await artifacts.find(archiveOwner, kind)) === undefined) return nobody;
  const login = await loginUnder(engine, value);
  return { users: await users.withLogin(login), name: loginName(login) };
}

/** With a blank, so that no client id is the same: those have none. */
export function loginName(login: Uint8Array): string {
  return `user ${Buffer.from(login).toString('base64url')}`;
}

/** Under which name a user's password is remembered. */
export function rememberedUser({ id, login }: Pick<User, 'id' | 'login'>): string {
  return `${loginName(login)} ${id}`;
}

const nobody = { users: [], name: 'user nobody' };

async function loginUnder(engine: Engine, value: string): Promise<Buffer> {
  const key = await engine.secrets.open(archiveOwner, kind);
  const login = createHmac('sha256', key).update(value).digest();
  key.fill(0);
  return login;
}
