import { join } from 'node:path';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createClient } from '../../src/engine/access/clients.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { silentLog } from '../../src/lib/log.ts';
import { scopes } from '../../src/model/tenant.ts';
import type { Credentials } from './api-client.ts';
import type { Bench } from './benchmark.ts';
import { BulkLoader } from './bulk-loader.ts';
import { embeddedSink } from './bulk-sink.ts';

/** A home that no process has open, with one tenant and a client that may do everything. */
export type ArchiveHome = { home: string; credentials: Credentials };

/** Makes a home in the benchmark's folder and lets `fill` load it. When it resolves, everything has reached the disk. */
export async function makeHome(
  bench: Bench,
  name: string,
  fill: (loader: BulkLoader) => Promise<void>,
): Promise<ArchiveHome> {
  const home = join(bench.folder, name);
  const app = await openApp(readConfig({ TACET_HOME: home }), { log: silentLog });
  try {
    await app.prepare();
    const tenant = await createTenant(app.engine, { slug: 'bench', region: 'US' });
    const credentials = await createClient(app.engine, tenant, { scopes: [...scopes], actor: operator });
    await fill(new BulkLoader(app.engine, tenant, embeddedSink(app.engine.store, home)));
    return { home, credentials };
  } finally {
    await app.close();
    await bench.settle();
  }
}

/** The number of customer `index`: ten digits after +1, each customer's own. */
export function phoneOf(index: number): string {
  return `+1${2_120_000_000 + index}`;
}
