import { isArchived } from '../../model/call.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { StoreTx } from '../../model/store.ts';
import { clearUser } from '../access/users.ts';
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
    case 'user_disabled':
      return await disableAgain(tx, entry, report);
    case 'upload_abandoned':
      return await abandonAgain(engine, tx, entry);
    case 'slots_replaced':
      return await dropReplaced(tx, entry, report);
    case 'subject_erased':
      return await forgetSubject(tx, entry);
    // Slots that no row names are destroyed in every leaf; epochs are turned anew.
    case 'slots_unnamed':
    case 'epoch_ended':
    case 'item_erased':
    // Where the chains end here is entered once all is replayed.
    case 'audit_head':
      return [];
  }
}

/** Disables a user again who was disabled after the copy was made. Returns the slots of the e-mail. */
async function disableAgain(
  tx: StoreTx,
  { tenantId, ownerId: id, at }: JournalEntry,
  report: RestoreReport,
): Promise<number[]> {
  const user = id === null ? undefined : await tx.users.find({ id });
  if (user === undefined || user.tenantId !== tenantId || user.disabledAt !== null) return [];
  report.usersDisabled.push(user.id);
  return await clearUser(tx, user, at);
}

/**
 * An upload that was under way when the copy was made, a call that was awaited then, or a candidate or task that was being
 * added, and was given up later.
 */
async function abandonAgain(engine: Engine, tx: StoreTx, { tenantId, ownerId }: JournalEntry): Promise<number[]> {
  if (tenantId === null || ownerId === null) return [];
  const call = await tx.calls.find(tenantId, ownerId);
  if (call !== undefined) return isArchived(call) ? [] : (await clearUpload(engine, tx, call.id)).slots;
  const { candidates, tasks } = tx;
  const row = (await candidates.find(tenantId, ownerId)) ?? (await tasks.find(tenantId, ownerId));
  if (row?.status !== 'ADDING') return [];
  await tx.tokens.deleteOfOwners([ownerId]);
  for (const rows of [candidates, tasks]) await rows.delete([ownerId]);
  return (await tx.artifacts.deleteOfOwner(ownerId)).map((artifact) => artifact.slot);
}

/** How an erasure's subject was named must not come back; a plan without it cannot be executed, and its erasure is over. */
async function forgetSubject(tx: StoreTx, { tenantId, ownerId }: JournalEntry): Promise<number[]> {
  const erasure = ownerId === null ? undefined : await tx.erasures.find(ownerId);
  if (erasure === undefined || erasure.tenantId !== tenantId) return [];
  if (erasure.state === 'planned') await tx.erasures.cancel(erasure.id, 'plan_changed');
  return (await tx.artifacts.deleteOfOwner(erasure.id)).map((artifact) => artifact.slot);
}

/**
 * Content that was replaced later must not come back; what replaced it went with the database. Nor must what was on its way
 * and came to nothing: of that, nothing is lost.
 */
async function dropReplaced(tx: StoreTx, entry: JournalEntry, report: RestoreReport): Promise<number[]> {
  const { ownerId } = entry;
  if (ownerId === null) return [];
  const isReplaced = ({ slot }: { slot: number }) => entry.slots.some(([from, to]) => from <= slot && slot <= to);
  const gone = (await tx.artifacts.ofOwner(ownerId)).filter(isReplaced);
  const slots = gone.map((artifact) => artifact.slot);
  await tx.artifacts.deleteSlots(slots);
  for (const slot of slots) await tx.lateArtifacts.delete(slot);
  for (const { kind, sealed } of gone) {
    if (sealed === null) continue;
    report.artifactsLost.push(`${kind} of ${ownerId}`);
    // Sealed under the same key.
    if (kind === 'details') await tx.events.deleteOfCall(ownerId);
  }
  return slots;
}
