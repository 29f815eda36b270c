import { journalEntry } from '../../keys/journal-entries.ts';
import { newId } from '../../lib/ids.ts';
import type { Artifact, MetadataEvent } from '../../model/call.ts';
import { hasCode } from '../../model/errors.ts';
import type { LockKey } from '../../model/locks.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Tenant } from '../../model/tenant.ts';
import { clearUpload } from '../archive/abandoned-uploads.ts';
import { openJson } from '../artifacts.ts';
import type { Engine } from '../context.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { type Cores, type KindCore, lockKeysOf } from '../identifiers.ts';
import { carriers, eventKinds, sortedByComing } from './awaited.ts';
import { type LateMetadata, sealEvent } from './sealed-event.ts';

/** The call that has come, whose events these are to be, and what it is found by. */
export type Comer = { details: Artifact; cores: readonly KindCore[] };

/** What waits for a call, sealed anew for it outside any transaction. */
export type Gathered = {
  /** The call that has come. */
  callId: string;
  /** False where nothing waited for anybody, so that nothing was looked for. */
  isLooked: boolean;
  /** By what it was looked for. */
  cores: readonly Cores[];
  waiting: readonly Waiting[];
  /** Ids of awaited calls that cannot be opened. */
  damaged: ReadonlySet<string>;
  /** What the taking has: `keys`, shared, so that nothing comes to wait meanwhile; the rows of the call and of what waits. */
  locks: { keys: readonly LockKey[]; callIds: readonly string[] };
};

/** `event` is undefined for one whose sender has not written it yet: it will look for the call itself. */
type Waiting = { awaited: AwaitedRow; event: MetadataEvent | undefined };

/** An awaited call; `isWanted` while another call is on its way that will take it too. */
type AwaitedRow = { callId: string; details: Artifact; isWanted: boolean };

/**
 * Opens the events that wait for a call and seals each anew under the call's own slot. Damaged ones are left where they
 * are, for they must not keep a call from being archived; any other failure passes through, since they would be lost.
 */
export async function gatherAwaited(engine: Engine, tenant: Tenant, call: Comer): Promise<Gathered> {
  const cores = eventCoresOf(call.cores);
  const waiting: Waiting[] = [];
  const damaged = new Set<string>();
  const callId = call.details.ownerId;
  const { reads } = engine.store;
  const keys = lockKeysOf(tenant.id, cores);
  if (!(await reads.calls.anyAwaited(tenant.id))) {
    return { callId, isLooked: false, cores, waiting, damaged, locks: { keys, callIds: [] } };
  }
  for (const awaited of await awaitedRows(engine, reads, tenant.id, { callId, cores })) {
    const opened = await openAwaited(engine, awaited.details);
    if (opened === 'damaged') damaged.add(awaited.callId);
    else waiting.push({ awaited, event: opened && (await sealEvent(engine, call.details, opened)) });
  }
  const callIds = waiting.length === 0 ? [] : [callId, ...waiting.map(({ awaited }) => awaited.callId)];
  return { callId, isLooked: true, cores, waiting, damaged, locks: { keys, callIds } };
}

/** Those by which events name their calls. */
function eventCoresOf(all: readonly KindCore[]): Cores[] {
  return eventKinds.flatMap((kind) => {
    const mine = all.filter((one) => one.kind === kind);
    return mine.length === 0 ? [] : [{ kind, cores: mine.map(({ core }) => core) }];
  });
}

async function awaitedRows(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  { callId, cores: of }: Pick<Gathered, 'callId' | 'cores'>,
): Promise<AwaitedRow[]> {
  const wanted = new Map<string, boolean>();
  for (const cores of of) {
    const { awaited, others } = sortedByComing(await carriers(engine, on, tenantId, cores));
    // One is the call that takes them; a session has no other.
    const isWanted = others.filter((call) => call.status === 'uploading').length > 1;
    for (const call of awaited) wanted.set(call.id, isWanted);
  }
  // What a purge is about to shred is the purge's, unless it takes the call as well: then both share their fate.
  const gated = await gatedByPurge(on, [callId, ...wanted.keys()]);
  const free = [...wanted.keys()].filter((id) => gated.has(callId) || !gated.has(id));
  const details = await on.artifacts.findMany(free, 'details');
  return details
    .toSorted((a, b) => (a.ownerId < b.ownerId ? -1 : 1))
    .map((one) => ({ callId: one.ownerId, details: one, isWanted: wanted.get(one.ownerId) === true }));
}

/** Looks at the key first, also of one that holds nothing yet: what cannot be opened cannot be destroyed either. */
async function openAwaited(
  engine: Engine,
  details: Artifact,
): Promise<{ id: string; receivedAt: number; late: LateMetadata } | undefined | 'damaged'> {
  try {
    (await engine.tree.keyOf(details.slot)).fill(0);
    if (details.sealed === null) return undefined;
    const { receivedAt, late } = await openJson<{ receivedAt: number; late: LateMetadata }>(engine, details);
    return { id: newId(engine.clock.now()), receivedAt, late };
  } catch (error) {
    // Expired since it was looked up: the taking finds that it is gone.
    if (hasCode(error, 'key_destroyed')) return undefined;
    if (!hasCode(error, 'damage')) throw error;
    engine.log.error('event.damaged', { callId: details.ownerId });
    return 'damaged';
  }
}

/**
 * Gives a call what was gathered for it, in the transaction that makes it visible and has what `Gathered.locks` names, while
 * it still counts as on its way. Returns the ids of the awaited calls that nobody else is to take: `endAwaited` ends them.
 * Undefined, with nothing done, when something else waits by now.
 */
export async function takeAwaited(
  engine: Engine,
  tx: StoreTx,
  tenant: Tenant,
  { callId, isLooked, cores, waiting, damaged }: Gathered,
): Promise<string[] | undefined> {
  if (!(await tx.calls.anyAwaited(tenant.id))) return waiting.length === 0 ? [] : undefined;
  if (!isLooked) return undefined;
  const now = (await awaitedRows(engine, tx, tenant.id, { callId, cores })).filter((row) => !damaged.has(row.callId));
  const isSame = now.length === waiting.length && now.every((row, i) => isSameRow(row, waiting[i]?.awaited));
  if (!isSame) return undefined;
  await tx.events.insert(waiting.flatMap(({ event }) => event ?? []));
  return now.flatMap((row) => (row.isWanted ? [] : [row.callId]));
}

function isSameRow({ details }: AwaitedRow, before: AwaitedRow | undefined): boolean {
  return details.slot === before?.details.slot && (details.sealed === null) === (before.details.sealed === null);
}

/** Removes awaited calls, whose rows are taken, and destroys their keys, in one rewrite of the tree. Returns how many calls. */
export async function endAwaited(
  engine: Engine,
  tx: StoreTx,
  tenantId: string,
  callIds: readonly string[],
): Promise<number> {
  if (callIds.length === 0) return 0;
  const slotsOf = new Map<string, number[]>();
  for (const id of callIds) slotsOf.set(id, (await clearUpload(engine, tx, id)).slots);
  const destroyed = new Set(await engine.tree.destroy(tx.keys, [...slotsOf.values()].flat()));
  const at = engine.clock.now();
  const entries = [...slotsOf].map(([ownerId, slots]) =>
    journalEntry('upload_abandoned', at, { tenantId, ownerId, slots: slots.filter((slot) => destroyed.has(slot)) }),
  );
  await tx.keys.appendJournal(entries);
  return callIds.length;
}
