import { nextTurn } from '../../lib/next-turn.ts';
import type { CallKind } from '../../model/call.ts';
import type { Erasure } from '../../model/erasure.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import { scopes, type Tenant } from '../../model/tenant.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Caller, Engine } from '../context.ts';
import { type NewErasure, planAndStart, type Runner, startErasure } from '../erasure/plan.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { needsApproval } from '../guard/needs-approval.ts';
import { isPending, planForApproval } from '../guard/plan-for-approval.ts';
import { collectOutlived } from './collect-outlived.ts';
import { changedAt, inForce, isOutlived, retainedKinds, type Span, spansOf } from './in-force.ts';
import { takeRetentions } from './set-retention.ts';
import { hasRetainedCall, waitingPlan } from './waiting-plan.ts';

/** Calls of one erasure that needs nobody's approval: so many are planned, and started, in one commit. */
const perErasure = 1000;
/** Nobody runs it yet: any worker may take it at once. */
const anybody: Runner = { owner: 'retention', leaseMs: 0 };

/** One tenant's calls of one kind. */
type Subject = { caller: Caller; kind: CallKind };

/**
 * Erases calls that have outlived what their tenant's retention says, as the actor `policy`: ordinary purges, which the
 * workers run. Calls under hold are left until they are released. What the guard stops waits as one plan for each tenant and
 * kind, and nothing else of that kind is erased meanwhile; once somebody has approved it, the next round starts it.
 *
 * Any number of processes may do it at the same time. Returns how many calls were given to erasures. One tenant's failure
 * does not keep the others from their turn; it is thrown in the end.
 */
export async function applyRetention(engine: Engine): Promise<number> {
  let calls = 0;
  const failures: unknown[] = [];
  for (const tenant of await engine.store.reads.tenants.list()) {
    const caller = policyOf(tenant);
    for (const kind of retainedKinds) {
      if (engine.stopping.aborted) return calls;
      try {
        calls += await applyTo(engine, { caller, kind });
      } catch (error) {
        failures.push(error);
      }
    }
  }
  if (calls > 0) engine.nudge();
  if (failures.length > 0) throw failures[0];
  return calls;
}

function policyOf(tenant: Tenant): Caller {
  return { tenant, actor: { kind: 'policy', id: 'retention' }, scopes: new Set(scopes) };
}

async function applyTo(engine: Engine, subject: Subject): Promise<number> {
  const { tenant } = subject.caller;
  const now = engine.clock.now();
  const retentions = inForce(await engine.store.reads.retention.ofTenant(tenant.id), subject.kind, now);
  const spans = spansOf(retentions, now);
  const waiting = await waitingPlan(engine, engine.store.reads, tenant.id, subject.kind);
  if (waiting !== undefined) return await goOn(engine, subject, waiting, changedAt(retentions));
  if (spans.every(({ before }) => before === null)) return 0;
  const { ids, count } = await collectOutlived(engine, { tenantId: tenant.id, kind: subject.kind, spans, now });
  if (await needsApproval(engine, engine.store.reads, tenant.id, count)) {
    await leaveToApprove(engine, subject, ids, count);
    return 0;
  }
  let started = 0;
  for (let from = 0; from < ids.length && !engine.stopping.aborted; from += perErasure) {
    started += await erase(engine, subject, ids.slice(from, from + perErasure));
    await nextTurn();
  }
  return started;
}

/**
 * Plans and starts one erasure, unless any of its calls is not to be erased any more: a retention or a call was changed
 * since they were found, or another process came first. Then the next round looks again.
 */
async function erase(engine: Engine, { caller, kind }: Subject, callIds: readonly string[]): Promise<number> {
  const tenantId = caller.tenant.id;
  try {
    await planAndStart(engine, caller, purgeOf(callIds), anybody, async (tx) => {
      const now = engine.clock.now();
      const spans: Span[] = spansOf(inForce(await takeRetentions(tx, tenantId, kind), kind, now), now);
      const calls = await tx.calls.findMany(tenantId, callIds);
      if (calls.length < callIds.length) return false;
      if (!calls.every((call) => isOutlived(call, kind, spans, now))) return false;
      return (await gatedByPurge(tx, callIds)).size === 0;
    });
    return callIds.length;
  } catch (error) {
    if (hasCode(error, 'plan_changed')) return 0;
    throw error;
  }
}

async function leaveToApprove(
  engine: Engine,
  { caller, kind }: Subject,
  callIds: readonly string[],
  count: number,
): Promise<void> {
  const tenantId = caller.tenant.id;
  const { erasure, isNew } = await planForApproval(engine, caller, purgeOf(callIds), {
    lock: { tenantId, what: 'retention', digest: kind },
    find: async (on) => await waitingPlan(engine, on, tenantId, kind),
  });
  if (isNew) engine.log.warn('retention.needs_approval', { tenantId, kind, erasureId: erasure.id, calls: count });
}

/**
 * Starts the plan that waits, if somebody has approved it or the guard lets it pass by now. One that is not what the
 * retention says any more is called off, and another takes its place.
 */
async function goOn(engine: Engine, subject: Subject, plan: Erasure, policyAt: number): Promise<number> {
  const { caller, kind } = subject;
  if (policyAt > plan.createdAt || (await hasRetainedCall(engine, plan))) {
    await callOff(engine, caller, plan);
    return await applyTo(engine, subject);
  }
  const calls = plan.counts?.items ?? 0;
  const mayPass = plan.approval !== null || !(await needsApproval(engine, engine.store.reads, caller.tenant.id, calls));
  if (!mayPass) return 0;
  try {
    await startErasure(engine, caller, plan, anybody, async (tx) => {
      const now = engine.clock.now();
      const retentions = inForce(await takeRetentions(tx, caller.tenant.id, kind), kind, now);
      if (isPending(plan, now) && changedAt(retentions) <= plan.createdAt) return true;
      throw new AppError('plan_changed');
    });
    return calls;
  } catch (error) {
    // Changed just now, and called off in the next round; or somebody else has started it.
    if (hasCode(error, 'plan_changed') || hasCode(error, 'erasure_state')) return 0;
    throw error;
  }
}

/** The retention was changed since the plan was made, or one of its calls is to be kept for longer by itself. */
async function callOff(engine: Engine, caller: Caller, { id }: Erasure): Promise<void> {
  await engine.store.write(async (tx) => {
    if (!(await tx.erasures.cancel(id, 'plan_changed'))) return;
    await tx.audit.append(auditEntry(engine, caller, 'erasure.cancelled', id, { reason: 'plan_changed' }));
  });
}

/**
 * It does not wait for what a hold has come to cover: by the release its call may have to be kept for longer, and the next
 * round asks that anew.
 */
function purgeOf(callIds: readonly string[]): NewErasure {
  return { action: 'purge', keepRecording: false, waitsForHolds: false, callIds };
}
