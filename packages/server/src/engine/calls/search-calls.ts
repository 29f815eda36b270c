import { nextTurn } from '../../lib/next-turn.ts';
import type { CallArtifactKind, Identifier } from '../../model/call.ts';
import type { CallOrder, CallSearch } from '../../model/call-search.ts';
import { personalIdentifierKinds } from '../../model/erasure.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { findOwners } from '../identifiers.ts';
import { type ReadCall, readCalls } from './read-call.ts';

/** What calls are asked for. Every condition given must hold. */
export type CallQuery = {
  conditions: CallSearch;
  /** A call must carry each of them. */
  identifiers: readonly Identifier[];
  /** What only an opened call can tell; asked again when the call is shown. */
  filter: CallFilter | null;
  order: CallOrder;
  /** Which of those found are to be shown: `limit` of them after the first `offset`. */
  part: { offset: number; limit: number };
  /** What is to be opened of a call that is shown. */
  opens: readonly CallArtifactKind[];
  /** False where nobody asks how many there are. */
  isCounted: boolean;
};

/** `opens` is what `keeps` looks at. */
export type CallFilter = { opens: readonly CallArtifactKind[]; keeps: (read: ReadCall) => boolean };

export type FoundCalls = {
  /** How many were found, shown or not, without those that were gone when their turn came. */
  count: () => number;
  /** Those to be shown, opened one after the other as they are asked for. */
  shown: AsyncGenerator<ReadCall>;
};

/** The most calls that one search looks at: the first in its order. */
export const searchedMax = 50_000;

/** Calls opened together, before others get their turn: so many, and no more of them than this, if not one alone. */
const batch = 64;
const batchSealedBytesMax = 8 * 1024 * 1024;
/** What was opened longer ago is opened anew before it is shown. */
const freshMs = 1000;
/** Owners of an identifier read in one go. */
const ownersPerLook = 5000;

/**
 * Finds archived calls of the caller's tenant and opens those that are to be shown, in constant memory however many they are.
 *
 * Each is shown as it is when its turn comes, or was at most a second before: what has been erased by then is null, and a
 * call that is purged by then, or that the filter no longer keeps, is left out. A call found by a number or an e-mail is left out once
 * its personal parts are erased, or begin to be: nobody is to learn whose it was. A damaged call is left out too,
 * unless it is the one that was asked for: to leave that out would tell a client that it was purged (`readCalls`).
 *
 * Looks at no more than `searchedMax` calls, and not at the others, whatever conditions those would keep. Without an id, an
 * identifier, a candidate or a task these are the first, in the order asked for, that came in natively (and of the time asked
 * for, where the order is that of starts). Else they are the first, or where descending the last, in the order in which they
 * were archived, of those that have the ids and identifiers; or of each candidate, or task, one after the other. `count` is of
 * those alone.
 */
export async function searchCalls(engine: Engine, caller: Caller, asked: CallQuery): Promise<FoundCalls> {
  requireScope(caller, 'calls:read');
  const { filter, part, isCounted } = asked;
  const query = { ...asked, filter: asked.identifiers.some(isPersonal) ? andHasDetails(filter) : filter };
  const most = isCounted || query.filter ? searchedMax : Math.min(searchedMax, part.offset + part.limit);
  const candidates = await idsOf(engine, caller, query, most);
  const ids = query.filter ? await filtered(engine, caller, candidates, query, query.filter) : candidates;
  let count = ids.length;
  const gone = () => {
    count -= 1;
  };
  const window = ids.slice(part.offset, part.offset + part.limit);
  return { count: () => count, shown: opened(engine, caller, window, query, gone) };
}

/** Ids of the calls that rows and tokens find, at most so many. */
async function idsOf(engine: Engine, { tenant }: Caller, query: CallQuery, most: number): Promise<string[]> {
  const { conditions, identifiers, order } = query;
  let ids = conditions.ids;
  for (const identifier of identifiers) {
    const owners = await ownersOf(engine, tenant, identifier);
    ids = ids === undefined ? [...owners] : ids.filter((id) => owners.has(id));
  }
  if (Object.values({ ...conditions, ids }).some((list) => Array.isArray(list) && list.length === 0)) return [];
  const bounds = { lookedAt: searchedMax, found: most };
  const named = ids && { ids: firstOf(ids, order) };
  return await engine.store.reads.calls.search(tenant.id, { ...conditions, ...named }, order, bounds);
}

