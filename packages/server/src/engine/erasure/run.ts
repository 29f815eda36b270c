import { nextTurn } from '../../lib/next-turn.ts';
import { type Erasure, type Item, isShredded } from '../../model/erasure.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Head } from '../../model/vault.ts';
import { askerOf, auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import { endSubjects } from '../plans/sealed-subject.ts';
import { tellShredded, tellVerified } from './erasure-times.ts';
import { removeItems } from './remove.ts';
import { keptAmong } from './set-aside.ts';
import { verifyItems } from './verify.ts';

/** Proof inside a transaction that the lease is still ours; throws `lease_lost`. */
export type Fence = (tx: StoreTx) => Promise<void>;

/** One run of an erasure: fenced, and stopped between steps when the lease is lost or the process ends. */
export type Run = {
  erasureId: string;
  fence: Fence;
  /** Ends the job in the transaction that ends the erasure. */
  finish: (tx: StoreTx) => Promise<void>;
  signal: AbortSignal;
  /** How many holds the tenant had released before this run looked at what it has to wait for. */
  released?: { tenantId: string; count: number };
};

const all = Number.MAX_SAFE_INTEGER;
/** Items shredded in one transaction at the most. */
const shredMax = 1000;
/** Items of the first transaction of a run; the next ones grow or shrink with the time it took. */
const firstLimit = 100;
/** Items removed or verified in one step: each syncs every folder that it touches, so more at a time cost less. */
const stepMax = 4000;

/**
 * Destroys the keys of every planned item. When it resolves, nothing that the action erases can be opened again.
 * May be stopped anywhere and run again.
 *
 * @param fresh the erasure as it has just been started, with all its items: few of them are done with in one transaction.
 */
export async function shredErasure(engine: Engine, run: Run, fresh?: Fresh): Promise<HowShredded> {
  const isDone = fresh !== undefined && (await shredFresh(engine, run, fresh));
  if (isDone) return isDone;
  const erasure = await erasureOf(engine.store.reads, run.erasureId);
  if (erasure.waitsForHolds) {
    const { tenantId } = erasure;
    run.released = { tenantId, count: await engine.store.reads.holds.countReleased(tenantId) };
  }
  await replan(engine, run, erasure);
  await refuseWhileWaiting(engine, erasure);
  let limit = firstLimit;
  for (let fromSeq = 0; ; ) {
    run.signal.throwIfAborted();
    const items = await engine.store.reads.erasures.items(erasure.id, { fromSeq, limit, states: ['planned'] });
    const last = items.at(-1);
    if (last === undefined) break;
    const tookMs = await shredItems(engine, run, erasure, items);
    if (fromSeq === 0) engine.sealer.expectMore();
    limit = nextLimit(limit, tookMs, engine.store.writeAimMs);
    fromSeq = last.seq + 1;
    // Requests that came meanwhile get their turn before the next transaction.
    await nextTurn();
  }
  const failed = await engine.store.reads.erasures.items(erasure.id, { fromSeq: 0, limit: all, states: ['failed'] });
  // The time at which the last key was destroyed: while damage keeps one alive, or a hold may yet be released, there is none.
  if (erasure.shreddedAt === null && failed.every(isShredded) && !(await isWaiting(engine.store.reads, erasure))) {
    await engine.store.write(async (tx) => {
      await run.fence(tx);
      await tx.erasures.stamp(erasure.id, { shreddedAt: engine.clock.now() });
    });
    tellShredded(engine, erasure);
  }
  await engine.faults.at('erase:shredded');
  return { isSmall: false, areAll: false };
}

export type Fresh = { erasure: Erasure; items: readonly Item[] };

/** `isSmall`: may be completed together with others. `areAll`: no item was held back, or failed. False: look. */
export type HowShredded = { isSmall: boolean; areAll: boolean };

/** False where it takes more than one transaction, or damage is in its way. */
async function shredFresh(engine: Engine, run: Run, { erasure, items }: Fresh): Promise<HowShredded | false> {
  if (items.length > firstLimit) return false;
  run.signal.throwIfAborted();
  try {
    const { held } = await engine.shredQueue.add({ erasure, items, fence: run.fence, areAll: true });
    await engine.faults.at('erase:shredded');
    return { isSmall: true, areAll: held === 0 };
  } catch (error) {
    if (hasCode(error, 'damage')) return false;
    throw error;
  }
}

/**
 * Removes bytes, waits for the seal, looks whether everything is gone, and ends the erasure. Runs after
 * `shredErasure`. Bytes that would not go keep only their own items back; in the end it throws what a worker retries.
 *
 * @param sealed a seal begun after the shredding and finished, where the caller has made one; otherwise one is asked for.
 */
export async function completeErasure(engine: Engine, run: Run, sealed?: Head): Promise<void> {
  const sealing = sealed === undefined ? engine.sealer.sealed() : Promise.resolve(sealed);
  // A seal that fails is made again below, in a retry; here it must not stop the bytes from going.
  sealing.catch(() => undefined);
  const removing = eachStep(
    engine,
    run,
    ['shredded', 'failed'],
    async (items) => await removeItems(engine, run, items),
  );
  const [removed] = await Promise.allSettled([removing]);
  run.signal.throwIfAborted();
  const head = await sealing;
  await engine.store.write(async (tx) => {
    await run.fence(tx);
    // What still waits has to be sealed as well, once it has been shredded.
    if (!(await isWaiting(tx, await erasureOf(tx, run.erasureId)))) {
      await tx.erasures.stamp(run.erasureId, { sealedAt: head.sealedAt });
    }
  });
  await engine.faults.at('erase:sealed');
  await eachStep(engine, run, ['removed'], async (items) => await verifyItems(engine, run, items));
  if (removed.status === 'rejected') throw removed.reason;
  await endErasure(engine, run);
}

/** Walks the items in these states, a step at a time. A step that fails does not keep the others from their turn. */
async function eachStep(
  engine: Engine,
  run: Run,
  states: readonly Item['state'][],
  step: (items: readonly Item[]) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (let fromSeq = 0; ; ) {
    run.signal.throwIfAborted();
    const items = await engine.store.reads.erasures.items(run.erasureId, { fromSeq, limit: stepMax, states });
    const last = items.at(-1);
    if (last === undefined) break;
    try {
      await step(items);
    } catch (error) {
      if (error instanceof AppError && error.code === 'lease_lost') throw error;
      failures.push(error);
    }
    fromSeq = last.seq + 1;
    await nextTurn();
  }
  // The last is as good as any: the job is tried again as a whole, and every item has its own code.
  if (failures.length > 0) throw failures.at(-1);
}

/**
 * Ends the erasure where nothing is left to do. Throws, so that the job is tried again later, while items have failed or
 * (`item_held`) a native erasure waits for a release.
 */
async function endErasure(engine: Engine, run: Run): Promise<void> {
  const ended = await engine.store.write(async (tx) => {
    await run.fence(tx);
    const erasure = await tx.erasures.find(run.erasureId);
    const tally = await tx.erasures.tally(run.erasureId);
    if (erasure === undefined) return undefined;
    // The job must not end before its items do: nobody would come back for them.
    const left = tally.planned + tally.shredded + tally.removed;
    if (left > 0) throw new AppError('internal', { detail: `${left} items are not through yet` });
    if (tally.failed > 0) throw new AppError('damage', { detail: `${tally.failed} items cannot be erased yet` });
    if (tally.held > 0 && erasure.waitsForHolds) throw new AppError('item_held');
    const goneAt = engine.clock.now();
    await tx.erasures.move(erasure.id, 'running', tally.held > 0 ? 'completed_with_failures' : 'completed', { goneAt });
    const counts = { verified: tally.verified, held: tally.held };
    await tx.audit.append(auditEntry(engine, askerOf(erasure), 'erasure.completed', erasure.id, counts));
    await run.finish(tx);
    // Last: destroying takes the tree.
    const hadSubject = await endSubjects(engine, tx, [erasure]);
    return { ...erasure, goneAt, hadSubject };
  });
  if (ended !== undefined) tellVerified(engine, ended, ended);
  if (ended?.hadSubject) engine.sealer.request();
  await engine.faults.at('erase:completed');
}

/** True of a native erasure some of whose items wait: for the release of a hold, or for a call to be over. */
async function isWaiting(on: StoreReads | StoreTx, { id, waitsForHolds }: Erasure): Promise<boolean> {
  return waitsForHolds && (await on.erasures.tally(id)).held > 0;
}

/** Throws `item_held` where an erasure has nothing else to do than to wait: a seal for it would be in vain. */
async function refuseWhileWaiting({ store, clock }: Engine, { id, waitsForHolds }: Erasure): Promise<void> {
  const { items, held, verified } = await store.reads.erasures.tally(id);
  if (!waitsForHolds || held === 0) return;
  const { items: locked } = await store.reads.erasures.locks(id, clock.now());
  if (held + verified + locked === items) throw new AppError('item_held');
}

/** Plans again what failed before its keys were destroyed, and what a release has set free. */
async function replan(engine: Engine, run: Run, erasure: Erasure): Promise<void> {
  await eachStep(engine, run, ['failed', 'held'], async (items) => {
    const failed = items.filter((item) => item.state === 'failed' && !isShredded(item));
    const held = erasure.waitsForHolds ? items.filter((item) => item.state === 'held') : [];
    const kept = held.length === 0 ? new Map() : await keptAmong(engine, engine.store.reads, erasure, held);
    const freed = held.filter((item) => !kept.has(item.callId));
    if (failed.length + freed.length === 0) return;
    await engine.store.write(async (tx) => {
      await run.fence(tx);
      for (const again of [failed, freed]) {
        const [state, seqs] = [again[0]?.state ?? 'failed', again.map((item) => item.seq)];
        await tx.erasures.moveItems(erasure.id, seqs, state, 'planned', { failedCode: null });
      }
    });
  });
}

/**
 * Shreds items in one transaction. When a damaged key page stops it, the items are tried in halves, so that only those
 * that hang on the damage become `failed` and the others are erased. Tells how long the last transaction took, in ms.
 */
async function shredItems(engine: Engine, run: Run, erasure: Erasure, items: readonly Item[]): Promise<number> {
  try {
    return (await engine.shredQueue.add({ erasure, items, fence: run.fence })).tookMs;
  } catch (error) {
    if (!hasCode(error, 'damage')) throw error;
    const half = Math.ceil(items.length / 2);
    if (items.length > 1) {
      await shredItems(engine, run, erasure, items.slice(0, half));
      return await shredItems(engine, run, erasure, items.slice(half));
    }
    engine.log.error('erasure.item_damaged', { erasureId: erasure.id, detail: error.detail });
    await engine.store.write(async (tx) => {
      await run.fence(tx);
      const seqs = items.map((item) => item.seq);
      await tx.erasures.moveItems(erasure.id, seqs, 'planned', 'failed', { failedCode: error.code });
    });
    return 0;
  }
}

async function erasureOf(on: StoreReads | StoreTx, id: string): Promise<Erasure> {
  const erasure = await on.erasures.find(id);
  if (erasure === undefined) throw new AppError('erasure_not_found');
  return erasure;
}

/** More items while transactions are short, fewer when one took too long. */
function nextLimit(limit: number, tookMs: number, aimMs: number): number {
  const wanted = Math.floor((limit * aimMs) / Math.max(tookMs, 1));
  return Math.min(shredMax, Math.max(20, Math.min(wanted, limit * 2)));
}
