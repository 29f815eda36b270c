import {
  type Artifact,
  type Call,
  type CallArtifactKind,
  callArtifactKinds,
  type MetadataEvent,
} from '../../model/call.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreReads } from '../../model/store.ts';
import type { JsonObject, StoredFacts, Transcript } from '../archive/new-call.ts';
import { openJsonUnder } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { openEvents, withEvents } from '../events/events-of-call.ts';
import { intactKeys } from '../intact-keys.ts';
import { type VisibleCall, visibleCalls } from './visible-call.ts';

/** A call and all that is small of it, opened. Each part is null where there is none, or none any more. */
export type ReadCall = {
  call: Call;
  /** What the client recognises the call by: session id and the like. */
  correlation: JsonObject | null;
  /** Participants, numbers, metadata; what late events said of it included. */
  details: JsonObject | null;
  transcript: Transcript | null;
  /** About the recording; its bytes are `openRecording`'s. `sealedBytes` is its size in the blob store. */
  recording: (StoredFacts & { sealedBytes: number | null }) | null;
  /** When the call was archived, or when its platform or an event last said more of it; in ms since the Unix epoch. */
  updatedAt: number;
};

/** Looks at calls of which somebody takes something, or replaces it, between each look and its opening. */
const looksMax = callArtifactKinds.length + 1;

/**
 * Opens what may be seen of a call. What a started erasure reaches is left out from its start on.
 *
 * Throws `call_not_found` for a call that is unknown, another tenant's, on its way, only awaited, purged or being purged,
 * all alike; `damage` for one that does not open; `store_busy` when others change it all the time.
 */
export async function readCall(engine: Engine, caller: Caller, callId: string): Promise<ReadCall> {
  const read = (await readEach(engine, caller, [callId], callArtifactKinds)).get(callId);
  if (read === undefined) throw new AppError('call_not_found');
  if (read instanceof AppError) throw read;
  return read;
}

/**
 * The same of many calls, by id, with only these parts opened; the others are null. `updatedAt` knows of events where the
 * details are asked for. What `readCall` would not show is left out.
 *
 * A damaged call keeps no other from being shown: it is left out, as showing what is left of it would pass it off as one
 * erased in part; and the operator is told. With `isStrict` it throws `damage` instead, for whoever asks for one call. Throws
 * `store_busy` as `readCall` does.
 *
 * All of it is in memory at once, and all rows are of one instant; so callers ask for some at a time.
 */
export async function readCalls(
  engine: Engine,
  caller: Caller,
  callIds: readonly string[],
  parts: readonly CallArtifactKind[],
  { isStrict }: { isStrict: boolean },
): Promise<Map<string, ReadCall>> {
  const intact = new Map<string, ReadCall>();
  for (const [callId, read] of await readEach(engine, caller, callIds, parts)) {
    if (!(read instanceof AppError)) intact.set(callId, read);
    else if (isStrict) throw read;
    else engine.log.error('call.damaged', { callId, detail: read.detail });
  }
  return intact;
}

/** Each call, or the `damage` that keeps it from us. */
async function readEach(
  engine: Engine,
  caller: Caller,
  callIds: readonly string[],
  parts: readonly CallArtifactKind[],
): Promise<Map<string, ReadCall | AppError>> {
  requireScope(caller, 'calls:read');
  const read = new Map<string, ReadCall | AppError>();
  /** Slots without a key when they were last looked at. */
  let keyless: ReadonlySet<number> = new Set();
  let left: readonly string[] = callIds;
  for (let look = 1; left.length > 0; look += 1) {
    if (look > looksMax) throw new AppError('store_busy', { detail: 'a call was changed each time it was looked at' });
    const seen = await lookAt(engine, caller, left, parts);
    const found = await intactKeys(
      engine,
      seen.flatMap(({ artifacts }) => artifacts.map(({ slot }) => slot)),
    );
    const again: Seen[] = [];
    try {
      for (const one of seen) {
        const missing = one.artifacts.filter(({ slot }) => !found.keys.has(slot));
        // A key goes in the commit that takes its row: whatever still names it afterwards is damaged.
        const broken = missing.find(({ slot }) => found.damaged.has(slot) || keyless.has(slot));
        if (broken !== undefined)
          read.set(one.call.id, new AppError('damage', { detail: `${broken.kind} has no key` }));
        else if (missing.length > 0) again.push(one);
        else read.set(one.call.id, openOrDamage(found.keys, one));
      }
    } finally {
      for (const key of found.keys.values()) key.fill(0);
    }
    // Erased or replaced since we looked: what is there now is the answer.
    left = again.map(({ call }) => call.id);
    keyless = new Set(
      again.flatMap(({ artifacts }) => artifacts.flatMap(({ slot }) => (found.keys.has(slot) ? [] : slot))),
    );
  }
  return read;
}

