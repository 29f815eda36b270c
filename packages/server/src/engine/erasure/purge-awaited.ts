import type { Caller, Engine } from '../context.ts';
import { carriers } from '../events/awaited.ts';
import { type Cores, coresOf } from '../identifiers.ts';
import { eraseNow, previewHolds } from './erase-now.ts';
import { gatedByPurge } from './resolve.ts';
import { heldAtLast, untilShredded } from './started.ts';

/** What a purge does with the events that wait for a session. */
export type AwaitedEnd = 'would_purge' | 'purging' | 'held';

type Asked = {
  sessionIds: readonly string[];
  /** Sessions of calls that are on their way, whose ids nobody has in clear. */
  coming: readonly Cores[];
  whatIf: boolean;
  waitMs: number;
};

/**
 * Purges the events that wait for calls of these sessions; says what became of them by session id. Only once a gate
 * stands, theirs or that of the call that is on its way, can no more be added: so it looks again until it finds none.
 */
export async function purgeAwaited(engine: Engine, caller: Caller, asked: Asked): Promise<Map<string, AwaitedEnd>> {
  const ends = new Map<string, AwaitedEnd>();
  const seen = new Set<string>();
  let sessions: Sessions | undefined;
  while (await engine.store.reads.calls.anyAwaited(caller.tenant.id)) {
    sessions ??= await coresBySession(engine, caller, asked);
    const found = await awaitedBySession(engine, caller, sessions);
    const ids = [...found.values()].flat();
    const purging = await gatedByPurge(engine.store.reads, ids);
    const fresh = ids.filter((id) => !seen.has(id) && !purging.has(id));
    const held = await purgeOrLook(engine, caller, asked, fresh);
    for (const [session, mine] of found) {
      if (typeof session === 'symbol' || ends.get(session) === 'held') continue;
      const isOnlyLookedAt = asked.whatIf && !mine.some((id) => purging.has(id));
      const end = isOnlyLookedAt ? 'would_purge' : 'purging';
      ends.set(session, mine.some((id) => held.has(id)) ? 'held' : end);
    }
    for (const id of fresh) seen.add(id);
    if (asked.whatIf || fresh.length === 0) break;
  }
  return ends;
}

/** Returns those that a hold covers. */
async function purgeOrLook(
  engine: Engine,
  caller: Caller,
  { whatIf, waitMs }: Asked,
  callIds: readonly string[],
): Promise<Set<string>> {
  if (callIds.length === 0) return new Set();
  if (whatIf) return await previewHolds(engine, caller, callIds);
  const started = await eraseNow(engine, caller, { action: 'purge', keepRecording: false, callIds });
  if (started === undefined) return new Set(callIds);
  await untilShredded(started, waitMs);
  return await heldAtLast(engine, started);
}

/** By session id; what has none in clear stands under a name of its own, which no client can ask for. */
type Sessions = ReadonlyMap<string | symbol, Cores>;

async function coresBySession(engine: Engine, { tenant }: Caller, asked: Asked): Promise<Sessions> {
  const sessions = new Map<string | symbol, Cores>(asked.coming.map((cores) => [Symbol('coming'), cores]));
  for (const value of new Set(asked.sessionIds)) {
    const cores = (await coresOf(engine, tenant, [{ kind: 'session', value }])).map(({ core }) => core);
    sessions.set(value, { kind: 'session', cores });
  }
  return sessions;
}

async function awaitedBySession(
  engine: Engine,
  caller: Caller,
  sessions: Sessions,
): Promise<Map<string | symbol, string[]>> {
  const found = new Map<string | symbol, string[]>();
  for (const [session, cores] of sessions) {
    const calls = await carriers(engine, engine.store.reads, caller.tenant.id, cores);
    const ids = calls.flatMap((call) => (call.status === 'awaited' ? [call.id] : []));
    if (ids.length > 0) found.set(session, ids);
  }
  return found;
}
