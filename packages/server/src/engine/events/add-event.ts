import { steadyMs } from '../../lib/clock.ts';
import { newId } from '../../lib/ids.ts';
import { pause } from '../../lib/pause.ts';
import { type Artifact, type Identifier, isArchived, type MetadataEvent } from '../../model/call.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { sealJson } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { gatedAmong } from '../erasure/gates.ts';
import { type Cores, coresOf, insertTokens, lockKeysOf, tombstoneToken } from '../identifiers.ts';
import { awaitedMax, awaitedRow, carriers, sortedByComing } from './awaited.ts';
import { type LateMetadata, sealEvent } from './sealed-event.ts';

/** What became of an event: applied to calls, kept for one that is to come, or dropped since its call was erased. */
export type EventEnd = 'applied' | 'kept' | 'dropped';

/** How long an event waits for erasures that have begun and may yet yield to a hold, and how often it looks. */
const undecidedMsMax = 10_000;
const pollMs = 50;
/** Calls to which an event is applied in one transaction. */
const callsPerStep = 50;
/** Events that one call may have. */
const eventsMax = 1000;

/**
 * Adds metadata to the calls that carry an identifier: one session, or every call of a master, case or collection id.
 *
 * Where there is none yet, or one is on its way, the event waits for it, sealed under a slot of its own, for at most a day.
 * What is about a purged session, or about calls whose details were erased, is dropped. Each of these is a success. Throws
 * `input_invalid` where too many events are there or wait already, and `store_busy` when it cannot be told in time whether
 * the call is erased.
 */
export async function addEvent(
  engine: Engine,
  caller: Caller,
  subject: Identifier,
  late: LateMetadata,
): Promise<EventEnd> {
  requireScope(caller, 'calls:write');
  const cores = (await coresOf(engine, caller.tenant, [subject])).map(({ core }) => core);
  const event: Arriving = { caller, subject, cores: { kind: subject.kind, cores }, late };
  const applied = new Set<string>();
  for (let deadline = steadyMs() + undecidedMsMax; steadyMs() < deadline && !engine.stopping.aborted; ) {
    const found = await lookFor(engine, engine.store.reads, event);
    if (found === 'undecided') await pause(pollMs);
    else if (found === 'erased') return 'dropped';
    else {
      const fresh = found.details.filter((details) => !applied.has(details.ownerId)).slice(0, callsPerStep);
      if (fresh.length > 0) {
        for (const callId of await apply(engine, event, fresh)) applied.add(callId);
        // As long as it gets on, it has all the time that many calls take.
        deadline = steadyMs() + undecidedMsMax;
        continue;
      }
      if (!found.waits) return applied.size > 0 ? 'applied' : 'dropped';
      if (await keep(engine, event, applied)) return 'kept';
    }
  }
  throw new AppError('store_busy', { detail: 'the calls of an event came and went' });
}

type Arriving = { caller: Caller; subject: Identifier; cores: Cores; late: LateMetadata };

/**
 * Whom an event is for, at this moment. `erased` for a session that was purged; `undecided` while an erasure that reaches
 * one of them has begun and its keys are not destroyed yet: a hold may still keep it from that.
 */
type Found =
  | 'erased'
  | 'undecided'
  | {
      /** True when a call is on its way, or none is there at all. */
      waits: boolean;
      /** The details of the archived calls, under whose slots the event is sealed. */
      details: readonly Artifact[];
    };

async function lookFor(engine: Engine, on: StoreReads | StoreTx, { caller, subject, cores }: Arriving): Promise<Found> {
  const { tenant } = caller;
  const calls = await carriers(engine, on, tenant.id, cores);
  const { others } = sortedByComing(calls);
  const ids = calls.map((call) => call.id);
  const gated = await gatedAmong(on, ids, 'details');
  const archived = others.filter(isArchived).map((call) => call.id);
  const details = (await on.artifacts.findMany(archived, 'details')).filter((one) => one.sealed !== null);
  // What has lost its details already is decided.
  const there = [...details.map((one) => one.ownerId), ...ids.filter((id) => !archived.includes(id))];
  if (there.some((id) => gated.has(id))) return 'undecided';
  const hasComing = others.some((call) => call.status === 'uploading' && !call.isUploadDoomed);
  if (others.length === 0 && (await isTombstoned(engine, on, tenant, subject))) return 'erased';
  return { waits: others.length === 0 || hasComing, details };
}

async function isTombstoned(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenant: Caller['tenant'],
  subject: Identifier,
): Promise<boolean> {
  if (subject.kind !== 'session') return false;
  const token = await tombstoneToken(engine, tenant, subject);
  return (await on.tombstones.findByToken(tenant.id, 'session', token)).length > 0;
}

