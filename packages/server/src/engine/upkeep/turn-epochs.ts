import { idTime } from '../../lib/ids.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';

/** However long the horizon is, an epoch that saw an erasure lives no longer than this. */
const dayMs = 24 * 3_600_000;

/** And no epoch is shorter than this, or a horizon of zero would re-encrypt every token after every erasure. */
const shortestMs = 10 * 60_000;

/** So far apart may the times of two machines lie, or of one before and after its clock was set right. */
const skewMs = 60_000;

/**
 * Turns the token epochs that are due: once per horizon, at least daily, where anything was erased under the epoch. An
 * old copy's tokens then die with the root keys that opened the old epoch's key, instead of living as long as their
 * tenant. A turn that a dead process left is finished first. Returns how many epochs were ended.
 */
export async function turnDueEpochs(engine: Engine): Promise<number> {
  let ended = 0;
  const failures: unknown[] = [];
  for (const tenant of await engine.store.reads.tenants.list()) {
    try {
      if (await turnWhereDue(engine, tenant)) ended += 1;
    } catch (error) {
      // One tenant's damage must not keep the tokens of the others alive.
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return ended;
}

async function turnWhereDue(engine: Engine, tenant: Tenant): Promise<boolean> {
  const [oldest, ...younger] = await engine.store.reads.tokens.epochs(tenant.id);
  if (oldest === undefined) return false;
  if (younger.length === 0) {
    if (!(await isDue(engine, tenant, idTime(oldest.id)))) return false;
    await engine.epochs.begin(tenant.id, { after: oldest.number });
  }
  await engine.epochs.finish(tenant.id, { signal: engine.stopping });
  engine.sealer.request();
  return true;
}

/**
 * True for an epoch that is old enough and saw an erasure. One whose birth lies in the future was born before the clock
 * was set back: neither its age nor what was erased since can be told from times, so any erasure of the tenant counts.
 */
async function isDue(engine: Engine, tenant: Tenant, begunAt: number): Promise<boolean> {
  const { erasures } = engine.store.reads;
  const age = engine.clock.now() - begunAt;
  if (age < -skewMs) return await erasures.anyShreddedSince(tenant.id, 0);
  if (age < Math.max(shortestMs, Math.min(engine.limits.horizonMs, dayMs))) return false;
  return await erasures.anyShreddedSince(tenant.id, begunAt - skewMs);
}
