import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { createClient, disableClient, parseScopes, rotateClient } from '../engine/access/clients.ts';
import { operator } from '../engine/access/operator.ts';
import { AppError } from '../model/errors.ts';
import type { Surroundings } from './command-line.ts';
import { print, tenantBySlug, withApp } from './with-app.ts';

type CreateOptions = { tenant: string; scopes: string; clientId?: string; secretStdin?: boolean; json?: boolean };
type OneOptions = { tenant: string; json?: boolean };

/** `tacet client create | rotate | disable`. */
export function clientCommands(around: Surroundings): Command {
  const client = new Command('client').description('API clients: credentials of programs');
  client
    .command('create')
    .requiredOption('--tenant <slug>')
    .requiredOption('--scopes <list>', 'comma-separated scopes, or all')
    .option('--client-id <id>', 'take over an id that the program has already')
    .option('--secret-stdin', 'take over its secret, read from standard input')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: CreateOptions) => {
      const scopes = parseScopes(options.scopes);
      const takeOver = await takenOver(options);
      const made = await withApp(around, async (app) => {
        const tenant = await tenantBySlug(app, options.tenant);
        return await createClient(app.engine, tenant, { scopes, actor: operator, ...(takeOver && { takeOver }) });
      });
      print(options.json, { ...made, expiresAt: new Date(made.expiresAt).toISOString() });
    });
  client
    .command('rotate')
    .argument('<client-id>')
    .requiredOption('--tenant <slug>')
    .option('--json', 'one JSON document on standard output')
    .action(async (clientId: string, options: OneOptions) => {
      const made = await withApp(around, async (app) => {
        return await rotateClient(app.engine, await tenantBySlug(app, options.tenant), clientId, operator);
      });
      print(options.json, { ...made, expiresAt: new Date(made.expiresAt).toISOString() });
    });
  client
    .command('disable')
    .argument('<client-id>')
    .requiredOption('--tenant <slug>')
    .option('--json', 'one JSON document on standard output')
    .action(async (clientId: string, options: OneOptions) => {
      await withApp(around, async (app) => {
        await disableClient(app.engine, await tenantBySlug(app, options.tenant), clientId, operator);
      });
      print(options.json, { clientId, disabled: true });
    });
  return client;
}

/** Both or neither: an id without its secret, or a secret without its id, is a mistake. */
async function takenOver(options: CreateOptions): Promise<{ clientId: string; secret: string } | undefined> {
  if (options.clientId === undefined && !options.secretStdin) return undefined;
  if (options.clientId === undefined || !options.secretStdin) {
    throw new AppError('input_invalid', { message: '--client-id and --secret-stdin go together' });
  }
  return { clientId: options.clientId, secret: (await text(process.stdin)).replace(/\r?\n$/, '') };
}
