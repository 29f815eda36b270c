import { fromRanges } from '../../keys/journal-entries.ts';
import { type Erasure, type Item, personalIdentifierKinds, reachOf } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { ItemSpan } from '../../model/store.ts';
import type { Engine } from '../context.ts';
import type { Run } from './run.ts';
import { spanOf } from './shred.ts';

/**
 * Looks whether removed items are really gone, trusting nothing that was recorded: their slots read as destroyed, a
 * seal begun after the shredding is finished, the blob store has no byte or version, and no token finds them. Items of
 * which something is left become `failed` with a code and start again at the removal of bytes.
 */
export async function verifyItems(engine: Engine, run: Run, items: readonly Item[]): Promise<void> {
  const erasure = await engine.store.reads.erasures.find(run.erasureId);
  const span = spanOf(run.erasureId, items);
  if (span === undefined || erasure === undefined) return;
  let gone: string[];
  try {
    await slotsAreDestroyed(engine, items);
    gone = await noBytesAreLeft(engine, span, items);
    await noTokenFindsThem(engine, erasure, items);
  } catch (error) {
    if (error instanceof AppError) await fail(engine, run, items, error.code);
    throw error;
  }
  await engine.faults.at('verify:looked');
  await engine.store.write(async (tx) => {
    await run.fence(tx);
    await tx.erasures.stampSpanTombstones(span, engine.clock.now());
    // Only what was looked at: another erasure may have doomed more of these calls since.
    await tx.doomed.delete(gone);
    await tx.erasures.moveSpan(span, 'removed', 'verified', {});
  });
  await engine.faults.at('verify:recorded');
}

async function fail(engine: Engine, run: Run, items: readonly Item[], failedCode: string): Promise<void> {
  const seqs = items.map((item) => item.seq);
  await engine.store.write(async (tx) => {
    await run.fence(tx);
    await tx.erasures.moveItems(run.erasureId, seqs, 'removed', 'failed', { failedCode });
  });
}

/** Names of the items' doomed blobs, looked for and found gone. */
async function noBytesAreLeft(engine: Engine, span: ItemSpan, items: readonly Item[]): Promise<string[]> {
  const callIds = new Set(items.map((item) => item.callId));
  const doomed = (await engine.store.reads.doomed.ofItems(span)).filter((one) => callIds.has(one.ownerId));
  const names = doomed.map((one) => one.blob);
  const remaining = await engine.blobs.remaining(names);
  if (remaining.size > 0) throw new AppError('blob_failed', { detail: `${remaining.size} blobs are still there` });
  return names;
}

async function slotsAreDestroyed(engine: Engine, items: readonly Item[]): Promise<void> {
  const ids = items.flatMap((item) => item.journalId ?? []);
  const entries = await engine.store.reads.journal.find(ids);
  if (entries.length !== ids.length) throw new AppError('damage', { detail: 'journal entries of items are missing' });
  const head = await engine.store.reads.keys.readTop();
  const unsealed = entries.filter((entry) => entry.copiedBy === null || entry.copiedBy > (head?.generation ?? 0));
  if (unsealed.length > 0) throw new AppError('internal', { detail: `${unsealed.length} items are not sealed yet` });
  const states = await engine.tree.statesOf(entries.flatMap((entry) => fromRanges(entry.slots)));
  for (const [slot, state] of states) {
    // After a restore an entry may speak of a leaf that was never born here, and never will be.
    if (state === 'live') throw new AppError('damage', { detail: `slot ${slot} is ${state}` });
  }
}

async function noTokenFindsThem(engine: Engine, erasure: Erasure, items: readonly Item[]): Promise<void> {
  const { tokens } = reachOf(erasure.action, erasure);
  if (tokens === 'none') return;
  const kinds = tokens === 'all' ? 'all' : personalIdentifierKinds;
  const callIds = items.map((item) => item.callId);
  const found = await engine.store.reads.tokens.countOfOwners(callIds, kinds);
  if (found > 0) throw new AppError('damage', { detail: `${found} tokens still find erased calls` });
}
