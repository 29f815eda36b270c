import type { Hold } from '../../model/erasure.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { StoreTx } from '../../model/store.ts';
import type { StoredToken } from '../../model/token-store.ts';
import { sealJson } from '../artifacts.ts';
import type { Engine } from '../context.ts';
import { reasonRow } from '../holds/place-hold.ts';
import { clearHold } from '../holds/release-hold.ts';
import { fromHoldDetail } from '../journal-details.ts';
import type { RestoreReport } from './report.ts';

/** What stands for a hold's reason after a restore: the real one was sealed under a key that went with the database. */
const lostReason = { reason: 'Placed again by a restore; the reason was lost with the database.' };

/**
 * Places a hold again that was placed after the copy was made. It covers the calls that it covered when it was placed;
 * what it named by phone, e-mail or session only where the epoch of those tokens is still living here. So too a candidate
 * that it found by a phone and did not name.
 */
export async function replaceHold(tx: StoreTx, entry: JournalEntry, report: RestoreReport): Promise<void> {
  const { tenantId, ownerId: id } = entry;
  if (tenantId === null || id === null || (await tx.holds.find(tenantId, id)) !== undefined) return;
  const { callIds, tokens, ...rest } = fromHoldDetail(entry.detail);
  const hold: Hold = { id, tenantId, placedAt: entry.at, releasedAt: null, ...rest };
  await tx.holds.insert(hold, callIds);
  const numbers = new Map((await tx.tokens.epochs(tenantId)).map((epoch) => [epoch.id, epoch.number]));
  const living = tokens.flatMap(({ kind, epochId, token }): StoredToken[] => {
    const epoch = numbers.get(epochId);
    return epoch === undefined ? [] : [{ tenantId, epoch, kind, token, ownerId: id }];
  });
  await tx.tokens.insertTokens(living);
  report.holdsPlaced.push(id);
  if (living.length < tokens.length) report.holdsWithoutIdentifiers.push(id);
}

/** Releases a hold again that was released after the copy was made. Returns the slots of its reason. */
export async function releaseAgain(tx: StoreTx, entry: JournalEntry, report: RestoreReport): Promise<number[]> {
  const { tenantId, ownerId: id } = entry;
  if (tenantId === null || id === null) return [];
  const hold = await tx.holds.find(tenantId, id);
  if (hold === undefined || hold.releasedAt !== null) return [];
  report.holdsReleased.push(id);
  return await clearHold(tx, id, entry.at);
}

/** Gives every active hold without a reason one that says so. */
export async function mendReasons(engine: Engine): Promise<void> {
  for (const { id: tenantId } of await engine.store.reads.tenants.list()) {
    for (const { id: ownerId } of await engine.store.reads.holds.active(tenantId)) {
      const there = await engine.store.reads.artifacts.find(ownerId, 'hold-reason');
      if (there?.sealed) continue;
      const reason = there ?? (await newReason(engine, tenantId, ownerId));
      const sealed = await sealJson(engine, reason, lostReason);
      await engine.store.write(async (tx) => await tx.artifacts.setSealed(reason.slot, { sealed }));
    }
  }
}

async function newReason(engine: Engine, tenantId: string, ownerId: string) {
  return await engine.issuer.withSlots(1, async (slots) => {
    const reason = reasonRow(slots[0] ?? 0, tenantId, ownerId);
    await engine.store.write(async (tx) => {
      await tx.artifacts.insert([reason]);
      await engine.issuer.confirm(tx.keys, slots);
    });
    return reason;
  });
}
