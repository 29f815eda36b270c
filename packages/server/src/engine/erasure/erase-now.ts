import { steadyMs } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import type { Erasure, ErasureAction } from '../../model/erasure.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Job } from '../../model/tenant.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { heldAmong } from '../holds/held-calls.ts';
import { withLease } from '../jobs/erasure-job.ts';
import { planErasure, startErasure } from './plan.ts';
import { completeErasure, shredErasure } from './run.ts';

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
  isStillSo?: (tx: StoreTx) => Promise<boolean>;
};

/** An erasure that has been started. */
export type Started = {
  erasure: Erasure;
  /** Of the calls asked for: those under hold. They are not part of the erasure; nothing is queued for them. */
  heldCallIds: ReadonlySet<string>;
  /**
   * Resolves when every key is destroyed, whoever did it in the end. Rejects when that cannot be waited for: the process
   * ends, nobody has got there in half a minute, or `beforeShredding` failed. The erasure goes on all the same.
   */
  shredded: Promise<void>;
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
 * nothing to do, every call being held or the list empty.
 */
export async function eraseNow(engine: Engine, caller: Caller, asked: EraseNow): Promise<Started | undefined> {
  requireScope(caller, 'erasures:execute');
  const callIds = [...new Set(asked.callIds)];
  const heldCallIds = await heldAmong(engine, engine.store.reads, caller.tenant.id, callIds);
  const free = callIds.filter((id) => !heldCallIds.has(id));
  if (free.length === 0) return undefined;
  const { action, keepRecording } = asked;
  const plan = { action, keepRecording, waitsForHolds: false, callIds: free };
  const erasure = await planErasure(engine, caller, plan);
  const owner = engine.processId;
  const runner = { owner, leaseMs: engine.limits.jobLeaseMs };
  const { jobId, leaseUntil } = await startErasure(engine, caller, erasure, runner, asked.isStillSo);
  const job: Job = {
    id: jobId,
    kind: 'erasure',
    payload: erasure.id,
    runAt: engine.clock.now(),
    attempts: 1,
    leaseOwner: owner,
    leaseUntil,
    lastError: null,
    finishedAt: null,
  };
  return { erasure, heldCallIds, ...runLeased(engine, job, asked.beforeShredding) };
}

function runLeased(engine: Engine, job: Job, first?: () => Promise<void>): Pick<Started, 'shredded' | 'ended'> {
  let shreddedIs: { resolve: () => void; reject: (error: unknown) => void };
  const shredded = new Promise<void>((resolve, reject) => {
    shreddedIs = { resolve, reject };
  });
  // Whoever does not wait for the shredding must not see its failure as an unhandled rejection.
  shredded.catch(() => undefined);
  const ended = withLease(engine, job, engine.stopping, async (run) => {
    await first?.().catch((error: unknown) => {
      shreddedIs.reject(error);
      throw error;
    });
    try {
      await shredErasure(engine, run);
      shreddedIs.resolve();
    } catch (error) {
      shreddedElsewhere(engine, job.payload, error).then(shreddedIs.resolve, shreddedIs.reject);
      throw error;
    }
    await completeErasure(engine, run);
  });
  engine.background.add(ended);
  void ended.finally(() => engine.background.delete(ended));
  return { shredded, ended };
}

/**
 * Resolves when the erasure's keys are destroyed, by a worker that took it over or by a later attempt: what failed here
 * is no answer to a request that others are just fulfilling. Throws `failure` when it does not come to that.
 */
async function shreddedElsewhere(engine: Engine, erasureId: string, failure: unknown): Promise<void> {
  const deadline = steadyMs() + elsewhereMsMax;
  while (steadyMs() < deadline && !engine.stopping.aborted) {
    const erasure = await engine.store.reads.erasures.find(erasureId);
    if (erasure !== undefined && erasure.shreddedAt !== null) return;
    await pause(elsewherePollMs);
  }
  throw failure;
}
