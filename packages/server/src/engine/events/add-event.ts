import { newId } from '../../lib/ids.ts';
import { type Artifact, type Call, type Identifier, isArchived, type MetadataEvent } from '../../model/call.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { sealJson } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { isGated } from '../erasure/gates.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { coresOf, insertTokens, tombstoneToken } from '../identifiers.ts';
import { awaitedRow, carriers } from './awaited.ts';
import { type LateMetadata, sealEvent } from './sealed-event.ts';

/** What became of an event: applied to calls, kept for one that is to come, or dropped since its call was erased. */
export type EventEnd = 'applied' | 'kept' | 'dropped';

/** How often an event looks again for its calls when some came or went while it was being sealed. */
const attemptsMax = 10;

/**
 * Adds metadata to the calls that carry an identifier: one session, or every call of a master, case or collection id.
 *
 * Where there is none yet, or one is on its way, the event waits for it, sealed under a slot of its own, for at most a day.
 * What is about a purged session, or about calls whose details were erased, is dropped. Each of these is a success. Throws
 * `store_busy` when calls come and go faster than the event can be sealed for them.
 */
export async function addEvent(
  engine: Engine,
  caller: Caller,
  subject: Identifier,
  late: LateMetadata,
): Promise<EventEnd> {
  requireScope(caller, 'calls:write');
  const applied = new Set<string>();
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const found = await lookFor(engine, engine.store.reads, caller, subject);
    if (found.isErased) return applied.size > 0 ? 'applied' : 'dropped';
    const fresh = found.details.filter((details) => !applied.has(details.ownerId));
    if (!(await apply(engine, caller, subject, late, fresh))) continue;
    for (const { ownerId } of fresh) applied.add(ownerId);
    if (!found.waits) return applied.size > 0 ? 'applied' : 'dropped';
    const end = await keep(engine, caller, subject, late);
    if (end !== 'changed') return end;
  }
  throw new AppError('store_busy', { detail: 'the calls of an event came and went' });
}

/** False, and nothing written, when one of the calls is being erased by now. */
async function apply(
  engine: Engine,
  caller: Caller,
  subject: Identifier,
  late: LateMetadata,
  details: readonly Artifact[],
): Promise<boolean> {
  if (details.length === 0) return true;
  const sealed = await sealFor(engine, details, late);
  if (sealed === undefined) return false;
  await engine.faults.at('event:sealed');
  const isApplied = await engine.store.write(async (tx) => {
    const now = await lookFor(engine, tx, caller, subject);
    const slots = new Set(now.details.map(({ slot }) => slot));
    if (!details.every(({ slot }) => slots.has(slot))) return false;
    await tx.events.insert(sealed);
    return true;
  });
  if (isApplied) await engine.faults.at('event:applied');
  return isApplied;
}

/** Whom an event is for, at this moment. */
type Found = {
  /** True for a session that was purged, or is just being purged. */
  isErased: boolean;
  /** True when a call is on its way, or none is there at all. */
  waits: boolean;
  /** The details of the archived calls, under whose slots the event is sealed. */
  details: readonly Artifact[];
};

async function lookFor(
  engine: Engine,
  on: StoreReads | StoreTx,
  { tenant }: Caller,
  subject: Identifier,
): Promise<Found> {
  const cores = (await coresOf(engine, tenant, [subject])).map(({ core }) => core);
  const all = await carriers(engine, on, tenant.id, { kind: subject.kind, cores });
  const purged = await gatedByPurge(
    on,
    all.map((call) => call.id),
  );
  const calls = all.filter((call) => !purged.has(call.id) && !call.isUploadDoomed);
  const hasComing = calls.some((call) => call.status === 'uploading');
  const archived = calls.filter(isArchived);
  const isErased =
    archived.length === 0 && !hasComing && (purged.size > 0 || (await isTombstoned(engine, on, tenant, subject)));
  const details: Artifact[] = [];
  for (const call of archived) details.push(...(await detailsOf(on, call)));
  return { isErased, waits: archived.length === 0 || hasComing, details };
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

/** None where an erasure has taken the details, or is about to. */
async function detailsOf(on: StoreReads | StoreTx, call: Call): Promise<Artifact[]> {
  if (await isGated(on, call.id, 'details')) return [];
  const details = await on.artifacts.find(call.id, 'details');
  return details?.sealed ? [details] : [];
}

/** Undefined when a key was destroyed meanwhile. */
async function sealFor(
  engine: Engine,
  details: readonly Artifact[],
  late: LateMetadata,
): Promise<MetadataEvent[] | undefined> {
  const receivedAt = engine.clock.now();
  const sealed: MetadataEvent[] = [];
  try {
    for (const one of details) sealed.push(await sealEvent(engine, one, { id: newId(receivedAt), receivedAt, late }));
    return sealed;
  } catch (error) {
    if (hasCode(error, 'key_destroyed')) return undefined;
    throw error;
  }
}

/**
 * Keeps an event until its call comes, under the identifier by which it named it. `changed`, and nothing kept, when the
 * call has come meanwhile.
 */
async function keep(
  engine: Engine,
  caller: Caller,
  subject: Identifier,
  late: LateMetadata,
): Promise<'kept' | 'dropped' | 'changed'> {
  const { tenant } = caller;
  const cores = await coresOf(engine, tenant, [subject]);
  const receivedAt = engine.clock.now();
  const id = newId(receivedAt);
  const named = await engine.issuer.withSlots(1, async (slots) => {
    const row = awaitedRow(tenant, id, slots[0] ?? 0, receivedAt);
    return await engine.store.write(async (tx) => {
      const now = await lookFor(engine, tx, caller, subject);
      if (now.isErased) return 'dropped';
      if (!now.waits) return 'changed';
      await tx.calls.insert(row.call);
      await tx.artifacts.insert([row.details]);
      await insertTokens(engine, tx, tenant, id, cores);
      await engine.issuer.confirm(tx.keys, slots);
      return row.details;
    });
  });
  if (named === 'dropped' || named === 'changed') return named;
  await engine.faults.at('event:named');
  return await fill(engine, named, { receivedAt, late });
}

/** Writes what was kept, unless its call, or a purge, has taken the row that was to hold it: then all is looked at anew. */
async function fill(
  engine: Engine,
  details: Artifact,
  content: { receivedAt: number; late: LateMetadata },
): Promise<'kept' | 'changed'> {
  try {
    const sealed = await sealJson(engine, details, content);
    const isThere = await engine.store.write(async (tx) => {
      const row = await tx.artifacts.find(details.ownerId, 'details');
      if (row !== undefined) await tx.artifacts.setSealed(details.slot, { sealed });
      return row !== undefined;
    });
    await engine.faults.at('event:kept');
    return isThere ? 'kept' : 'changed';
  } catch (error) {
    if (hasCode(error, 'key_destroyed')) return 'changed';
    throw error;
  }
}
