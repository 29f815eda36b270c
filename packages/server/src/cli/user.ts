import { buffer } from 'node:stream/consumers';
import { Command } from 'commander';
import type { App } from '../app.ts';
import { parseScopes } from '../engine/access/clients.ts';
import { operator } from '../engine/access/operator.ts';
import { createUser, disableUser, profilesOf, rotateUser } from '../engine/access/users.ts';
import { AppError } from '../model/errors.ts';
import type { Surroundings } from './command-line.ts';
import { print, tenantBySlug, withApp } from './with-app.ts';

type CreateOptions = { tenant: string; email: string; scopes: string; passwordStdin?: boolean; json?: boolean };
type OneOptions = { tenant?: string; json?: boolean };
type PasswordOptions = OneOptions & { passwordStdin?: boolean };
type ListOptions = { tenant?: string; json?: boolean };

const ofWhichTenant = 'whose user it is; needed where users of several tenants have this e-mail';

/** `tacet user create | rotate | disable | list`. */
export function userCommands(around: Surroundings): Command {
  const user = new Command('user').description('Users: people who log in with e-mail and password');
  user
    .command('create')
    .requiredOption('--tenant <slug>')
    .requiredOption('--email <address>', 'what the user logs in with; no other user of the tenant has it')
    .requiredOption('--scopes <list>', 'comma-separated scopes, or all')
    .option('--password-stdin', 'take over a password that the user has already, read from standard input')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: CreateOptions) => {
      const asked = { email: options.email, scopes: parseScopes(options.scopes), ...(await takenOver(options)) };
      const made = await withApp(around, async (app) => {
        const tenant = await tenantBySlug(app, options.tenant);
        return await createUser(app.engine, tenant, { ...asked, actor: operator });
      });
      print(options.json, { email: options.email.trim(), password: made.password });
    });
  user
    .command('rotate')
    .description('another password; every token issued under the old one ends')
    .argument('<email>')
    .option('--tenant <slug>', ofWhichTenant)
    .option('--password-stdin', 'the new password, read from standard input; without it one is generated')
    .option('--json', 'one JSON document on standard output')
    .action(async (email: string, options: PasswordOptions) => {
      const asked = { email, actor: operator, ...(await takenOver(options)) };
      const { password } = await withApp(around, async (app) => {
        return await rotateUser(app.engine, { ...asked, ...(await tenantAsked(app, options)) });
      });
      print(options.json, { email: email.trim(), password });
    });
  user
    .command('disable')
    .description('end the password and every token of a user for good, and erase the e-mail')
    .argument('<email>')
    .option('--tenant <slug>', ofWhichTenant)
    .option('--json', 'one JSON document on standard output')
    .action(async (email: string, options: OneOptions) => {
      await withApp(around, async (app) => {
        await disableUser(app.engine, { email, actor: operator, ...(await tenantAsked(app, options)) });
      });
      print(options.json, { email: email.trim(), disabled: true });
    });
  user
    .command('list')
    .option('--tenant <slug>', 'only the users of this tenant')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: ListOptions) => {
      print(options.json, await withApp(around, async (app) => await shownUsers(app, options.tenant)));
    });
  return user;
}

/** Whose user it is, where that is said: e-mails are unique within a tenant. */
async function tenantAsked(app: App, { tenant }: OneOptions): Promise<{ tenantId?: string }> {
  return tenant === undefined ? {} : { tenantId: (await tenantBySlug(app, tenant)).id };
}

/** Users by tenant and number, the disabled without an e-mail. `id` is the number by which Twin24's clients know a user. */
async function shownUsers({ engine }: App, slug: string | undefined) {
  const tenants = await engine.store.reads.tenants.list();
  if (slug !== undefined && !tenants.some((one) => one.slug === slug)) throw new AppError('tenant_not_found');
  const shown: Record<string, unknown>[] = [];
  for (const tenant of tenants.filter((one) => slug === undefined || one.slug === slug)) {
    const users = await engine.store.reads.users.list(tenant.id);
    for (const { user, email } of await profilesOf(engine, users)) {
      const { number: id, scopes, disabledAt } = user;
      shown.push({ id, email, tenant: tenant.slug, scopes, disabled: disabledAt !== null });
    }
  }
  return shown;
}

/** A password to the byte, but for one line end that `echo` and editors put behind it. */
async function takenOver(options: { passwordStdin?: boolean }): Promise<{ password?: string }> {
  if (!options.passwordStdin) return {};
  const bytes = await buffer(process.stdin);
  try {
    // Logins come as JSON, so what is not UTF-8 could never be given there.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { password: text.replace(/\r?\n$/, '') };
  } catch {
    throw new AppError('input_invalid', { message: 'The password on standard input must be UTF-8' });
  }
}
