import type { Engine } from '../context.ts';

/** No lease is longer, whatever a process is set to (`TACET_JOB_LEASE`, `TACET_UPLOAD_LEASE`, and app.ts for slots). */
const jobLeaseMsMax = 60_000;
const uploadLeaseMsMax = 60_000;
const reservationLeaseMsMax = 30_000;
/** A failed job waits no longer for its next attempt. */
const pauseMsMax = 5 * 60_000;
/** More than work at once; what is left over is found in the next round. */
const limit = 10_000;

/**
 * Shortens leases that end later than any lease can: they were taken before the clock was set back, and one of a dead
 * process would last as long as the clock was wrong. Each gets the longest length there is, from now on, so that a holder
 * that lives keeps it: it renews in a third of that. Returns how many were shortened.
 */
export async function shortenLeases(engine: Engine): Promise<number> {
  return (
    (await ofJobs(engine)) +
    (await ofUploads(engine)) +
    (await ofLateArtifacts(engine)) +
    (await ofAdding(engine)) +
    (await ofReservations(engine))
  );
}

/** Jobs too whose lease is over while their turn lies in that future: whoever held them is gone, so it is now. */
async function ofJobs(engine: Engine): Promise<number> {
  const now = engine.clock.now();
  const latest = now + jobLeaseMsMax;
  const leased = (await engine.store.reads.jobs.list({ unfinishedOnly: true, limit })).flatMap((job) =>
    job.leaseUntil === null ? [] : [{ job, until: job.leaseUntil }],
  );
  const late = leased.filter(({ until }) => until > latest);
  const orphaned = leased.filter(({ job, until }) => until <= now && job.runAt > now + pauseMsMax);
  if (late.length + orphaned.length === 0) return 0;
  return await engine.store.write(async (tx) => {
    let changed = 0;
    for (const { job } of late) if (await tx.jobs.renew(job, latest)) changed += 1;
    for (const { job } of orphaned) {
      if (!(await tx.jobs.fence(job))) continue;
      await tx.jobs.retry(job, now, job.lastError ?? 'lease_lost');
      changed += 1;
    }
    return changed;
  });
}

/** Until when an upload can be leased. This process's own lease is believed even where it is longer. */
function latestUpload({ clock, limits }: Engine): number {
  return clock.now() + Math.max(uploadLeaseMsMax, limits.uploadLeaseMs);
}

async function ofUploads(engine: Engine): Promise<number> {
  const latest = latestUpload(engine);
  const uploads = await engine.store.reads.calls.abandonedUploads(Number.MAX_SAFE_INTEGER, limit);
  const late = uploads.filter(({ uploadUntil }) => uploadUntil !== null && uploadUntil > latest);
  if (late.length === 0) return 0;
  return await engine.store.write(async (tx) => {
    let changed = 0;
    for (const { tenantId, id } of late) {
      const call = await tx.calls.find(tenantId, id);
      // Finished or renewed since.
      if (call === undefined || call.uploadUntil === null || call.uploadUntil <= latest) continue;
      await tx.calls.update(id, { uploadUntil: latest });
      changed += 1;
    }
    return changed;
  });
}

async function ofLateArtifacts(engine: Engine): Promise<number> {
  const latest = latestUpload(engine);
  const late = (await engine.store.reads.lateArtifacts.page(-1, limit)).filter(({ leaseUntil }) => leaseUntil > latest);
  if (late.length === 0) return 0;
  return await engine.store.write(async (tx) => {
    let changed = 0;
    for (const { slot } of late) if (await tx.lateArtifacts.renew(slot, latest)) changed += 1;
    return changed;
  });
}

/**
 * Candidates and tasks on their way have the time at which somebody was last at them in place of an end: one ahead of the
 * clock is now. Whoever still adds them renews them in a third of a lease.
 */
async function ofAdding(engine: Engine): Promise<number> {
  const { reads } = engine.store;
  const now = engine.clock.now();
  const ahead = [Number.MAX_SAFE_INTEGER, limit, { updatedAt: now + 1, id: '' }] as const;
  const candidates = await reads.candidates.unfinished(...ahead);
  const tasks = await reads.tasks.unfinished(...ahead);
  if (candidates.length + tasks.length === 0) return 0;
  await engine.store.write(async (tx) => {
    await tx.candidates.renew(
      candidates.map(({ id }) => id),
      now,
    );
    for (const { tenantId, id } of tasks) {
      if ((await tx.tasks.find(tenantId, id))?.status === 'ADDING') await tx.tasks.update(id, { updatedAt: now });
    }
  });
  return candidates.length + tasks.length;
}

async function ofReservations(engine: Engine): Promise<number> {
  const latest = engine.clock.now() + reservationLeaseMsMax;
  return await engine.store.keyStore.write(async (tx) => {
    const late = (await tx.findReservations('all')).filter(({ leaseUntil }) => leaseUntil > latest);
    for (const reservation of late) await tx.renewReservation({ ...reservation, leaseUntil: latest });
    return late.length;
  });
}
