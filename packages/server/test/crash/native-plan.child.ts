/**
 * A process that archives three calls of one person in the home below FOLDER, plans their erasure and executes the plan, and
 * is killed on the way by `TACET_FAULT`. With a URL, over that database.
 */
import { openApp } from '../../src/app.ts';
import { faultsFrom } from '../../src/cli/fault-injection.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { createPlan } from '../../src/engine/plans/create-plan.ts';
import { executePlan } from '../../src/engine/plans/execute-plan.ts';
import { findErasure } from '../../src/engine/plans/read-erasure.ts';
import { silentLog } from '../../src/lib/log.ts';
import { archive, callerOf, lifeConfig, tenantSlug } from './life.ts';
import { planned, plannedPhone } from './native-plan.ts';
import { untilQuiet } from './quiet.ts';

const [folder = '', database] = process.argv.slice(2);
const config = lifeConfig(folder, database === undefined ? {} : { TACET_DATABASE_URL: database });
const app = await openApp(config, { faults: faultsFrom(process.env), log: silentLog });
await app.prepare();
const { engine } = app;
const caller = callerOf(await createTenant(engine, { slug: tenantSlug, region: 'US' }));
for (const call of planned) await archive(engine, caller, call);
const named = [{ kind: 'phone', given: plannedPhone }] as const;
const id = await createPlan(engine, caller, { action: 'purge', keepRecording: false, named });
await executePlan(engine, caller, id, { digest: (await findErasure(engine.store.reads, caller, id)).digest });
await untilQuiet(engine);
await app.close();
