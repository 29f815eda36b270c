import { journalEntry } from '../../keys/journal-entries.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';

const pageSize = 500;

/**
 * Releases a hold: its reason's key is destroyed, its tokens go, and erasures that waited for it may run. Releasing
 * twice changes nothing. Throws `hold_not_found` for what is unknown or foreign.
 */
export async function releaseHold(
  engine: Engine,
  caller: Caller,
  holdId: string,
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'holds:write');
  const { tenant } = caller;
  const wasActive = await engine.store.write(async (tx) => {
    await tx.holds.lock(tenant.id, 'alone');
    const hold = await tx.holds.find(tenant.id, holdId);
    if (hold === undefined) throw new AppError('hold_not_found');
    await keeper.keep(tx, { status: 200, subjectId: holdId });
    if (hold.releasedAt !== null) return false;
    const now = engine.clock.now();
    const named = await clearHold(tx, holdId, now);
    await tx.audit.append(auditEntry(engine, caller, 'hold.released', holdId));
    // Those that wait, whatever for: whoever runs one sees what it may do now.
    await tx.jobs.hasten('erasure', await waitingErasures(tx, tenant.id), now);
    const slots = await engine.tree.destroy(tx.keys, named);
    const what = { tenantId: tenant.id, ownerId: holdId, slots };
    await tx.keys.appendJournal([journalEntry('hold_released', now, what)]);
    return true;
  });
  if (!wasActive) return;
  await engine.faults.at('hold:released');
  engine.sealer.request();
  engine.nudge();
}

/** Erasures that ran to where a hold, or a failure, stopped them. */
async function waitingErasures(tx: StoreTx, tenantId: string): Promise<string[]> {
  const waiting: string[] = [];
  for (let beforeId: string | undefined; ; ) {
    const options = { limit: pageSize, states: ['running'] as const, ...(beforeId && { beforeId }) };
    const page = await tx.erasures.list(tenantId, options);
    waiting.push(...page.filter(({ waitsForHolds }) => waitsForHolds).map(({ id }) => id));
    if (page.length < pageSize) return waiting;
    beforeId = page.at(-1)?.id;
  }
}

/** Ends a hold in its rows: its tokens and its reason go. Returns the slots of the reason, for the caller to destroy. */
export async function clearHold(tx: StoreTx, holdId: string, at: number): Promise<number[]> {
  await tx.holds.release(holdId, at);
  await tx.tokens.deleteOfOwners([holdId]);
  return (await tx.artifacts.deleteOfOwner(holdId)).map((artifact) => artifact.slot);
}
