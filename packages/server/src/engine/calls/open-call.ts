import { isId } from '../../lib/ids.ts';
import { isArchived } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads } from '../../model/store.ts';
import { type VisibleCall, visibleCall } from './visible-call.ts';

/**
 * The archived call to which something is about to be added, and what started erasures have taken of it from sight. To be
 * asked in the transaction that adds it.
 *
 * Throws `call_not_found` for one that is unknown, another tenant's, on its way or only awaited; `call_erased` for one that
 * was purged, for as long as its tombstone stays; and `upload_busy` while a purge of it has begun whose keys are not
 * destroyed yet: a hold may still stop it, so that nobody can say at this moment which of the two it is.
 */
export async function openCall(
  on: Pick<StoreReads, 'calls' | 'erasures' | 'tombstones'>,
  tenantId: string,
  callId: string,
): Promise<VisibleCall> {
  const visible = await visibleCall(on, tenantId, callId);
  if (visible !== undefined) return visible;
  if (!isId(callId)) throw new AppError('call_not_found');
  const [tombstone] = await on.tombstones.find(tenantId, [callId]);
  // Of what was only awaited nobody was ever told the id.
  if (tombstone !== undefined && tombstone.lastStatus !== 'awaited') throw erasedForGood();
  const call = await on.calls.find(tenantId, callId);
  if (call === undefined || !isArchived(call)) throw new AppError('call_not_found');
  throw beingErased();
}

/** Said of what is erased already: what comes late for it is refused. */
function erasedForGood(): AppError {
  return new AppError('call_erased', { message: 'This call was erased; nothing can be added to it' });
}

/** Said while an erasure has begun that may yet yield to a hold. */
export function beingErased(): AppError {
  return new AppError('upload_busy', { message: 'This call is being erased; try again later' });
}