/** Row, gates, artifacts and events of one instant: taken one after the other, they could show an erasure by half. */
type Seen = { call: Call; artifacts: readonly Artifact[]; events: readonly MetadataEvent[] };

async function lookAt(
  engine: Engine,
  { tenant }: Caller,
  callIds: readonly string[],
  parts: readonly CallArtifactKind[],
): Promise<Seen[]> {
  return await engine.store.snapshot(async (reads) => {
    const visible = await visibleCalls(reads, tenant.id, callIds);
    const artifacts = await visibleArtifacts(reads, visible, parts);
    const seen: Seen[] = [];
    for (const { call } of visible) {
      const mine = artifacts.get(call.id) ?? [];
      const hasDetails = mine.some(({ kind }) => kind === 'details');
      seen.push({ call, artifacts: mine, events: hasDetails ? await reads.events.ofCall(call.id) : [] });
    }
    return seen;
  });
}

/** Of each kind the newest that is sealed: another may be on its way. */
async function visibleArtifacts(
  reads: StoreReads,
  visible: readonly VisibleCall[],
  parts: readonly CallArtifactKind[],
): Promise<Map<string, Artifact[]>> {
  const found = new Map<string, Artifact[]>();
  for (const kind of parts) {
    const owners = visible.flatMap(({ call, gated }) => (gated.has(kind) ? [] : [call.id]));
    const sealed = (await reads.artifacts.findMany(owners, kind)).filter((artifact) => artifact.sealed !== null);
    const newest = new Map(sealed.toSorted((a, b) => a.slot - b.slot).map((artifact) => [artifact.ownerId, artifact]));
    for (const [ownerId, artifact] of newest) found.set(ownerId, [...(found.get(ownerId) ?? []), artifact]);
  }
  return found;
}

function openOrDamage(keys: ReadonlyMap<number, Buffer>, seen: Seen): ReadCall | AppError {
  try {
    return open(keys, seen);
  } catch (error) {
    if (hasCode(error, 'damage')) return error;
    throw error;
  }
}

function open(keys: ReadonlyMap<number, Buffer>, { call, artifacts, events }: Seen): ReadCall {
  const part = <T>(wanted: CallArtifactKind, read: (key: Buffer, artifact: Artifact) => T): T | null => {
    const artifact = artifacts.find(({ kind }) => kind === wanted);
    const key = artifact && keys.get(artifact.slot);
    return artifact === undefined || key === undefined ? null : read(key, artifact);
  };
  const asSealed = <T>(key: Buffer, artifact: Artifact) => openJsonUnder<T>(key, artifact);
  const said = [events.at(-1)?.receivedAt, call.updatedAt].flatMap((at) => at ?? []);
  return {
    call,
    correlation: part('correlation', asSealed<JsonObject>),
    details: part('details', (key, artifact) => openDetails(key, artifact, events)),
    transcript: part('transcript', asSealed<Transcript>),
    recording: part('recording', (key, artifact) => ({
      ...openJsonUnder<StoredFacts>(key, artifact, 'recording-facts'),
      sealedBytes: artifact.blobBytes,
    })),
    updatedAt: said.length === 0 ? call.createdAt : Math.max(...said),
  };
}

function openDetails(key: Buffer, artifact: Artifact, stored: readonly MetadataEvent[]): JsonObject {
  const details = openJsonUnder<JsonObject>(key, artifact);
  if (stored.length === 0) return details;
  const { events } = openEvents(key, artifact, stored);
  return { ...details, metadata: withEvents(objectOf(details['metadata']), events) };
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
