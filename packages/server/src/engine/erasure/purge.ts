import type { Call } from '../../model/call.ts';
import { readCorrelations } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { type Cores, coresOfOwner } from '../identifiers.ts';
import { eraseNow, previewHolds } from './erase-now.ts';
import { type AwaitedEnd, purgeAwaited } from './purge-awaited.ts';
import { type Named, nameSubject, type PurgeSubject } from './purge-subject.ts';
import { gatedByPurge } from './resolve.ts';
import { heldAtLast, untilShredded } from './started.ts';

/** What is said of one named thing, in the order asked (of a customer: in the order of age). */
export type PurgeItem = {
  callId: string | null;
  sessionId: string | null;
  standing: 'purging' | 'not_found' | 'held' | 'would_purge' | 'incomplete';
};

export type PurgeOptions = {
  whatIf: boolean;
  /** The answer waits for the shredding at most this long; the purge goes on meanwhile. */
  waitMs: number;
  /** Leaves calls alone that are still on their way into the archive, and says so of them. */
  refuseIncomplete?: boolean;
};

/**
 * Purges calls for a vendor's client, or says what a purge would do. All ids are resolved before anything is done. When
 * it resolves the calls can no longer be opened, unless `waitMs` ran out first.
 */
export async function purge(
  engine: Engine,
  caller: Caller,
  subject: PurgeSubject,
  options: PurgeOptions,
): Promise<PurgeItem[]> {
  if (options.whatIf) requireScope(caller, 'erasures:preview', 'erasures:execute');
  else requireScope(caller, 'erasures:execute');
  const named = await nameSubject(engine, caller, subject);
  const sorted = await sortOut(engine, named, options);
  // Asked for before the purge: with a call's tokens goes what leads from it to the events that wait for it.
  const coming = await sessionsOfComing(engine, caller, sorted);
  const { held, sessions } = await purgeOrLook(engine, caller, sorted, options, subject.by !== 'sessions');
  const left = new Set([...held, ...sorted.incomplete]);
  const awaited = await purgeAwaited(engine, caller, {
    ...options,
    sessionIds: sessionsBut(named, left),
    coming: [...coming].flatMap(([id, cores]) => (left.has(id) ? [] : [cores])),
  });
  const standingOf = (id: string): PurgeItem['standing'] => {
    if (sorted.incomplete.has(id)) return 'incomplete';
    if (held.has(id)) return 'held';
    return options.whatIf && !sorted.purging.has(id) ? 'would_purge' : 'purging';
  };
  return named.map((one) => itemOf(one, { sessions, standingOf, awaited }));
}

/** The calls named, each once, by what is to be done with them. */
type Sorted = {
  callIds: readonly string[];
  /** Being purged already. */
  purging: ReadonlySet<string>;
  /** Left alone, since they are on their way into the archive. */
  incomplete: ReadonlySet<string>;
  /** To be purged. */
  fresh: readonly Call[];
};

async function sortOut(engine: Engine, named: readonly Named[], { refuseIncomplete }: PurgeOptions): Promise<Sorted> {
  const calls = new Map(named.flatMap(({ is }) => (is.kind === 'call' ? [[is.call.id, is.call]] : [])));
  const callIds = [...calls.keys()];
  const purging = await gatedByPurge(engine.store.reads, callIds);
  const others = [...calls.values()].filter((call) => !purging.has(call.id));
  const incomplete = new Set(refuseIncomplete ? others.flatMap((call) => (isComing(call) ? [call.id] : [])) : []);
  return { callIds, purging, incomplete, fresh: others.filter((call) => !incomplete.has(call.id)) };
}

function isComing(call: Call): boolean {
  return call.status === 'uploading';
}

/** Of calls that are on their way, by their id: what their session ids are stored as. */
async function sessionsOfComing(engine: Engine, caller: Caller, { fresh }: Sorted): Promise<Map<string, Cores>> {
  const found = new Map<string, Cores>();
  for (const { id } of fresh.filter(isComing)) {
    found.set(id, await coresOfOwner(engine, engine.store.reads, caller.tenant.id, id, 'session'));
  }
  return found;
}

/** Session ids by call id, as far as they are known. */
type Sessions = ReadonlyMap<string, string>;

/** Which of the calls a hold covers, and the session ids of all, read while they can be. */
async function purgeOrLook(
  engine: Engine,
  caller: Caller,
  { callIds, fresh }: Sorted,
  { whatIf, waitMs }: PurgeOptions,
  namesSessions: boolean,
): Promise<{ held: ReadonlySet<string>; sessions: Sessions }> {
  const ids = fresh.map((call) => call.id);
  let sessions: Sessions = new Map();
  const beforeShredding = async () => {
    if (namesSessions) sessions = await sessionsOf(engine, callIds);
  };
  if (whatIf) {
    const held = await previewHolds(engine, caller, ids);
    await beforeShredding();
    return { held, sessions };
  }
  const asked = { action: 'purge', keepRecording: false, callIds: ids, beforeShredding } as const;
  const started = await eraseNow(engine, caller, asked);
  if (started === undefined) await beforeShredding();
  else await untilShredded(started, waitMs);
  const held = started === undefined ? new Set(ids) : await heldAtLast(engine, started);
  return { held, sessions };
}

async function sessionsOf(engine: Engine, callIds: readonly string[]): Promise<Sessions> {
  const sessions = new Map<string, string>();
  for (const [callId, correlation] of await readCorrelations(engine, callIds)) {
    const sessionId = correlation['sessionId'];
    if (typeof sessionId === 'string') sessions.set(callId, sessionId);
  }
  return sessions;
}

/** The session ids asked for, without those whose call is left alone: then what waits for it is, too. */
function sessionsBut(named: readonly Named[], left: ReadonlySet<string>): string[] {
  return named.flatMap(({ sessionAsked, is }) => {
    const isLeft = is.kind === 'call' && left.has(is.call.id);
    return sessionAsked === null || isLeft ? [] : [sessionAsked];
  });
}

type Outcome = {
  sessions: Sessions;
  standingOf: (callId: string) => PurgeItem['standing'];
  awaited: ReadonlyMap<string, AwaitedEnd>;
};

function itemOf({ asked, sessionAsked, is }: Named, { sessions, standingOf, awaited }: Outcome): PurgeItem {
  const known = is.kind === 'call' ? is.call.id : is.kind === 'erasing' ? is.tombstone.callId : null;
  const sessionId = sessionAsked ?? (known === null ? null : (sessions.get(known) ?? null));
  const item = { callId: asked ?? known, sessionId };
  if (is.kind === 'call') return { ...item, standing: standingOf(is.call.id) };
  if (is.kind === 'erasing') return { ...item, standing: 'purging' };
  return { ...item, standing: awaited.get(sessionAsked ?? '') ?? 'not_found' };
}
