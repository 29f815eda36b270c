import { Command } from 'commander';
import { createTenant } from '../engine/access/create-tenant.ts';
import type { Surroundings } from './command-line.ts';
import { print, withApp } from './with-app.ts';

/** `tacet tenant create SLUG`, `tacet tenant list`. */
export function tenantCommands(around: Surroundings): Command {
  const tenant = new Command('tenant').description('Tenants: customer organisations whose calls never mix');
  tenant
    .command('create')
    .argument('<slug>', 'lower-case name, for example acme')
    .option('--region <country>', 'country in which numbers without a country code are read', 'US')
    .option('--json', 'one JSON document on standard output')
    .action(async (slug: string, options: { region: string; json?: boolean }) => {
      const made = await withApp(
        around,
        async (app) => await createTenant(app.engine, { slug, region: options.region }),
      );
      print(options.json, { id: made.id, slug: made.slug, region: made.region, companyId: made.number });
    });
  tenant
    .command('list')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      const all = await withApp(around, async (app) => await app.engine.store.reads.tenants.list());
      const shown = all.map(({ id, slug, region, number }) => ({ id, slug, region, companyId: number }));
      print(options.json, shown);
    });
  return tenant;
}

/** `tacet migrate`: creates and migrates a missing or old home, and says what it did. */
export function migrateCommand(around: Surroundings): Command {
  return new Command('migrate')
    .description('Create or migrate the database; every other command does it too')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      const applied = await withApp(around, async (app) => app.migrated);
      print(options.json, { applied, ready: true });
    });
}
