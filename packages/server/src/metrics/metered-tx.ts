import { type ErrorCode, errorCodes } from '../model/errors.ts';
import type { JournalKind, KeyReads, KeyTx, SlotRange } from '../model/key-store.ts';
import type { Meter } from '../model/meter.ts';
import type { LabelsOf } from '../model/metrics.ts';
import type { StoreTx } from '../model/store.ts';
import { overlay } from './overlay.ts';
import type { Tally } from './tally.ts';

/** A transaction that notes in `tally` what it does to erasures, items, jobs, uploads and the key tree. */
export function meteredTx(tx: StoreTx, tally: Tally): StoreTx {
  return Object.defineProperties(Object.create(tx), {
    // Made when they are asked for, as the transaction's own are: most have no use for most of them.
    keys: { get: () => meteredKeyTx(tx.keys, tally) },
    erasures: { get: () => meteredErasures(tx.erasures, tally) },
    jobs: { get: () => meteredJobs(tx.jobs, tally) },
    calls: { get: () => meteredCalls(tx.calls, tally) },
  }) as StoreTx;
}

/** The same for the key tree's own transactions. */
export function meteredKeyTx(keys: KeyTx, tally: Tally): KeyTx {
  return overlay(keys, {
    ...countedReads(keys, tally),
    async writePages(pages) {
      await keys.writePages(pages);
      tally.count('tacet_key_pages_total', { direction: 'written' }, pages.length);
    },
    async appendJournal(entries) {
      await keys.appendJournal(entries);
      for (const { kind, slots } of entries) {
        if (isDestroyer(kind)) tally.count('tacet_slots_destroyed_total', { reason: kind }, sizeOf(slots));
      }
    },
  });
}

/** Reads of the key tree outside of transactions. */
export function meteredKeyReads(reads: KeyReads, meter: Meter): KeyReads {
  return overlay(reads, countedReads(reads, meter));
}

function countedReads(reads: KeyReads, meter: Pick<Meter, 'count'>): Pick<KeyReads, 'readPath' | 'readPages'> {
  const note = (count: number) => meter.count('tacet_key_pages_total', { direction: 'read' }, count);
  return {
    async readPath(places) {
      const path = await reads.readPath(places);
      note(path?.pages.length ?? 0);
      return path;
    },
    async readPages(places) {
      const pages = await reads.readPages(places);
      note(pages.length);
      return pages;
    },
  };
}

type Destroyer = LabelsOf<'tacet_slots_destroyed_total'>['reason'];

/** A hold that is placed is journaled too, and destroys nothing. */
function isDestroyer(kind: JournalKind): kind is Destroyer {
  return kind !== 'hold_placed';
}

function sizeOf(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

function meteredErasures(erasures: StoreTx['erasures'], tally: Tally): StoreTx['erasures'] {
  return overlay(erasures, {
    async insert(erasure) {
      await erasures.insert(erasure);
      tally.count('tacet_erasure_moves_total', { from: 'none', to: erasure.state });
    },
    async move(id, from, to, change) {
      const isMoved = await erasures.move(id, from, to, change);
      if (isMoved) tally.count('tacet_erasure_moves_total', { from, to });
      return isMoved;
    },
    async cancel(id, reason) {
      const isCancelled = await erasures.cancel(id, reason);
      if (isCancelled) tally.count('tacet_erasure_moves_total', { from: 'planned', to: 'cancelled' });
      return isCancelled;
    },
    async complete(ids, times) {
      const count = await erasures.complete(ids, times);
      tally.count('tacet_erasure_moves_total', { from: 'running', to: 'completed' }, count);
      return count;
    },
    async shredItems(erasureId, items) {
      await erasures.shredItems(erasureId, items);
      for (const outcome of ['erased', 'already_erased'] as const) {
        tally.count('tacet_items_total', { outcome }, items.filter((item) => item.outcome === outcome).length);
      }
    },
    async moveItems(erasureId, seqs, from, to, change) {
      const count = await erasures.moveItems(erasureId, seqs, from, to, change);
      if (to === 'held') tally.count('tacet_items_total', { outcome: 'held' }, count);
      if (to === 'failed') {
        const isLocked = change.failedCode === 'blob_locked';
        tally.count('tacet_items_total', { outcome: isLocked ? 'locked' : 'failed' }, count);
      }
      return count;
    },
    async moveSpan(span, from, to, change) {
      const count = await erasures.moveSpan(span, from, to, change);
      if (to === 'held' || to === 'verified') tally.count('tacet_items_total', { outcome: to }, count);
      return count;
    },
    async moveAll(erasureIds, from, to) {
      const count = await erasures.moveAll(erasureIds, from, to);
      if (to === 'verified') tally.count('tacet_items_total', { outcome: to }, count);
      return count;
    },
  });
}

function meteredJobs(jobs: StoreTx['jobs'], tally: Tally): StoreTx['jobs'] {
  return overlay(jobs, {
    async claim(options) {
      const claimed = await jobs.claim(options);
      tally.count('tacet_jobs_claimed_total', {}, claimed.length);
      return claimed;
    },
    async finish(job, at) {
      await jobs.finish(job, at);
      tally.count('tacet_jobs_finished_total', {});
    },
    async retry(job, runAt, lastError) {
      await jobs.retry(job, runAt, lastError);
      tally.count('tacet_jobs_retried_total', { code: knownCode(lastError) });
    },
  });
}

function knownCode(text: string): ErrorCode {
  return errorCodes.find((code) => code === text) ?? 'internal';
}

function meteredCalls(calls: StoreTx['calls'], tally: Tally): StoreTx['calls'] {
  return overlay(calls, {
    async insert(call) {
      await calls.insert(call);
      if (call.status === 'uploading') tally.count('tacet_uploads_total', { state: 'begun' });
    },
    async update(id, change) {
      await calls.update(id, change);
      if (change.status === 'complete') tally.count('tacet_uploads_total', { state: 'finished' });
    },
  });
}
