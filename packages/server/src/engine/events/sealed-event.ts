import { openBytes, sealBytes } from '../../keys/sealing.ts';
import type { Artifact, MetadataEvent } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { JsonObject } from '../archive/new-call.ts';
import type { Engine } from '../context.ts';
import { contextOf } from '../secrets.ts';

/** Metadata that a client sent after its call, or before. Personal. */
export type LateMetadata = {
  /** When it happened, as the client says, in ms since the Unix epoch: of two values of one field the later one counts. */
  at: number;
  metadata: JsonObject;
};

/** Where an event is sealed: under the slot of a call's details, apart from them by its kind and its own id. */
function placeOf(details: Artifact, eventId: string) {
  return { ...contextOf(details), kind: `metadata-event ${eventId}` };
}

/** Seals an event under the slot of `details`, whose row must have been committed. */
export async function sealEvent(
  engine: Engine,
  details: Artifact,
  event: { id: string; receivedAt: number; late: LateMetadata },
): Promise<MetadataEvent> {
  if (details.tenantId === null)
    throw new AppError('damage', { detail: `details of ${details.ownerId} have no tenant` });
  const { id, receivedAt, late } = event;
  const key = await engine.tree.keyOf(details.slot);
  const sealed = sealBytes(key, placeOf(details, id), Buffer.from(JSON.stringify(late)));
  key.fill(0);
  return { id, tenantId: details.tenantId, callId: details.ownerId, receivedAt, sealed };
}

/** Opens an event with the key of its call's details. Throws `damage` for what was not sealed there under that key. */
export function openEvent(key: Uint8Array, details: Artifact, event: MetadataEvent): LateMetadata {
  const plain = openBytes(key, placeOf(details, event.id), event.sealed);
  const late = JSON.parse(plain.toString('utf8')) as LateMetadata;
  plain.fill(0);
  return late;
}
