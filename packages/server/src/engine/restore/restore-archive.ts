import { restoreDatabase } from '../../keys/restore.ts';
import { newId } from '../../lib/ids.ts';
import { codeOf } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Head } from '../../model/vault.ts';
import { destroyUpload } from '../archive/abandoned-uploads.ts';
import { markBlobs } from '../archive/own-blobs.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { journalRestoredHeads } from '../audit/journaled-heads.ts';
import { endLateArtifact } from '../calls/late-artifacts.ts';
import type { Engine } from '../context.ts';
import { completeErasure } from '../erasure/run.ts';
import { replay } from './replay.ts';
import { mendReasons } from './replay-holds.ts';
import { restorer } from './replay-items.ts';
import { emptyReport, type RestoreReport } from './report.ts';
import { callsWithoutBytes, sweepBytes } from './sweep.ts';

/** Uploads, or artifacts on their way, ended in one go. */
const batch = 500;

/**
 * Makes the archive fit for use after its database was replaced by a copy: everything that the vault's journal tells of
 * and the database does not know is done again, and what the rows no longer name is destroyed. Nobody else may work on
 * the archive meanwhile; a durable mark keeps everybody else out until it has come to its end, and a restore that died
 * is begun anew.
 *
 * @param say told of every stage, for the operator who waits.
 */
export async function restoreArchive(engine: Engine, say: (stage: string) => void): Promise<RestoreReport> {
  const report = emptyReport();
  say('replaying the journal');
  const { slotsDestroyed, sealed } = await restoreDatabase<StoreTx>({
    store: { reads: engine.store.reads.keys, write: (work) => engine.store.write(work) },
    vault: engine.vault,
    tree: engine.tree,
    rootKeys: engine.rootKeys,
    clock: engine.clock,
    faults: engine.faults,
    replay: async (tx, entries) => await replay(engine, tx, entries, report),
    async turnEpochs(isTold) {
      say('ending what was under way');
      await freeJobs(engine);
      await callOffPlans(engine);
      report.uploadsEnded = (await endUploads(engine)) + (await endLateArtifacts(engine));
      say('re-encrypting tokens under new epochs');
      for (const tenant of await engine.store.reads.tenants.list()) await engine.epochs.turn(tenant.id, { isTold });
      await mendReasons(engine);
      await journalRestoredHeads(engine);
      await engine.issuer.close();
    },
    finish: async (head) => await finish(engine, head, report, say),
  });
  Object.assign(report, { slotsDestroyed, generation: sealed.generation, sealedAt: sealed.sealedAt });
  return report;
}

/** Takes jobs from processes that went with the database, so that nobody waits for their leases. */
async function freeJobs(engine: Engine): Promise<void> {
  const jobs = await engine.store.reads.jobs.list({ unfinishedOnly: true, limit: Number.MAX_SAFE_INTEGER });
  for (const job of jobs.filter(({ leaseOwner }) => leaseOwner !== null)) {
    await engine.store.write(async (tx) => await tx.jobs.retry(job, engine.clock.now(), 'lease_lost'));
  }
}

/**
 * Calls off the plans of vendors and retentions that wait, approved or not: nothing tells of one that was called off, or executed
 * in vain, after the copy was made. Whoever still wants it asks again. A native one has its subject, whose end is journaled.
 */
async function callOffPlans(engine: Engine): Promise<void> {
  for (let afterId = ''; ; ) {
    const page = await engine.store.reads.erasures.page(afterId, batch);
    const last = page.at(-1);
    if (last === undefined) return;
    const planned = page.filter(({ state }) => state === 'planned').map(({ id }) => id);
    const named = await engine.store.reads.artifacts.findMany(planned, 'erasure-subject');
    const subjects = new Set(named.map(({ ownerId }) => ownerId));
    for (const { id, tenantId } of page.filter((plan) => planned.includes(plan.id) && !subjects.has(plan.id))) {
      await engine.store.write(async (tx) => {
        if (!(await tx.erasures.cancel(id, 'plan_changed'))) return;
        const who = { actor: restorer, tenantId };
        await tx.audit.append(auditEntry(engine, who, 'erasure.cancelled', id, { reason: 'plan_changed' }));
      });
    }
    afterId = last.id;
  }
}

/** Ends every upload that was under way: whoever sent it talks to a server that is gone. */
async function endUploads(engine: Engine): Promise<number> {
  let ended = 0;
  for (let seen = new Set<string>(); ; ) {
    const uploads = await engine.store.reads.calls.abandonedUploads(Number.MAX_SAFE_INTEGER, seen.size + batch);
    const fresh = uploads.filter((call) => !seen.has(call.id));
    if (fresh.length === 0) return ended;
    for (const { id, tenantId } of fresh) {
      await engine.store.write(async (tx) => await tx.calls.update(id, { uploadUntil: engine.clock.now() }));
      // One that a purge has met, or is about to meet, stays until that purge has; its lease is over now.
      const isDoomed = (await engine.store.reads.calls.find(tenantId, id))?.isUploadDoomed === true;
      if (!isDoomed && (await destroyUpload(engine, tenantId, id)) === 'destroyed') ended += 1;
    }
    seen = new Set(uploads.map((call) => call.id));
  }
}

/** The same for what was on its way to a call that is here already. */
async function endLateArtifacts(engine: Engine): Promise<number> {
  let ended = 0;
  for (let afterSlot = -1; ; ) {
    const page = await engine.store.reads.lateArtifacts.page(afterSlot, batch);
    const last = page.at(-1);
    if (last === undefined) return ended;
    for (const late of page) if (await endLateArtifact(engine, late)) ended += 1;
    afterSlot = last.slot;
  }
}

async function finish(engine: Engine, sealed: Head, report: RestoreReport, say: (stage: string) => void) {
  say('removing and verifying what was erased again');
  await verifyReplayed(engine, sealed, report);
  say('sweeping bytes that no row names');
  const { swept, stuck } = await sweepBytes(engine);
  report.bytesSwept = swept;
  report.unverified += stuck;
  report.callsWithoutBytes = await callsWithoutBytes(engine);
  // Not sooner: until the restore is done, nobody may take an empty folder for the archive's.
  await markBlobs(engine);
  const detail = { entries: report.entries, items: report.items.length, verified: report.verified };
  const who = { actor: restorer, tenantId: null };
  await engine.store.write(
    async (tx) => await tx.audit.append(auditEntry(engine, who, 'archive.restored', null, detail)),
  );
}

/**
 * Removes the bytes of every replayed item and verifies it. What will not go keeps nobody from the archive, since its
 * keys are destroyed and sealed: a worker goes on with it.
 */
async function verifyReplayed(engine: Engine, sealed: Head, report: RestoreReport): Promise<void> {
  const running = await engine.store.reads.erasures.open(Number.MAX_SAFE_INTEGER);
  for (const { id, actorKind, actorId } of running) {
    if (actorKind !== restorer.kind || actorId !== restorer.id) continue;
    const nothing = async () => undefined;
    const run = { erasureId: id, fence: nothing, finish: nothing, signal: engine.stopping };
    try {
      await completeErasure(engine, run, sealed);
    } catch (error) {
      engine.log.warn('restore.item_left', { erasureId: id, code: codeOf(error) });
      const now = engine.clock.now();
      const job = { id: newId(now), kind: 'erasure', payload: id, runAt: now } as const;
      await engine.store.write(async (tx) => await tx.jobs.enqueue(job));
    }
    const { items, verified } = await engine.store.reads.erasures.tally(id);
    report.verified += verified;
    report.unverified += items - verified;
  }
}
