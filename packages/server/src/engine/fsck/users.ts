import { hasCode } from '../../model/errors.ts';
import type { User } from '../../model/tenant.ts';
import { findLogin } from '../access/logins.ts';
import { archiveOwner } from '../access/signing-key.ts';
import { openJson } from '../artifacts.ts';
import { type Look, paged, pageSize } from './look.ts';

/**
 * Every user has a tenant and, until disabled, a place for the e-mail; and there is the key that their e-mails are looked up
 * under. In a deep look, what is sealed there is the e-mail that the user logs in with. It may not be there yet: it comes with
 * the next login.
 */
export async function checkUsers(look: Look): Promise<void> {
  const hasLoginKey = (await look.reads.artifacts.find(archiveOwner, 'login-key')) !== undefined;
  let users = 0;
  const read = async (afterNumber: number) => await look.reads.users.page(afterNumber, pageSize);
  for await (const page of paged(0, read, (last: User) => last.number)) {
    users += page.length;
    for (const user of page) await checkUser(look, user, { hasLoginKey });
  }
  look.findings.count('users', users);
  if (users > 0 && !hasLoginKey) look.findings.problem('login_key_missing', 'login-key');
}

async function checkUser(look: Look, user: User, { hasLoginKey }: { hasLoginKey: boolean }): Promise<void> {
  const { id, tenantId, disabledAt } = user;
  if (look.isDeep) look.findings.ofTenant(tenantId).users += 1;
  const artifact = await look.reads.artifacts.find(id, 'user');
  const hasTenant = look.tenants.some((tenant) => tenant.id === tenantId);
  const hasPlace = disabledAt !== null || artifact?.tenantId === tenantId;
  if (!hasTenant || !hasPlace) look.findings.problem('user_incomplete', `user ${id}`);
  if (!look.isDeep || !hasLoginKey || disabledAt !== null || artifact === undefined || artifact.sealed === null) return;
  try {
    const { email } = await openJson<{ email: string }>(look.engine, artifact);
    const { users: found } = await findLogin(look.engine, email);
    if (!found.some((one) => one.id === id)) look.findings.problem('user_login_differs', `user ${id}`);
  } catch (error) {
    // What does not open is told by the checks of what it hangs on.
    if (!hasCode(error, 'damage') && !hasCode(error, 'key_destroyed')) throw error;
  }
}
