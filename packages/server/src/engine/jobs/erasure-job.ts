import { AppError, codeOf } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Job } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { afterLockMs, refuseWhileLocked, waitsForLock } from '../erasure/locked.ts';
import { completeErasure, type Run, shredErasure } from '../erasure/run.ts';

/** Pauses before the next attempt: doubling from a quarter of a second up to five minutes. */
const firstPauseMs = 250;
export const longestPauseMs = 5 * 60_000;

/** How long to wait after this many attempts. */
function pauseAfter(attempts: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.max(0, Math.min(attempts, 30) - 1));
}

/** Runs one claimed erasure job to its end, or puts it back with a code and a later time. Never throws. */
export async function runErasureJob(engine: Engine, job: Job, stop: AbortSignal): Promise<void> {
  await withLease(engine, job, stop, async (run) => {
    await refuseWhileLocked(engine, run.erasureId);
    await shredErasure(engine, run);
    await completeErasure(engine, run);
  });
}

/**
 * Runs `work` under a job's lease: renews it, aborts the work when it is lost, finishes the job when the work is done,
 * puts it back when it failed or was stopped. Never throws.
 */
export async function withLease(
  engine: Engine,
  job: Job,
  stop: AbortSignal,
  work: (run: Run) => Promise<void>,
): Promise<void> {
  // Not AbortSignal.any: what it makes stays noted in `stop`, which lives as long as the process.
  const stopped = new AbortController();
  const passOn = () => stopped.abort(stop.reason);
  stop.addEventListener('abort', passOn, { once: true });
  if (stop.aborted) passOn();
  const renewing = setInterval(() => void renew(engine, job, stopped), engine.limits.jobLeaseMs / 3);
  renewing.unref();
  const fence: Run['fence'] = async (tx) => {
    if (!(await tx.jobs.fence(job))) throw new AppError('lease_lost');
  };
  const end = { isFinished: false };
  const finish: Run['finish'] = async (tx) => {
    await tx.jobs.finish(job, engine.clock.now());
    end.isFinished = true;
  };
  const run: Run = { erasureId: job.payload, fence, finish, signal: stopped.signal };
  try {
    await work(run);
    if (!end.isFinished) await engine.store.write(finish);
  } catch (error) {
    await putBack(engine, job, error, run);
  } finally {
    clearInterval(renewing);
    stop.removeEventListener('abort', passOn);
  }
}

async function renew(engine: Engine, job: Job, lost: AbortController): Promise<void> {
  try {
    // Counted from the commit: a write may wait for longer than a lease lasts.
    const stands = await engine.store.write(
      async (tx) => await tx.jobs.renew(job, engine.clock.now() + engine.limits.jobLeaseMs),
    );
    if (!stands) lost.abort(new AppError('lease_lost'));
  } catch (error) {
    engine.log.warn('job.renew_failed', { jobId: job.id, code: codeOf(error) });
  }
}

async function putBack(engine: Engine, job: Job, error: unknown, { released }: Run): Promise<void> {
  const code = codeOf(error);
  // Of what waits is told once: a hold may last for years.
  const isTold = code === 'item_held' && job.lastError === code;
  if (code !== 'lease_lost' && !isTold)
    engine.log.warn('job.failed', { jobId: job.id, code, attempt: job.attempts, detail: detailOf(error) });
  try {
    const runAt = engine.clock.now() + (code === 'lease_lost' ? 0 : await pauseOf(engine, job));
    await engine.store.write(async (tx) => {
      // A hold that was released since this run looked at it has hastened nothing: the job was not yet put off.
      const isFreed = code === 'item_held' && (await isAnyReleased(tx, released));
      await tx.jobs.retry(job, isFreed ? engine.clock.now() : runAt, code);
    });
  } catch (failure) {
    if (codeOf(failure) === 'lease_lost') engine.meter.count('tacet_job_leases_lost_total', {});
    // The lease ends by itself; whoever takes the job over sees the same rows.
    engine.log.warn('job.put_back_failed', { jobId: job.id, code: codeOf(failure) });
  }
}

/** True where a hold was released since. Until this transaction has ended, none is: whoever releases the next finds the job put off. */
async function isAnyReleased(tx: StoreTx, since: Run['released']): Promise<boolean> {
  if (since === undefined) return false;
  await tx.holds.lock(since.tenantId, 'shared');
  return (await tx.holds.countReleased(since.tenantId)) > since.count;
}

/** Bytes that are locked are tried for when the first lock ends; the worker looks after the longest pause in any case. */
async function pauseOf(engine: Engine, job: Job): Promise<number> {
  const until = await waitsForLock(engine, job.payload);
  if (until === undefined) return pauseAfter(job.attempts);
  return Math.min(longestPauseMs, Math.max(firstPauseMs, until + afterLockMs - engine.clock.now()));
}

function detailOf(error: unknown): string | undefined {
  return error instanceof AppError ? error.detail : error instanceof Error ? error.name : undefined;
}
