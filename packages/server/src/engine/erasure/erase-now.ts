import { steadyMs } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import type { Erasure, ErasureAction } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { Job } from '../../model/tenant.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { startGuarded } from '../guard/pass-guard.ts';
import { heldAmong } from '../holds/held-calls.ts';
import { withLease } from '../jobs/erasure-job.ts';
import type { StartedErasure, StillSo } from './plan.ts';
import { completeErasure, type HowShredded, shredErasure } from './run.ts';

/** Longer than any request waits for its answer. */
const elsewhereMsMax = 30_000;
const elsewherePollMs = 50;

/** What a vendor request asks for: these calls, at once. Their ids have been resolved within the tenant. */
export type EraseNow = {
  action: ErasureAction;
  keepRecording: boolean;
  callIds: readonly string[];
  /** Runs once the gate stands and before any key is destroyed: the last look at what the answer must name. */
  beforeShredding?: () => Promise<void>;
  /** Asked in the commit of the gate: false calls it off, with `plan_changed`. */
  isStillSo?: StillSo;
  /** The candidate among them. With one, any that is held refuses all: nothing is planned, and `item_held` is thrown. */
  candidateId?: string;
};

/** An erasure that has been started. */
export type Started = {
  erasure: Erasure;
  /** Of what was asked for: those under hold. They are not part of the erasure; nothing is queued for them. */
  heldCallIds: ReadonlySet<string>;
  /**
   * Resolves when every key is destroyed, whoever did it in the end. Rejects when that cannot be waited for: the process
   * ends, nobody has got there in half a minute, or `beforeShredding` failed. The erasure goes on all the same.
   */
  shredded: Promise<HowShredded>;
  /** Resolves when this process is done with it, whatever came of it. */
  ended: Promise<void>;
};

/** Which of the calls a purge would refuse. For previews. */
export async function previewHolds(engine: Engine, caller: Caller, callIds: readonly string[]): Promise<Set<string>> {
  requireScope(caller, 'erasures:preview', 'erasures:execute');
  return await heldAmong(engine, engine.store.reads, caller.tenant.id, callIds);
}

/**
 * Plans and starts an erasure and runs it in this process, under a lease that another worker takes over if this process
 * dies. Resolves once the gate stands: from then on no surface returns what is being erased. Undefined when there is
 * nothing to do, every call being held or the list empty. Throws `approval_required` where it reaches so much that a second
 * actor has to approve it first: then it is planned, and nothing is erased.
 */
export async function eraseNow(engine: Engine, caller: Caller, asked: EraseNow): Promise<Started | undefined> {
  requireScope(caller, 'erasures:execute');
  const callIds = [...new Set(asked.callIds)];
  const heldCallIds = await heldAmong(engine, engine.store.reads, caller.tenant.id, callIds);
  const { action, keepRecording, candidateId } = asked;
  if (candidateId !== undefined && heldCallIds.size > 0) throw new AppError('item_held');
  const free = callIds.filter((id) => !heldCallIds.has(id));
  if (free.length === 0) return undefined;
  const what = { action, keepRecording, waitsForHolds: false, callIds: free };
  const plan = candidateId === undefined ? what : { ...what, candidateId };
  const runner = { owner: engine.processId, leaseMs: engine.limits.jobLeaseMs };
  const started = await startGuarded(engine, caller, plan, runner, asked.isStillSo);
  const { erasure } = started;
  return { erasure, heldCallIds, ...runLeased(engine, started, asked.beforeShredding) };
}

/**
 * Runs an erasure that has been started, in this process and under its lease; another worker takes over if this process dies.
 * `first` runs before any key is destroyed.
 */
export function runLeased(
  engine: Engine,
  { erasure, jobId, leaseUntil, items }: StartedErasure,
  first?: () => Promise<void>,
): Pick<Started, 'shredded' | 'ended'> {
  const job: Job = {
    id: jobId,
    kind: 'erasure',
    payload: erasure.id,
    runAt: engine.clock.now(),
    attempts: 1,
    leaseOwner: engine.processId,
    leaseUntil,
    lastError: null,
    finishedAt: null,
  };
  let shreddedIs: { resolve: (how: HowShredded) => void; reject: (error: unknown) => void };
  const shredded = new Promise<HowShredded>((resolve, reject) => {
    shreddedIs = { resolve, reject };
  });
  // Whoever does not wait for the shredding must not see its failure as an unhandled rejection.
  shredded.catch(() => undefined);
  const ended = withLease(engine, job, engine.stopping, async (run) => {
    await first?.().catch((error: unknown) => {
      shreddedIs.reject(error);
      throw error;
    });
    let how: HowShredded;
    try {
      how = await shredErasure(engine, run, items && { erasure, items });
      shreddedIs.resolve(how);
    } catch (error) {
      shreddedElsewhere(engine, job.payload, error).then(shreddedIs.resolve, shreddedIs.reject);
      throw error;
    }
    if (how.isSmall) await engine.completions.add({ erasure, run });
    else await completeErasure(engine, run);
  });
  engine.background.add(ended);
  void ended.finally(() => engine.background.delete(ended));
  return { shredded, ended };
}

/**
 * Resolves when the erasure's keys are destroyed, by a worker that took it over or by a later attempt: what failed here
 * is no answer to a request that others are just fulfilling. Throws `failure` when it does not come to that.
 */
async function shreddedElsewhere(engine: Engine, erasureId: string, failure: unknown): Promise<HowShredded> {
  const deadline = steadyMs() + elsewhereMsMax;
  while (steadyMs() < deadline && !engine.stopping.aborted) {
    const erasure = await engine.store.reads.erasures.find(erasureId);
    if (erasure !== undefined && erasure.shreddedAt !== null) return { isSmall: false, areAll: false };
    await pause(elsewherePollMs);
  }
  throw failure;
}
