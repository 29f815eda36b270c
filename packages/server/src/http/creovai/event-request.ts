import type { LateMetadata } from '../../engine/events/sealed-event.ts';
import type { Identifier } from '../../model/call.ts';
import { type Fields, invalidField, readFields } from '../json-in.ts';
import { metadataOf, optionalId, optionalTimeMs, requiredTimeMs, sessionIdLengthMax } from './capture-fields.ts';

/** How a route's events name the calls that they are about. */
export type EventForm = {
  /** The property that holds the identifier, and what it identifies. */
  idName: string;
  idKind: Identifier['kind'];
  /** What a client that leaves the identifier out is told after `is required`. */
  withoutId?: string;
  /** When an event happened that does not say so, in ms since the Unix epoch; without this, every event must say so. */
  defaultAt?: () => number;
};

/** An event as a client sent it. Personal. */
export type CreovaiEvent = { subject: Identifier; late: LateMetadata };

/**
 * Reads a metadata event, `{<id>, "eventTime", "metadata"}`, from parsed JSON.
 *
 * The id is a string of 1 to `sessionIdLengthMax` UTF-16 units, the metadata a JSON object. Throws `input_invalid` with a
 * message that names the field and never its value.
 */
export function parseEvent(body: unknown, form: EventForm): CreovaiEvent {
  const fields = readFields(body);
  const subject = { kind: form.idKind, value: idOf(fields, form) };
  const at = atOf(fields, form);
  const metadata = metadataOf(fields);
  if (metadata === undefined) throw invalidField(fields.pathOf('metadata'), 'is required');
  return { subject, late: { at, metadata } };
}

function idOf(fields: Fields, { idName, withoutId = '' }: EventForm): string {
  const id = optionalId(fields, idName);
  if (id === undefined) throw invalidField(fields.pathOf(idName), `is required${withoutId}`);
  if (id === '' || id.length > sessionIdLengthMax) {
    throw invalidField(fields.pathOf(idName), `must have 1 to ${sessionIdLengthMax} characters`);
  }
  return id;
}

function atOf(fields: Fields, { defaultAt }: EventForm): number {
  if (defaultAt === undefined) return requiredTimeMs(fields, 'eventTime');
  return optionalTimeMs(fields, 'eventTime') ?? defaultAt();
}
