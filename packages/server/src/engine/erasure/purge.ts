import { AppError } from '../../model/errors.ts';
import { understandPhone } from '../../model/phone.ts';
import { readCorrelations } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { eraseNow, previewHolds, type Started } from './erase-now.ts';
import { gatedByPurge, type Resolved, resolveCalls, resolvePhone, resolveSessions } from './resolve.ts';

/** How a purge names its calls. */
export type PurgeSubject =
  | { by: 'calls'; ids: readonly string[] }
  | { by: 'sessions'; ids: readonly string[] }
  | { by: 'phone'; phone: string };

/** What is said of one named thing, in the order asked (by phone: in the order of age). */
export type PurgeItem = {
  callId: string | null;
  sessionId: string | null;
  standing: 'purging' | 'not_found' | 'held' | 'would_purge';
};

export type PurgeOptions = {
  whatIf: boolean;
  /** The answer waits for the shredding at most this long; the purge goes on meanwhile. */
  waitMs: number;
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
  const named = await resolve(engine, caller, subject);
  const callIds = [...new Set(named.flatMap(({ is }) => (is.kind === 'call' ? [is.call.id] : [])))];
  const purging = await gatedByPurge(engine.store.reads, callIds);
  const fresh = callIds.filter((id) => !purging.has(id));
  if (options.whatIf) {
    const held = await previewHolds(engine, caller, fresh);
    const sessions = await sessionsOf(engine, subject, callIds);
    return named.map((one) => itemOf(one, sessions, (id) => previewed(id, purging, held)));
  }
  let sessions: Sessions = new Map();
  const beforeShredding = async () => {
    sessions = await sessionsOf(engine, subject, callIds);
  };
  const asked = { action: 'purge', keepRecording: false, callIds: fresh, beforeShredding } as const;
  const started = await eraseNow(engine, caller, asked);
  if (started === undefined) await beforeShredding();
  else await atMost(started.shredded, options.waitMs);
  const held = started === undefined ? new Set(fresh) : await heldAtLast(engine, started);
  return named.map((one) => itemOf(one, sessions, (id) => (held.has(id) ? 'held' : 'purging')));
}

/** One thing as asked: by call id or by session id, echoed verbatim, or found by phone. */
type Named = { asked: string | null; sessionAsked: string | null; is: Resolved };

async function resolve(engine: Engine, caller: Caller, subject: PurgeSubject): Promise<Named[]> {
  switch (subject.by) {
    case 'calls': {
      const found = await resolveCalls(engine, caller, subject.ids);
      return subject.ids.map((asked, i) => ({ asked, sessionAsked: null, is: found[i] ?? { kind: 'unknown' } }));
    }
    case 'sessions': {
      const found = await resolveSessions(engine, caller, subject.ids);
      return subject.ids.map((id, i) => ({ asked: null, sessionAsked: id, is: found[i] ?? { kind: 'unknown' } }));
    }
    case 'phone': {
      if (understandPhone(subject.phone, caller.tenant.region) === undefined) {
        throw new AppError('input_invalid', { message: 'The phone number has no digit' });
      }
      const ids = await resolvePhone(engine, engine.store.reads, caller, subject.phone);
      const found = await resolveCalls(engine, caller, ids);
      // A hold that carried the number and was released meanwhile is no call: nobody named it.
      return found.flatMap((is) => (is.kind === 'unknown' ? [] : [{ asked: null, sessionAsked: null, is }]));
    }
  }
}

/** Session ids by call id, as far as they are known. */
type Sessions = Map<string, string>;

async function sessionsOf(engine: Engine, subject: PurgeSubject, callIds: readonly string[]): Promise<Sessions> {
  if (subject.by === 'sessions') return new Map();
  const sessions: Sessions = new Map();
  for (const [callId, correlation] of await readCorrelations(engine, callIds)) {
    const sessionId = correlation['sessionId'];
    if (typeof sessionId === 'string') sessions.set(callId, sessionId);
  }
  return sessions;
}

function previewed(id: string, purging: ReadonlySet<string>, held: ReadonlySet<string>): PurgeItem['standing'] {
  if (purging.has(id)) return 'purging';
  return held.has(id) ? 'held' : 'would_purge';
}

function itemOf(
  { asked, sessionAsked, is }: Named,
  sessions: Sessions,
  standingOfCall: (callId: string) => PurgeItem['standing'],
): PurgeItem {
  const isKnown = is.kind === 'call' || is.kind === 'erasing';
  const id = is.kind === 'call' ? is.call.id : is.kind === 'erasing' ? is.tombstone.callId : null;
  const callId = asked ?? (isKnown ? id : null);
  const sessionId = sessionAsked ?? (id === null ? null : (sessions.get(id) ?? null));
  if (is.kind === 'call') return { callId, sessionId, standing: standingOfCall(is.call.id) };
  return { callId, sessionId, standing: is.kind === 'erasing' ? 'purging' : 'not_found' };
}

/** Calls held when the purge was planned, and those that a hold placed since has kept from being shredded. */
async function heldAtLast(engine: Engine, started: Started): Promise<Set<string>> {
  const held = new Set(started.heldCallIds);
  const { held: count } = await engine.store.reads.erasures.tally(started.erasure.id);
  const options = { fromSeq: 0, limit: count, states: ['held'] } as const;
  if (count === 0) return held;
  for (const item of await engine.store.reads.erasures.items(started.erasure.id, options)) held.add(item.callId);
  return held;
}

/** Waits for the shredding, but not for ever: it goes on in the background, and a repeat shows how far it came. */
async function atMost(shredded: Promise<void>, waitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitMs);
  });
  try {
    await Promise.race([shredded, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
