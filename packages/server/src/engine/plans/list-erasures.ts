import { isId } from '../../lib/ids.ts';
import type { ErasureState } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { asOfNow, type ErasureView, viewOf } from './read-erasure.ts';

/** Which erasures are asked for. */
export type AskedErasures = { state?: ErasureState; cursor?: string; limit: number };

/** A page of them, newest first, without their identifiers; `next` is null on the last. */
export type ErasurePage = { erasures: ErasureView[]; next: string | null };

/**
 * The erasures of the caller's tenant, vendors' too. Throws `input_invalid` for a cursor that is none. A page of one state may
 * have fewer than `limit` and yet a `next`.
 */
export async function listErasures(
  engine: Engine,
  caller: Caller,
  { state, cursor, limit }: AskedErasures,
): Promise<ErasurePage> {
  requireScope(caller, 'erasures:preview', 'erasures:execute');
  if (cursor !== undefined && !isId(cursor)) throw new AppError('input_invalid', { message: 'cursor is not one' });
  const states = state === undefined ? undefined : statesBehind(state);
  const options = { limit: limit + 1, ...(cursor && { beforeId: cursor }), ...(states && { states }) };
  const found = await engine.store.reads.erasures.list(caller.tenant.id, options);
  const erasures: ErasureView[] = [];
  for (const row of found.slice(0, limit)) {
    const erasure = asOfNow(engine, row);
    if (state === undefined || erasure.state === state) erasures.push(await viewOf(engine, erasure));
  }
  return { erasures, next: found.length > limit ? (found[limit - 1]?.id ?? null) : null };
}

/** A plan that has just expired is told as cancelled before its row says so. */
function statesBehind(state: ErasureState): ErasureState[] {
  return state === 'cancelled' ? ['cancelled', 'planned'] : [state];
}
