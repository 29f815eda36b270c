import { GroupCommit } from '../../lib/group-commit.ts';
import { type Erasure, type Item, type ItemState, reachOf } from '../../model/erasure.ts';
import { AppError, codeOf } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Head } from '../../model/vault.ts';
import { askerOf, auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import { tellVerified } from './erasure-times.ts';
import { removeBytes } from './remove.ts';
import { completeErasure, type Run } from './run.ts';
import { spanOf } from './shred.ts';
import { lookWhatIsLeft } from './verify.ts';

/** A small erasure whose keys are destroyed, and who runs it. */
export type Shredded = { erasure: Erasure; run: Run };

/** Small erasures share what comes after their keys: each step once for all that wait for it. */
export type Completions = GroupCommit<Shredded, void>;

/** Erasures taken at once; more wait for the next seal. */
const erasuresMax = 4096;
/** One that a slow or broken disk holds up keeps the next ones waiting only when as many others are held up too. */
const lanes = 4;
/** Items written by one transaction at the most. */
const itemsMax = 1000;

export function createCompletions(engine: () => Engine): Completions {
  return new GroupCommit(erasuresMax, async (some) => await completeTogether(engine(), some), lanes);
}

/**
 * Does for many small erasures at once what `completeErasure` does for one: removes their bytes, waits for one seal, looks
 * whether everything is gone, ends them. Whichever is not plain (something held, bytes that would not go, a lease that is
 * lost) is left to `completeErasure`, which may begin at any point.
 */
async function completeTogether(engine: Engine, some: readonly Shredded[]): Promise<PromiseSettledResult<void>[]> {
  const sealing = engine.sealer.sealed();
  sealing.catch(() => undefined);
  let head: Head | undefined;
  const ended = new Set<string>();
  try {
    const removed: Batch[] = [];
    for (const batch of await batchesOf(engine, some)) removed.push(await removeBatch(engine, batch));
    head = await sealing;
    await engine.faults.at('erase:sealed');
    for (const batch of removed) for (const id of await verifyBatch(engine, batch, head)) ended.add(id);
  } catch (error) {
    // One of them, or the archive itself, is at fault: each tells by itself.
    engine.log.warn('erasure.not_together', { code: codeOf(error), erasures: some.length });
  }
  return await Promise.allSettled(
    some.map(async ({ erasure, run }) => {
      if (!ended.has(erasure.id)) await completeErasure(engine, run, head);
    }),
  );
}

/** Erasures of one tenant with their items, all of which are in the same state. */
type Batch = { tenantId: string; all: readonly (Shredded & { items: readonly Item[] })[] };

/** Those that are plainly shredded, in batches that one transaction can bear. */
async function batchesOf(engine: Engine, some: readonly Shredded[]): Promise<Batch[]> {
  const itemsOf = new Map<string, Item[]>(some.map(({ erasure }) => [erasure.id, []]));
  for (const item of await engine.store.reads.erasures.itemsOf([...itemsOf.keys()])) {
    itemsOf.get(item.erasureId)?.push(item);
  }
  const batches: { tenantId: string; all: (Shredded & { items: readonly Item[] })[]; size: number }[] = [];
  for (const one of some) {
    const { tenantId, id } = one.erasure;
    const items = itemsOf.get(id) ?? [];
    if (items.length === 0 || items.some((item) => item.state !== 'shredded')) continue;
    let batch = batches.findLast((open) => open.tenantId === tenantId && open.size + items.length <= itemsMax);
    if (batch === undefined) {
      batch = { tenantId, all: [], size: 0 };
      batches.push(batch);
    }
    batch.all.push({ ...one, items });
    batch.size += items.length;
  }
  return batches;
}

async function removeBatch(engine: Engine, batch: Batch): Promise<Batch> {
  engine.stopping.throwIfAborted();
  const items = batch.all.flatMap((one) => one.items);
  const { stuck } = await removeBytes(engine, batch.tenantId, items);
  const all = batch.all.filter((one) => !one.items.some((item) => stuck.has(item.callId)));
  const moved = await engine.store.write(async (tx) => await moveOurs(tx, all, 'shredded', 'removed'));
  await engine.faults.at('remove:recorded');
  return { tenantId: batch.tenantId, all: moved };
}

/** Returns the ids of the erasures that are over. */
async function verifyBatch(engine: Engine, { all }: Batch, head: Head): Promise<string[]> {
  engine.stopping.throwIfAborted();
  const byId = new Map(all.map((one) => [one.erasure.id, one.erasure]));
  const erasureOf = ({ erasureId }: Item): Erasure => {
    const erasure = byId.get(erasureId);
    if (erasure === undefined) throw new AppError('internal', { detail: 'an item of nobody' });
    return erasure;
  };
  const items = all.flatMap((one) => one.items);
  const { stuck, gone } = await lookWhatIsLeft(engine, engine.stopping, items, erasureOf);
  const clean = all.filter((one) => !one.items.some((item) => stuck.has(item)));
  const ended = await engine.store.write(async (tx) => {
    const ours = await fenced(tx, clean);
    const goneAt = engine.clock.now();
    for (const one of ours) await stampTombstones(tx, one, goneAt);
    // Of the others too: they have been seen to be gone.
    await tx.doomed.delete(gone);
    await moveOurs(tx, ours, 'removed', 'verified');
    const ids = ours.map((one) => one.erasure.id);
    await tx.erasures.complete(ids, { sealedAt: head.sealedAt, goneAt });
    for (const one of ours) await tellEnd(engine, tx, one);
    return ids;
  });
  const times = { sealedAt: head.sealedAt, goneAt: engine.clock.now() };
  for (const { erasure } of all) if (ended.includes(erasure.id)) tellVerified(engine, erasure, times);
  await engine.faults.at('verify:recorded');
  await engine.faults.at('erase:completed');
  return ended;
}

async function stampTombstones(tx: StoreTx, { erasure, items }: Batch['all'][number], goneAt: number): Promise<void> {
  const span = spanOf(erasure.id, items);
  if (span !== undefined && reachOf(erasure.action, erasure).isWhole)
    await tx.erasures.stampSpanTombstones(span, goneAt);
}

async function tellEnd(engine: Engine, tx: StoreTx, { erasure, run, items }: Batch['all'][number]): Promise<void> {
  const counts = { verified: items.length, held: 0 };
  await tx.audit.append(auditEntry(engine, askerOf(erasure), 'erasure.completed', erasure.id, counts));
  await run.finish(tx);
}

/** Those whose lease still stands. */
async function fenced(tx: StoreTx, all: Batch['all']): Promise<Batch['all'][number][]> {
  const ours: Batch['all'][number][] = [];
  for (const one of all) {
    try {
      await one.run.fence(tx);
      ours.push(one);
    } catch (error) {
      if (codeOf(error) !== 'lease_lost') throw error;
    }
  }
  return ours;
}

/** Moves the items of those whose lease still stands, and returns them. */
async function moveOurs(tx: StoreTx, all: Batch['all'], from: ItemState, to: ItemState): Promise<Batch['all']> {
  const ours = await fenced(tx, all);
  const ids = ours.map((one) => one.erasure.id);
  const moved = await tx.erasures.moveAll(ids, from, to);
  const expected = ours.reduce((sum, one) => sum + one.items.length, 0);
  if (moved !== expected) throw new AppError('lease_lost', { detail: 'items were moved by somebody else' });
  return ours;
}
