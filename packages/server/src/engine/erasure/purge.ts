import { type Call, isLive } from '../../model/call.ts';
import { hasCode } from '../../model/errors.ts';
import { readCorrelations } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { type EarlyEvents, findEarlyEvents } from './early-events.ts';
import { type EraseNow, eraseNow, previewHolds } from './erase-now.ts';
import { type Named, nameSubject, type PurgeSubject } from './purge-subject.ts';
import { gatedByPurge, type Resolved } from './resolve.ts';
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
  /** Leaves calls alone that are still on their way into the archive, or not over yet, and says so of them. */
  refuseIncomplete?: boolean;
};

/** Attempts at a purge whose calls come and go while it is being planned. */
const attemptsMax = 20;

/**
 * Purges calls for a vendor's client, or says what a purge would do. All ids are resolved before anything is done, and the
 * events that wait for them are erased with them. When it resolves the calls can no longer be opened, unless `waitMs` ran
 * out first. Throws `plan_changed` where calls of these sessions come and go all the time.
 */
export async function purge(
  engine: Engine,
  caller: Caller,
  subject: PurgeSubject,
  options: PurgeOptions,
): Promise<PurgeItem[]> {
  if (options.whatIf) requireScope(caller, 'erasures:preview', 'erasures:execute');
  else requireScope(caller, 'erasures:execute');
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await purgeOnce(engine, caller, subject, options);
    } catch (error) {
      if (!hasCode(error, 'plan_changed') || attempt === attemptsMax) throw error;
    }
  }
}

async function purgeOnce(
  engine: Engine,
  caller: Caller,
  subject: PurgeSubject,
  options: PurgeOptions,
): Promise<PurgeItem[]> {
  // First: what is taken by its call while the calls are being named was there all the time.
  const mayWait = await engine.store.reads.calls.anyAwaited(caller.tenant.id);
  const named = await nameSubject(engine, caller, subject);
  const sorted = await sortOut(engine, named, options);
  const fresh = sorted.fresh.map((call) => call.id);
  const early = await findEarlyEvents(engine, caller, {
    sessions: sessionsToClear(named, sorted),
    known: sorted.callIds,
    purged: new Set(fresh),
    coming: sorted.fresh.filter(isComing),
    mayWait,
  });
  // A purge under way may have taken some of them; one that is planned has not, and would only take them once more.
  const callIds = [...fresh, ...(early?.callIds ?? [])];
  let sessions: Sessions = new Map();
  const beforeShredding = async () => {
    if (subject.by !== 'sessions') sessions = await sessionsOf(engine, sorted.callIds);
  };
  const held = options.whatIf
    ? await previewHolds(engine, caller, callIds)
    : await carryOut(engine, caller, { callIds, beforeShredding, isStillSo: early?.isStillSo }, options.waitMs);
  if (options.whatIf) await beforeShredding();
  const standingOf = (id: string): PurgeItem['standing'] => {
    if (sorted.incomplete.has(id)) return 'incomplete';
    if (held.has(id)) return 'held';
    return options.whatIf && !sorted.purging.has(id) ? 'would_purge' : 'purging';
  };
  return named.map((one) => itemOf(one, { sessions, standingOf, early }));
}

/** The calls named, each once, by what is to be done with them. */
type Sorted = {
  callIds: readonly string[];
  /** Being purged already. */
  purging: ReadonlySet<string>;
  /** Left alone, since they are on their way into the archive or not over yet. */
  incomplete: ReadonlySet<string>;
  /** To be purged. */
  fresh: readonly Call[];
};

async function sortOut(
  engine: Engine,
  named: readonly Named[],
  { refuseIncomplete = false }: PurgeOptions,
): Promise<Sorted> {
  const calls = new Map(named.flatMap(({ is }) => (is.kind === 'call' ? [[is.call.id, is.call]] : [])));
  const callIds = [...calls.keys()];
  const purging = await gatedByPurge(engine.store.reads, callIds);
  const others = [...calls.values()].filter((call) => !purging.has(call.id));
  const incomplete = new Set(refuseIncomplete ? others.flatMap((call) => (isIncomplete(call) ? [call.id] : [])) : []);
  return { callIds, purging, incomplete, fresh: others.filter((call) => !incomplete.has(call.id)) };
}

function isComing(call: Call): boolean {
  return call.status === 'uploading';
}

/** A call that is archived while it is to be dialled, or being spoken, has more to come. */
function isIncomplete(call: Call): boolean {
  return isComing(call) || isLive(call);
}

/** The session ids asked, each once, without those whose call is left alone: then what waits for it is, too. */
function sessionsToClear(named: readonly Named[], { incomplete }: Sorted): string[] {
  const asked = named.flatMap(({ sessionAsked, is }) => {
    const isLeft = is.kind === 'call' && incomplete.has(is.call.id);
    return sessionAsked === null || isLeft ? [] : [sessionAsked];
  });
  return [...new Set(asked)];
}

type ToErase = Pick<EraseNow, 'callIds' | 'beforeShredding'> & { isStillSo: EraseNow['isStillSo'] | undefined };

/** Purges, and says which of the calls a hold has kept from it. */
async function carryOut(
  engine: Engine,
  caller: Caller,
  { callIds, beforeShredding, isStillSo }: ToErase,
  waitMs: number,
): Promise<ReadonlySet<string>> {
  const started = await eraseNow(engine, caller, {
    action: 'purge',
    keepRecording: false,
    callIds,
    ...(beforeShredding && { beforeShredding }),
    ...(isStillSo && { isStillSo }),
  });
  if (started === undefined) {
    await beforeShredding?.();
    return new Set(callIds);
  }
  await untilShredded(started, waitMs);
  return await heldAtLast(engine, started);
}

/** Session ids by call id, as far as they are known. */
type Sessions = ReadonlyMap<string, string>;

async function sessionsOf(engine: Engine, callIds: readonly string[]): Promise<Sessions> {
  const sessions = new Map<string, string>();
  for (const [callId, correlation] of await readCorrelations(engine, callIds)) {
    const sessionId = correlation['sessionId'];
    if (typeof sessionId === 'string') sessions.set(callId, sessionId);
  }
  return sessions;
}

type Outcome = {
  sessions: Sessions;
  standingOf: (callId: string) => PurgeItem['standing'];
  early: EarlyEvents | undefined;
};

function itemOf({ asked, sessionAsked, is }: Named, { sessions, standingOf, early }: Outcome): PurgeItem {
  const known = knownIdOf(is);
  const sessionId = sessionAsked ?? (known === null ? null : (sessions.get(known) ?? null));
  const item = { callId: asked ?? known, sessionId };
  if (is.kind === 'call') return { ...item, standing: standingOf(is.call.id) };
  if (is.kind === 'erasing') return { ...item, standing: 'purging' };
  const standings = (early?.bySession.get(sessionAsked ?? '') ?? []).map(standingOf);
  return { ...item, standing: standings.find((one) => one === 'held') ?? standings[0] ?? 'not_found' };
}

/** The id that a client may be told: of a call that never came nobody was told one. */
function knownIdOf(is: Resolved): string | null {
  if (is.kind === 'call') return is.call.id;
  return is.kind === 'erasing' && is.tombstone.lastStatus !== 'awaited' ? is.tombstone.callId : null;
}
