import { fromRanges } from '../../keys/journal-entries.ts';
import { slotsByLeaf } from '../../keys/page.ts';
import { type Erasure, type Item, personalIdentifierKinds, reachOf } from '../../model/erasure.ts';
import { AppError, Bug, codeOf, type ErrorCode } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import { blobsLeft, lookApart } from './look-apart.ts';
import type { Run } from './run.ts';
import { spanOf } from './shred.ts';

/** Items of which something is left, or that could not be looked at, each with what was found first. */
type Stuck = Map<Item, unknown>;

/**
 * Looks whether removed items are really gone, trusting nothing that was recorded: their slots read as destroyed, a
 * seal begun after the shredding is finished, the blob store has no byte or version, and no token finds them. Items of
 * which something is left, or that could not be looked at, become `failed` with a code and start again at the removal of
 * bytes; the others become `verified`. Throws what was found of the first that failed, once all of it is recorded.
 */
export async function verifyItems(engine: Engine, run: Run, items: readonly Item[]): Promise<void> {
  const erasure = await engine.store.reads.erasures.find(run.erasureId);
  const span = spanOf(run.erasureId, items);
  if (span === undefined || erasure === undefined) return;
  const { stuck, gone } = await lookWhatIsLeft(engine, run.signal, items, () => erasure);
  await engine.store.write(async (tx) => {
    await run.fence(tx);
    // First, since what is left in the span afterwards is verified.
    await fail(tx, run, stuck);
    // Only by the erasure that left them: a purge may have come meanwhile whose bytes are still there.
    if (reachOf(erasure.action, erasure).isWhole) await tx.erasures.stampSpanTombstones(span, engine.clock.now());
    // Only what was looked at: another erasure may have doomed more of these calls since.
    await tx.doomed.delete(gone);
    await tx.erasures.moveSpan(span, 'removed', 'verified', {});
  });
  await engine.faults.at('verify:recorded');
  for (const error of stuck.values()) throw error;
}

/**
 * Looks at items of any erasures whether they are really gone. Returns those of which something is left, or that could not
 * be looked at, and the names of the doomed blobs that are gone.
 */
export async function lookWhatIsLeft(
  engine: Engine,
  signal: AbortSignal,
  items: readonly Item[],
  erasureOf: (item: Item) => Pick<Erasure, 'action' | 'keepRecording'>,
): Promise<{ stuck: Stuck; gone: string[] }> {
  const stuck: Stuck = new Map();
  // What is stuck already is looked at again once its bytes have been removed again.
  const others = () => items.filter((item) => !stuck.has(item));
  await lookAtSlots(engine, signal, items, stuck);
  const gone = await lookForBytes(engine, signal, others(), stuck);
  for (const tokens of ['all', 'personal'] as const) {
    const mine = others().filter((item) => reachOf(erasureOf(item).action, erasureOf(item)).tokens === tokens);
    await lookForTokens(engine, signal, { items: mine, tokens }, stuck);
  }
  await engine.faults.at('verify:looked');
  return { stuck, gone };
}

async function fail(tx: StoreTx, run: Run, stuck: Stuck): Promise<void> {
  const seqsOf = new Map<ErrorCode, number[]>();
  for (const [item, error] of stuck) {
    const seqs = seqsOf.get(codeOf(error));
    if (seqs) seqs.push(item.seq);
    else seqsOf.set(codeOf(error), [item.seq]);
  }
  for (const [failedCode, seqs] of seqsOf) {
    const moved = await tx.erasures.moveItems(run.erasureId, seqs, 'removed', 'failed', { failedCode });
    if (moved !== seqs.length) throw new Bug(`items of erasure ${run.erasureId} moved while they were verified`);
  }
}

/** Their keys are destroyed, for good: the journal has been copied to the vault by a seal that is finished. */
async function lookAtSlots(engine: Engine, signal: AbortSignal, items: readonly Item[], stuck: Stuck): Promise<void> {
  const ids = items.flatMap((item) => item.journalId ?? []);
  const entries = new Map((await engine.store.reads.journal.find(ids)).map((entry) => [entry.id, entry]));
  const generation = (await engine.store.reads.keys.readTop())?.generation ?? 0;
  const itemOf = new Map<number, Item>();
  for (const item of items) {
    if (item.journalId === null) continue;
    const entry = entries.get(item.journalId);
    if (entry === undefined) {
      stuck.set(item, new AppError('damage', { detail: `the journal entry of item ${item.seq} is missing` }));
    } else if (entry.copiedBy === null || entry.copiedBy > generation) {
      stuck.set(item, new AppError('internal', { detail: `item ${item.seq} is not sealed yet` }));
    } else for (const slot of fromRanges(entry.slots)) itemOf.set(slot, item);
  }
  const live = new Set<number>();
  const leaves = [...slotsByLeaf([...itemOf.keys()], engine.tree.shape).values()];
  const unseen = await lookApart(leaves, signal, async (some) => {
    for (const [slot, state] of await engine.tree.statesOf(some.flat())) {
      // After a restore an entry may speak of a leaf that was never born here, and never will be.
      if (state === 'live') live.add(slot);
    }
  });
  for (const slot of live) note(stuck, itemOf.get(slot), new AppError('damage', { detail: `slot ${slot} is live` }));
  for (const [slots, error] of unseen) for (const slot of slots) note(stuck, itemOf.get(slot), error);
}

/** Returns the names of the items' doomed blobs that are gone. */
async function lookForBytes(
  engine: Engine,
  signal: AbortSignal,
  items: readonly Item[],
  stuck: Stuck,
): Promise<string[]> {
  // A call may be in several erasures.
  const itemsOf = new Map<string, Item[]>();
  for (const item of items) itemsOf.set(item.callId, [...(itemsOf.get(item.callId) ?? []), item]);
  const doomed = await engine.store.reads.doomed.ofOwners([...itemsOf.keys()]);
  const names = doomed.map((one) => one.blob);
  const { there, unseen } = await blobsLeft(engine.blobs, names, signal);
  for (const { blob, ownerId } of doomed) {
    for (const item of itemsOf.get(ownerId) ?? []) {
      if (there.has(blob)) note(stuck, item, new AppError('blob_failed', { detail: `blob ${blob} is still there` }));
      if (unseen.has(blob)) note(stuck, item, unseen.get(blob));
    }
  }
  return names.filter((name) => !there.has(name) && !unseen.has(name));
}

async function lookForTokens(
  engine: Engine,
  signal: AbortSignal,
  { items, tokens }: { items: readonly Item[]; tokens: 'all' | 'personal' },
  stuck: Stuck,
): Promise<void> {
  const kinds = tokens === 'all' ? 'all' : personalIdentifierKinds;
  const found = await lookApart(items, signal, async (some) => {
    const callIds = some.map((item) => item.callId);
    const count = await engine.store.reads.tokens.countOfOwners(callIds, kinds);
    if (count > 0) throw new AppError('damage', { detail: `${count} tokens still find erased calls` });
  });
  for (const [item, error] of found) note(stuck, item, error);
}

/** The first finding stays: it is the one that the item is told by. */
function note(stuck: Stuck, item: Item | undefined, error: unknown): void {
  if (item !== undefined && !stuck.has(item)) stuck.set(item, error);
}
