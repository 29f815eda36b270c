import type { Artifact, MetadataEvent } from '../../model/call.ts';
import type { Engine } from '../context.ts';
import { openEvent, sealEvent } from './sealed-event.ts';

/**
 * The events of a call as they are sealed under the slot of its details, sealed anew, with their ids and times, under
 * another slot that is to take its place; outside any transaction. Throws `key_destroyed` when either was destroyed
 * meanwhile.
 */
export async function resealEvents(engine: Engine, from: Artifact, to: Artifact): Promise<MetadataEvent[]> {
  const stored = await engine.store.reads.events.ofCall(from.ownerId);
  if (stored.length === 0) return [];
  const key = await engine.tree.keyOf(from.slot);
  try {
    const resealed: MetadataEvent[] = [];
    for (const event of stored) {
      const { id, receivedAt } = event;
      resealed.push(await sealEvent(engine, to, { id, receivedAt, late: openEvent(key, from, event) }));
    }
    return resealed;
  } finally {
    key.fill(0);
  }
}
