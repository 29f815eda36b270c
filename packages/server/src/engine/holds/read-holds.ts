import { isId } from '../../lib/ids.ts';
import type { Hold } from '../../model/erasure.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import { openJson } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import type { HoldReason, HoldSubject } from './place-hold.ts';

/** A hold with what is sealed of it; null once it is released, where a restore has lost it, and the subject in lists. */
export type HoldView = { hold: Hold; reason: string | null; subject: HoldSubject | null };

export type AskedHolds = { isActive?: boolean; cursor?: string; limit: number };
export type HoldPage = { holds: HoldView[]; next: string | null };

/** One hold of the caller's tenant. Throws `hold_not_found`. */
export async function readHold(engine: Engine, caller: Caller, id: string): Promise<HoldView> {
  requireScope(caller, 'holds:write');
  const hold = isId(id) ? await engine.store.reads.holds.find(caller.tenant.id, id) : undefined;
  if (hold === undefined) throw new AppError('hold_not_found');
  return await viewOf(engine, hold);
}

/**
 * A page of the tenant's holds, newest first; released ones too unless only active ones are asked for. How each was named is
 * left out: a page of holds may name ten million people.
 */
export async function listHolds(
  engine: Engine,
  caller: Caller,
  { isActive, cursor, limit }: AskedHolds,
): Promise<HoldPage> {
  requireScope(caller, 'holds:write');
  if (cursor !== undefined && !isId(cursor)) throw new AppError('input_invalid', { message: 'cursor is not one' });
  const options = {
    limit: limit + 1,
    ...(cursor && { beforeId: cursor }),
    ...(isActive !== undefined && { isActive }),
  };
  const found = await engine.store.reads.holds.list(caller.tenant.id, options);
  const holds: HoldView[] = [];
  for (const hold of found.slice(0, limit)) holds.push({ ...(await viewOf(engine, hold)), subject: null });
  return { holds, next: found.length > limit ? (found[limit - 1]?.id ?? null) : null };
}

async function viewOf(engine: Engine, hold: Hold): Promise<HoldView> {
  const sealed = hold.releasedAt === null ? await openReason(engine, hold.id) : undefined;
  return { hold, reason: sealed?.reason ?? null, subject: sealed?.subject ?? null };
}

async function openReason(engine: Engine, holdId: string): Promise<HoldReason | undefined> {
  const artifact = await engine.store.reads.artifacts.find(holdId, 'hold-reason');
  if (artifact === undefined || artifact.sealed === null) return undefined;
  try {
    return await openJson<HoldReason>(engine, artifact);
  } catch (error) {
    // It was released between two of our looks.
    if (hasCode(error, 'key_destroyed')) return undefined;
    throw error;
  }
}