/** Seals an event for some calls and writes it. Returns those that are done with: told, or erased meanwhile. */
async function apply(engine: Engine, { late }: Arriving, details: readonly Artifact[]): Promise<string[]> {
  const sealed = await sealFor(engine, details, late);
  await engine.faults.at('event:sealed');
  const applied = await engine.store.write(async (tx) => {
    const ids = sealed.map((event) => event.callId);
    await tx.calls.lock(ids);
    // Details that a change is about to put in their place are not there yet.
    const sealedNow = (await tx.artifacts.findMany(ids, 'details')).filter((one) => one.sealed !== null);
    const slots = new Map(sealedNow.map((one) => [one.ownerId, one.slot]));
    const gated = await gatedAmong(tx, ids, 'details');
    const still = details.filter((one) => slots.get(one.ownerId) === one.slot && !gated.has(one.ownerId));
    for (const { ownerId } of still) await refuseTooMany(tx, ownerId);
    const mine = new Set(still.map((one) => one.ownerId));
    await tx.events.insert(sealed.filter((event) => mine.has(event.callId)));
    return [...mine];
  });
  await engine.faults.at('event:applied');
  return applied;
}

async function refuseTooMany(tx: StoreTx, callId: string): Promise<void> {
  if ((await tx.events.countOfCall(callId)) < eventsMax) return;
  throw new AppError('input_invalid', { message: `A call takes ${eventsMax} events at the most` });
}

/** Without those whose keys were destroyed meanwhile. */
async function sealFor(engine: Engine, details: readonly Artifact[], late: LateMetadata): Promise<MetadataEvent[]> {
  const receivedAt = engine.clock.now();
  const sealed: MetadataEvent[] = [];
  for (const one of details) {
    try {
      sealed.push(await sealEvent(engine, one, { id: newId(receivedAt), receivedAt, late }));
    } catch (error) {
      if (!hasCode(error, 'key_destroyed')) throw error;
    }
  }
  return sealed;
}

/**
 * Keeps an event until its call comes, under the identifier by which it named it. False when a call to which it was not
 * applied has come, or an erasure has begun, meanwhile: then all is looked at anew.
 */
async function keep(engine: Engine, event: Arriving, applied: ReadonlySet<string>): Promise<boolean> {
  const { caller, cores, late } = event;
  const { tenant } = caller;
  const receivedAt = engine.clock.now();
  const id = newId(receivedAt);
  const details = await engine.issuer.withSlots(1, async (slots) => {
    const row = awaitedRow(tenant, id, slots[0] ?? 0, receivedAt);
    return await engine.store.write(async (tx) => {
      // A call that carries the identifier becomes visible, or a purge of it begins, either before this or when it is there.
      await tx.locks.take(lockKeysOf(tenant.id, [cores]), 'alone');
      const now = await lookFor(engine, tx, event);
      if (typeof now === 'string' || !now.waits) return undefined;
      if (now.details.some((one) => !applied.has(one.ownerId))) return undefined;
      const { awaited } = sortedByComing(await carriers(engine, tx, tenant.id, cores));
      if (awaited.length >= awaitedMax) {
        throw new AppError('input_invalid', { message: `${awaitedMax} events wait for this id already` });
      }
      await tx.calls.insert(row.call);
      await tx.artifacts.insert([row.details]);
      await insertTokens(
        engine,
        tx,
        tenant,
        id,
        cores.cores.map((core) => ({ kind: cores.kind, core })),
      );
      await engine.issuer.confirm(tx.keys, slots);
      return row.details;
    });
  });
  if (details === undefined) return false;
  await engine.faults.at('event:named');
  return await fill(engine, details, { receivedAt, late });
}

/** Writes what was kept, unless its call, or a purge, has taken the row that was to hold it. */
async function fill(
  engine: Engine,
  details: Artifact,
  content: { receivedAt: number; late: LateMetadata },
): Promise<boolean> {
  try {
    const sealed = await sealJson(engine, details, content);
    const isThere = await engine.store.write(async (tx) => {
      await tx.calls.lock([details.ownerId]);
      const row = await tx.artifacts.find(details.ownerId, 'details');
      if (row !== undefined) await tx.artifacts.setSealed(details.slot, { sealed });
      return row !== undefined;
    });
    await engine.faults.at('event:kept');
    return isThere;
  } catch (error) {
    if (hasCode(error, 'key_destroyed')) return false;
    throw error;
  }
}
