import { type Artifact, type Call, callArtifactKinds } from '../../model/call.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { JsonObject, StoredFacts, Transcript } from '../archive/new-call.ts';
import { openJson } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { eventsOfCall, withEvents } from '../events/events-of-call.ts';
import { visibleCall } from './visible-call.ts';

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
  /** When the call was archived, or when the last event about it came; in ms since the Unix epoch. */
  updatedAt: number;
};

/** An erasure that comes between takes at least one artifact, row and key in one commit: the last look meets none. */
const looksMax = callArtifactKinds.length + 1;

/**
 * Opens what may be seen of a call. What a started erasure reaches is left out from its start on.
 *
 * Throws `call_not_found` for a call that is unknown, another tenant's, on its way, only awaited, purged or being purged,
 * all alike.
 */
export async function readCall(engine: Engine, caller: Caller, callId: string): Promise<ReadCall> {
  requireScope(caller, 'calls:read');
  for (let look = 1; ; look += 1) {
    const seen = await lookAt(engine, caller, callId);
    if (seen === undefined) throw new AppError('call_not_found');
    try {
      return await open(engine, seen);
    } catch (error) {
      // Erased since we looked: what is left of it now is the answer.
      if (!hasCode(error, 'key_destroyed') || look === looksMax) throw error;
    }
  }
}

/** Row, gates and artifacts of one instant: taken one after the other, they could show an erasure by half. */
type Seen = { call: Call; artifacts: ReadonlyMap<Artifact['kind'], Artifact> };

async function lookAt(engine: Engine, caller: Caller, callId: string): Promise<Seen | undefined> {
  return await engine.store.snapshot(async (reads) => {
    const visible = await visibleCall(reads, caller.tenant.id, callId);
    if (visible === undefined) return undefined;
    const { call, gated } = visible;
    const gatedKinds: ReadonlySet<Artifact['kind']> = gated;
    const artifacts = (await reads.artifacts.ofOwner(callId)).filter(
      ({ kind, sealed }) => sealed !== null && !gatedKinds.has(kind),
    );
    return { call, artifacts: new Map(artifacts.map((artifact) => [artifact.kind, artifact])) };
  });
}

async function open(engine: Engine, { call, artifacts }: Seen): Promise<ReadCall> {
  const part = async <T>(artifact: Artifact | undefined) => (artifact ? await openJson<T>(engine, artifact) : null);
  const { details, lastEventAt } = await openDetails(engine, artifacts.get('details'));
  return {
    call,
    correlation: await part<JsonObject>(artifacts.get('correlation')),
    details,
    transcript: await part<Transcript>(artifacts.get('transcript')),
    recording: await openFacts(engine, artifacts.get('recording')),
    updatedAt: lastEventAt ?? call.createdAt,
  };
}

/** Events first: they go with the details' key, so that details which still open have not lost any. */
async function openDetails(
  engine: Engine,
  artifact: Artifact | undefined,
): Promise<{ details: JsonObject | null; lastEventAt: number | null }> {
  if (artifact === undefined) return { details: null, lastEventAt: null };
  const { events, lastAt } = await eventsOfCall(engine, artifact);
  const details = await openJson<JsonObject>(engine, artifact);
  if (events.length === 0) return { details, lastEventAt: null };
  const metadata = withEvents(objectOf(details['metadata']), events);
  return { details: { ...details, metadata }, lastEventAt: lastAt };
}

async function openFacts(engine: Engine, artifact: Artifact | undefined): Promise<ReadCall['recording']> {
  if (artifact === undefined) return null;
  const facts = await openJson<StoredFacts>(engine, artifact, 'recording-facts');
  return { ...facts, sealedBytes: artifact.blobBytes };
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