/** Ids tell when their calls were archived. */
function firstOf(ids: readonly string[], { isDescending }: CallOrder): readonly string[] {
  if (ids.length <= searchedMax) return ids;
  const sorted = ids.toSorted();
  return isDescending ? sorted.slice(-searchedMax) : sorted.slice(0, searchedMax);
}

async function ownersOf(engine: Engine, tenant: Caller['tenant'], identifier: Identifier): Promise<Set<string>> {
  const owners = new Set<string>();
  for (let afterId = ''; ; ) {
    const page = { afterId, limit: ownersPerLook };
    const some = await findOwners(engine, engine.store.reads, tenant, identifier, page);
    for (const owner of some) owners.add(owner);
    const last = some.at(-1);
    if (last === undefined || some.length < ownersPerLook) return owners;
    afterId = last;
    await nextTurn();
  }
}

/** Those of the calls that the filter keeps; where nobody counts, no more of them than will be shown. */
async function filtered(
  engine: Engine,
  caller: Caller,
  ids: readonly string[],
  query: CallQuery,
  { opens, keeps }: CallFilter,
): Promise<string[]> {
  const { part, isCounted } = query;
  const isStrict = asksForOne(query);
  const kept: string[] = [];
  const most = isCounted ? Number.POSITIVE_INFINITY : part.offset + part.limit;
  for (let at = 0; at < ids.length && kept.length < most; ) {
    const some = await openableTogether(engine, ids.slice(at, at + batch), opens);
    at += some.length;
    const read = await readCalls(engine, caller, some, opens, { isStrict });
    for (const id of some) {
      const one = read.get(id);
      if (one !== undefined && keeps(one)) kept.push(id);
    }
    await nextTurn();
  }
  return kept;
}

async function* opened(
  engine: Engine,
  caller: Caller,
  ids: readonly string[],
  query: CallQuery,
  gone: () => void,
): AsyncGenerator<ReadCall> {
  const { opens, filter } = query;
  const isStrict = asksForOne(query);
  const parts = [...new Set([...opens, ...(filter?.opens ?? [])])];
  for (let at = 0; at < ids.length; ) {
    const some = await openableTogether(engine, ids.slice(at, at + batch), parts);
    const openedAt = engine.clock.now();
    const read = await readCalls(engine, caller, some, parts, { isStrict });
    for (const id of some) {
      at += 1;
      const one = read.get(id);
      if (one !== undefined && (filter?.keeps(one) ?? true)) yield one;
      else gone();
      // Whoever reads slowly must not be shown what has been erased meanwhile: the rest is opened anew.
      if (Math.abs(engine.clock.now() - openedAt) >= freshMs) break;
    }
    await nextTurn();
  }
}

/**
 * The first of the calls, as many as may be in memory at once: sealed, plain and parsed they take a multiple of what is
 * sealed. At least one, as long as there are any. What one of them grows by before it is read is not weighed.
 */
async function openableTogether(
  engine: Engine,
  ids: readonly string[],
  parts: readonly CallArtifactKind[],
): Promise<readonly string[]> {
  if (ids.length <= 1 || parts.length === 0) return ids;
  const sealedBytes = await engine.store.reads.artifacts.sealedBytes(ids, parts);
  let sum = 0;
  const end = ids.findIndex((id, place) => {
    sum += sealedBytes.get(id) ?? 0;
    return place > 0 && sum > batchSealedBytesMax;
  });
  return end < 0 ? ids : ids.slice(0, end);
}

/** Other conditions only say what else is known of it. */
function asksForOne({ conditions: { ids } }: CallQuery): boolean {
  return ids?.length === 1;
}

function isPersonal({ kind }: Identifier): boolean {
  return personalIdentifierKinds.includes(kind);
}

function andHasDetails(filter: CallFilter | null): CallFilter {
  const opens = [...new Set([...(filter?.opens ?? []), 'details' as const])];
  return { opens, keeps: (read) => read.details !== null && (filter?.keeps(read) ?? true) };
}
