import { nextTurn } from '../../lib/next-turn.ts';
import type { Call } from '../../model/call.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { type Named, resolveSubject, understand } from '../plans/subject.ts';
import { type CallPage, cursorOf, isBehind, type Place, placeIn, placeOf } from './list-calls.ts';
import { visibleCalls } from './visible-call.ts';

/** What calls are looked for by: any of the identifiers. Times in ms, `from` included, `to` not. */
export type AskedByIdentifiers = {
  identifiers: readonly Named[];
  kind?: Call['kind'];
  from?: number;
  to?: number;
  cursor?: string;
  limit: number;
};

/** The most calls that one search looks at: those archived last. */
const foundMax = 50_000;
/** Rows read together, before others get their turn. */
const batch = 1000;

/**
 * The calls of the caller's tenant that carry any of these identifiers, or whose candidate does: what an erasure of the same
 * subject would reach and `readCall` would show. By their rows alone, newest first.
 *
 * A call found by nothing but a number or an e-mail is left out once its personal parts are erased, or begin to be: nobody
 * is to learn whose it was. Throws `input_invalid` for a cursor that is none.
 */
export async function findCalls(engine: Engine, caller: Caller, asked: AskedByIdentifiers): Promise<CallPage> {
  requireScope(caller, 'calls:read');
  const before = placeIn(asked.cursor);
  const byPerson = await idsOf(engine, caller, asked.identifiers.filter(isPersonal));
  const byName = await idsOf(
    engine,
    caller,
    asked.identifiers.filter((one) => !isPersonal(one)),
  );
  // Ids tell when calls were archived.
  const ids = [...new Set([...byPerson, ...byName])].sort().slice(-foundMax);
  const kept: Call[] = [];
  for (let at = 0; at < ids.length; at += batch) {
    const some = ids.slice(at, at + batch);
    const shown = await engine.store.snapshot(async (reads) => await visibleCalls(reads, caller.tenant.id, some));
    for (const { call, gated } of shown) {
      const isNamed = byName.has(call.id) || (call.depersonalizedAt === null && !gated.has('details'));
      if (isNamed && keeps(asked, before, call)) kept.push(call);
    }
    await nextTurn();
  }
  return pageOf(kept, asked.limit);
}

function isPersonal({ kind }: Named): boolean {
  return kind === 'phone' || kind === 'email';
}

/** What identifiers of nobody name is nothing; it costs no look. */
async function idsOf(engine: Engine, { tenant }: Caller, named: readonly Named[]): Promise<Set<string>> {
  if (named.length === 0) return new Set();
  const understood = await understand(tenant, named);
  const { ids } = await resolveSubject(engine, engine.store.reads, tenant, understood, 'depersonalize');
  return new Set(ids);
}

function keeps({ kind, from, to }: AskedByIdentifiers, before: Place | undefined, call: Call): boolean {
  const place = placeOf(call);
  return (
    (kind === undefined || call.kind === kind) &&
    (from === undefined || place.at >= from) &&
    (to === undefined || place.at < to) &&
    (before === undefined || isBehind(place, before))
  );
}

function pageOf(found: readonly Call[], limit: number): CallPage {
  const sorted = found.toSorted((a, b) => (isBehind(placeOf(a), placeOf(b)) ? 1 : -1));
  const calls = sorted.slice(0, limit);
  const last = calls.at(-1);
  return { calls, next: last === undefined || sorted.length <= limit ? null : cursorOf(placeOf(last)) };
}
