/**
 * A process that makes a candidate with two calls in the home below FOLDER and uses methods of Twin24's on it: `ONE TWO ...`,
 * each to its end before the next begins.
 *
 * Under `TACET_FAULT` it is killed on the way. Lives it to the end, it prints as JSON how often it came to each fault point.
 */
import { openApp } from '../../src/app.ts';
import { faultsFrom } from '../../src/cli/fault-injection.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import type { Faults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { callCandidate, newCandidate } from '../fsck/lived-campaign.ts';
import { erase, type MethodStage, stageStates } from '../support/method-stage.ts';
import type { ErasingMethod } from '../support/twin-erasing.ts';
import { callerOf, lifeConfig, tenantSlug } from './life.ts';
import { methodLedger } from './method-ledger.ts';
import { untilQuiet } from './quiet.ts';

const [folder = '', ...methods] = process.argv.slice(2);
const ledger = methodLedger(folder);
const reached: Record<string, number> = {};
const armed = faultsFrom(process.env);
const faults: Faults = {
  at(point) {
    reached[point] = (reached[point] ?? 0) + 1;
    return armed.at(point);
  },
};

const app = await openApp(lifeConfig(folder), { faults, log: silentLog });
await app.prepare();
app.startBackground(1);
const { engine } = app;
const caller = callerOf(await createTenant(engine, { slug: tenantSlug, region: 'US' }));
const stage = await makeStage();
ledger.tell({ did: 'made', stage, states: await stageStates(engine, caller.tenant.id, stage) });
// The test names them.
for (const method of methods as ErasingMethod[]) {
  await erase(engine, caller, method, stage);
  ledger.tell({ did: 'answered', method });
  await Promise.all(engine.background);
  await untilQuiet(engine);
}
await app.close();
process.stdout.write(JSON.stringify(reached));

async function makeStage(): Promise<MethodStage> {
  const phone = '512 555 0301';
  const task = await createTask(engine, caller, { name: 'spring', settings: {}, botId: null });
  const [candidate = ''] = await addCandidates(engine, caller, [newCandidate(task, 'c', [phone])], { start: true });
  const [callId, otherId] = [await call(), await call()];
  return { callId, candidateId: candidate, otherId };

  async function call(): Promise<string> {
    return await callCandidate(engine, caller, { task, candidate, phone });
  }
}
