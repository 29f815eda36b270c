/** A process that archives one call under a key in the home below FOLDER, and is killed on the way by `TACET_FAULT`. */
import { openApp } from '../../src/app.ts';
import { faultsFrom } from '../../src/cli/fault-injection.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { silentLog } from '../../src/lib/log.ts';
import { sendKeyed } from './keyed-call.ts';
import { callerOf, lifeConfig, tenantSlug } from './life.ts';

const [folder = ''] = process.argv.slice(2);
const app = await openApp(lifeConfig(folder), { faults: faultsFrom(process.env), log: silentLog });
await app.prepare();
const tenant = await createTenant(app.engine, { slug: tenantSlug, region: 'US' });
await sendKeyed(app.engine, callerOf(tenant));
await app.close();
