import { type App, type AppParts, openApp } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import { AppError } from '../model/errors.ts';
import type { Tenant } from '../model/tenant.ts';
import type { Surroundings } from './command-line.ts';
import { faultsFrom } from './fault-injection.ts';

/** Opens the archive for one command and closes it again, sealing first if the command destroyed anything. */
export async function withApp<T>(
  around: Surroundings,
  work: (app: App, config: Config) => Promise<T>,
  parts: Pick<AppParts, 'meter'> = {},
): Promise<T> {
  const config = readConfig(withoutFaults(around.env));
  const app = await openApp(config, { ...parts, faults: faultsFrom(around.env) });
  try {
    await app.prepare();
    return await work(app, config);
  } finally {
    await app.close();
  }
}

/** The environment without the name that arms a fault: it is not a setting. */
export function withoutFaults(env: Surroundings['env']): Surroundings['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'TACET_FAULT'));
}

/** A tenant by its slug, or `tenant_not_found`. */
export async function tenantBySlug(app: App, slug: string): Promise<Tenant> {
  const tenant = await app.engine.store.reads.tenants.find({ slug });
  if (tenant === undefined) throw new AppError('tenant_not_found');
  return tenant;
}

/** One JSON document, or a few readable lines, on standard output. */
export function print(asJson: boolean | undefined, value: Record<string, unknown> | readonly unknown[]): void {
  if (asJson) process.stdout.write(`${JSON.stringify(value)}\n`);
  else for (const [name, text] of Object.entries(value)) process.stdout.write(`${name}: ${readable(text)}\n`);
}

function readable(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
