import { type Call, isArchived } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Caller, Engine } from '../context.ts';
import { carriers, eventKinds, sortedByComing } from '../events/awaited.ts';
import { type Cores, coresOf, coresOfOwner, lockKeysOf } from '../identifiers.ts';

/** Events that wait for calls which are being purged, or for sessions of which there is nothing else. */
export type EarlyEvents = {
  /** Ids of the awaited calls that stand for them. */
  callIds: readonly string[];
  /** The same by session id, for the sessions asked. */
  bySession: ReadonlyMap<string, readonly string[]>;
  /** True while the same calls, in the same states, are behind everything that was looked up. */
  isStillSo(tx: StoreTx): Promise<boolean>;
};

type Asked = {
  /** Session ids as asked, each once. */
  sessions: readonly string[];
  /** Ids of the calls that were found behind them. */
  known: readonly string[];
  /** Ids of all calls that are to be purged, and those of them that are on their way. */
  purged: ReadonlySet<string>;
  coming: readonly Call[];
  /** Whether any event of the tenant waited before the calls were looked up. */
  mayWait: boolean;
};

/** One thing that is looked up: a session asked, or an identifier of a call that is on its way. */
type LookUp = { session: string | undefined; cores: Cores };

/**
 * Finds what a purge must take besides the calls that it names. Undefined where no event of the tenant waits and no call is
 * on its way: the usual case, which then costs one look. Throws `plan_changed` when a call has come that is not known yet.
 */
export async function findEarlyEvents(engine: Engine, caller: Caller, asked: Asked): Promise<EarlyEvents | undefined> {
  const { reads } = engine.store;
  const tenantId = caller.tenant.id;
  if (asked.coming.length === 0 && !asked.mayWait) return undefined;
  const lookUps: LookUp[] = [];
  for (const session of asked.sessions) {
    const made = await coresOf(engine, caller.tenant, [{ kind: 'session', value: session }]);
    lookUps.push({ session, cores: { kind: 'session', cores: made.map(({ core }) => core) } });
  }
  for (const { id } of asked.coming) {
    for (const kind of eventKinds) {
      lookUps.push({ session: undefined, cores: await coresOfOwner(engine, reads, tenantId, id, kind) });
    }
  }
  const bySession = new Map<string, string[]>();
  const callIds = new Set<string>();
  const found = await lookAll(engine, reads, tenantId, lookUps);
  for (const [i, { session, cores }] of lookUps.entries()) {
    const { awaited, others } = sortedByComing(found[i] ?? []);
    // It came after the sessions had been looked up: the purge must know of it.
    if (session !== undefined && others.some((call) => !asked.known.includes(call.id)))
      throw new AppError('plan_changed');
    // Of a group other calls may want it yet.
    if (cores.kind !== 'session' && others.some((call) => !asked.purged.has(call.id))) continue;
    for (const { id } of awaited) callIds.add(id);
    if (session !== undefined && awaited.length > 0) {
      bySession.set(
        session,
        awaited.map((call) => call.id),
      );
    }
  }
  const before = statesOf(found);
  const keys = lockKeysOf(
    tenantId,
    lookUps.map(({ cores }) => cores),
  );
  const unfinished = found.flat().flatMap((call) => (isArchived(call) ? [] : [call.id]));
  const isStillSo = async (tx: StoreTx) => {
    // Whoever brings something under one of these identifiers has committed by the next look, or finds the erasure begun; and
    // so has whoever gives up what was on its way, whose row is taken for that.
    await tx.locks.take(keys, 'alone');
    await tx.calls.lock(unfinished);
    return statesOf(await lookAll(engine, tx, tenantId, lookUps)) === before;
  };
  return { callIds: [...callIds], bySession, isStillSo };
}

async function lookAll(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  lookUps: readonly LookUp[],
): Promise<Call[][]> {
  const found: Call[][] = [];
  for (const { cores } of lookUps) found.push(await carriers(engine, on, tenantId, cores));
  return found;
}

function statesOf(found: readonly Call[][]): string {
  return found.map((calls) => calls.map(({ id, status }) => `${id} ${status}`).join()).join(';');
}
