import { isArchived } from '../../model/call.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { StoreTx } from '../../model/store.ts';
import { clearUpload } from '../archive/abandoned-uploads.ts';
import type { Engine } from '../context.ts';
import { releaseAgain, replaceHold } from './replay-holds.ts';
import { type ErasedItem, kindOf, replayItems, toErasedItem } from './replay-items.ts';
import type { RestoreReport } from './report.ts';

/**
 * Does in this database what journal entries say was done after it was copied, in their order; the entries themselves
 * are recorded by the caller. Returns the slots to destroy.
 */
export async function replay(
  engine: Engine,
  tx: StoreTx,
  entries: readonly JournalEntry[],
  report: RestoreReport,
): Promise<number[]> {
  const slots: number[] = [];
  // Items of one kind share an erasure, which holds each call once. Items of different calls may change places.
  const waiting = new Map<string, ErasedItem[]>();
  const calls = new Set<string>();
  const flush = async () => {
    for (const items of waiting.values())
      for (const slot of await replayItems(engine, tx, items, report)) slots.push(slot);
    waiting.clear();
    calls.clear();
  };
  for (const entry of entries) {
    report.entries += 1;
    if (!(await isOurs(tx, entry, report))) continue;
    const item = toErasedItem(entry);
    if (item === undefined || calls.has(item.callId)) await flush();
    if (item === undefined) {
      for (const slot of await replayOther(engine, tx, entry, report)) slots.push(slot);
      continue;
    }
    const kind = kindOf(item);
    const alike = waiting.get(kind);
    if (alike) alike.push(item);
    else waiting.set(kind, [item]);
    calls.add(item.callId);
  }
  await flush();
  return slots;
}

/** False for entries of tenants that this database does not know: there is nothing of theirs to erase. */
async function isOurs(tx: StoreTx, { tenantId }: JournalEntry, report: RestoreReport): Promise<boolean> {
  if (tenantId === null || (await tx.tenants.find({ id: tenantId })) !== undefined) return true;
  if (!report.unknownTenants.includes(tenantId)) report.unknownTenants.push(tenantId);
  return false;
}

async function replayOther(engine: Engine, tx: StoreTx, entry: JournalEntry, report: RestoreReport): Promise<number[]> {
  switch (entry.kind) {
    case 'hold_placed':
      await replaceHold(tx, entry, report);
      return [];
    case 'hold_released':
      return await releaseAgain(tx, entry, report);
    case 'upload_abandoned':
      return await abandonAgain(engine, tx, entry);
    case 'slots_replaced':
      return await dropReplaced(tx, entry, report);
    // Slots that no row names are destroyed in every leaf; epochs are turned anew.
    case 'slots_unnamed':
    case 'epoch_ended':
    case 'item_erased':
      return [];
  }
}

/** An upload that was under way when the copy was made, or a call that was awaited then, and was given up later. */
async function abandonAgain(engine: Engine, tx: StoreTx, entry: JournalEntry): Promise<number[]> {
  const { tenantId, ownerId } = entry;
  const call = tenantId === null || ownerId === null ? undefined : await tx.calls.find(tenantId, ownerId);
  if (call === undefined || isArchived(call)) return [];
  return (await clearUpload(engine, tx, call.id)).slots;
}

/** Content that was replaced later must not come back; what replaced it went with the database. */
async function dropReplaced(tx: StoreTx, entry: JournalEntry, report: RestoreReport): Promise<number[]> {
  if (entry.ownerId === null) return [];
  const isReplaced = ({ slot }: { slot: number }) => entry.slots.some(([from, to]) => from <= slot && slot <= to);
  const artifacts = await tx.artifacts.ofOwner(entry.ownerId);
  const gone = artifacts.filter(isReplaced);
  if (gone.length === 0) return [];
  await tx.artifacts.deleteOfOwner(entry.ownerId);
  await tx.artifacts.insert(artifacts.filter((artifact) => !isReplaced(artifact)));
  for (const { ownerId, kind } of gone) report.artifactsLost.push(`${kind} of ${ownerId}`);
  return gone.map((artifact) => artifact.slot);
}
