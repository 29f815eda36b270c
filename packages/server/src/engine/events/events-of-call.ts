import type { Artifact, MetadataEvent } from '../../model/call.ts';
import type { JsonObject } from '../archive/new-call.ts';
import type { Engine } from '../context.ts';
import { type LateMetadata, openEvent } from './sealed-event.ts';

/** A call's late metadata, and when the last of it came; null where none did. */
export type EventsOfCall = { events: readonly LateMetadata[]; lastAt: number | null };

/** Opens the events of a call. Throws `key_destroyed` when its details were erased meanwhile. */
export async function eventsOfCall(engine: Engine, details: Artifact): Promise<EventsOfCall> {
  const stored = await engine.store.reads.events.ofCall(details.ownerId);
  if (stored.length === 0) return { events: [], lastAt: null };
  const key = await engine.tree.keyOf(details.slot);
  try {
    return openEvents(key, details, stored);
  } finally {
    key.fill(0);
  }
}

/** The same of events that have been read, with the key of their call's details. */
export function openEvents(key: Uint8Array, details: Artifact, stored: readonly MetadataEvent[]): EventsOfCall {
  return { events: stored.map((event) => openEvent(key, details, event)), lastAt: stored.at(-1)?.receivedAt ?? null };
}

/**
 * Metadata with late events applied: of a field that several carry, the one with the latest time of its own counts, and
 * of equal times the one that came last. What came with the call itself is older than any event.
 */
export function withEvents(metadata: JsonObject, events: readonly LateMetadata[]): JsonObject {
  // The sort is stable, so events of one time stay in the order in which they came.
  const applied = [metadata, ...events.toSorted((a, b) => a.at - b.at).map((event) => event.metadata)];
  return Object.fromEntries(applied.flatMap((fields) => Object.entries(fields)));
}
