import { isId } from '../../lib/ids.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { Call } from '../../model/call.ts';
import type { CallList } from '../../model/call-search.ts';
import { AppError } from '../../model/errors.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { withGates } from './visible-call.ts';

/** Which calls are asked for. `cursor` is where the page before ended. Times in ms, `from` included, `to` not. */
export type AskedCalls = Omit<CallList, 'before'> & { cursor?: string };

/** Rows of calls, newest first by when they began; `next` is null on the last page. */
export type CallPage = { calls: Call[]; next: string | null };

/** Pages looked at for one: where a large purge has begun, all calls of many of them may be out of sight. */
const looksMax = 10;

/**
 * The calls of the caller's tenant, vendors' too, by their rows alone: nothing sealed is opened. What `readCall` would not
 * show is left out, so that a page may have fewer calls than asked for, or none, while `next` says that there are more.
 * Throws `input_invalid` for a cursor that is none.
 */
export async function listCalls(
  engine: Engine,
  caller: Caller,
  { cursor, limit, ...asked }: AskedCalls,
): Promise<CallPage> {
  requireScope(caller, 'calls:read');
  const calls: Call[] = [];
  let before = placeIn(cursor);
  for (let look = 1; look <= looksMax; look += 1) {
    const missing = limit - calls.length;
    const page: CallList = { ...asked, limit: missing + 1, ...(before && { before }) };
    const { rows, shown } = await engine.store.snapshot(async (reads) => {
      const found = await reads.calls.list(caller.tenant.id, page);
      return { rows: found, shown: await withGates(reads, found.slice(0, missing)) };
    });
    for (const { call } of shown) calls.push(call);
    const last = rows.slice(0, missing).at(-1);
    if (rows.length <= missing || last === undefined) return { calls, next: null };
    before = placeOf(last);
    if (calls.length === limit) break;
    await nextTurn();
  }
  return { calls, next: before === undefined ? null : cursorOf(before) };
}

/** Where a call stands among the others: by when it began, or where that is unknown by when it was archived. */
export type Place = { at: number; id: string };

/** Where a call stands. */
export function placeOf({ id, startedAt, createdAt }: Pick<Call, 'id' | 'startedAt' | 'createdAt'>): Place {
  return { at: startedAt ?? createdAt, id };
}

/** True where `a` comes after `b`, newest first. */
export function isBehind(a: Place, b: Place): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}

/** A place as clients are told it: opaque to them. */
export function cursorOf({ at, id }: Place): string {
  return `${at}.${id}`;
}

/** The place that a cursor tells; undefined without one. Throws `input_invalid` for text that is none. */
export function placeIn(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  const [, at, id = ''] = /^(-?\d{1,16})\.(.+)$/.exec(cursor) ?? [];
  if (at === undefined || !isId(id)) throw new AppError('input_invalid', { message: 'cursor is not one' });
  return { at: Number(at), id };
}
