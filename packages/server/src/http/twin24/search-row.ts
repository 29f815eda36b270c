import type { JsonObject, Turn } from '../../engine/archive/new-call.ts';
import type { ReadCall } from '../../engine/calls/read-call.ts';
import { isCustomer } from '../../model/customer.ts';
import { isJsonObject } from '../json-in.ts';
import { type StoredContact, storedContacts } from '../stored-contacts.ts';
import { utcTime } from '../utc-time.ts';

/** A turn of a row's `messages`. */
export type Message = {
  /** Null where nobody said. */
  role: string | null;
  text: string;
  /** In ms since the start of the recording. */
  startMs: number | null;
  endMs: number | null;
  /** ISO 8601. */
  createdAt: string | null;
  /** What else the platform said of it. */
  metadata: JsonObject;
};

/** The number of the first customer who has one, as its digits; null where there is none, or none any more. */
export function customerNumber({ details }: ReadCall): string | null {
  const customer = storedContacts(details).find(({ type, phoneNumber }) => isCustomer(type) && phoneNumber?.trim());
  return plainNumber(customer?.phoneNumber ?? null);
}

/** The tenant's own line, as its digits. */
export function ownNumber({ correlation }: ReadCall): string | null {
  return plainNumber(textIn(correlation, 'ownNumber'));
}

/** What was said, in the order in which it was archived; empty where there is nothing, or nothing any more. */
export function messagesOf({ transcript, details }: ReadCall): Message[] {
  if (transcript === null) return [];
  const contacts = storedContacts(details);
  return transcript.turns.map((turn) => ({
    role: roleOf(turn, contacts),
    text: turn.text,
    startMs: turn.startMs,
    endMs: turn.endMs,
    createdAt: timeText(turn.at),
    metadata: turn.extra,
  }));
}

/** The same as plain text: a line for each turn, who said it before what was said. Null where there is nothing. */
export function messagesText(read: ReadCall): string | null {
  if (read.transcript === null) return null;
  return messagesOf(read)
    .map(({ role, text }) => (role === null ? text : `${role}: ${text}`))
    .join('\n');
}

/**
 * How long the call was, in whole seconds; by its times where its platform gave no duration. 0 where nobody knows: the
 * vendor's clients take nothing but a number, and it is what a call has that was never answered.
 */
export function durationSeconds({ call: { startedAt, endedAt, durationMs } }: ReadCall): number {
  const ms = durationMs ?? (startedAt === null || endedAt === null ? 0 : endedAt - startedAt);
  return Math.max(0, Math.round(ms / 1000));
}

/** When the call ended, or its start and duration say that it did. */
export function finishedAt({ call: { startedAt, endedAt, durationMs } }: ReadCall): number | null {
  return endedAt ?? (startedAt === null || durationMs === null ? null : startedAt + durationMs);
}

/** What a call came to, as given: usually an object, or the empty array that PHP makes of one; null where there is none. */
export function resultOf({ details }: ReadCall): unknown {
  return details?.['results'] ?? null;
}

/** The same where an object or a list is expected: empty where there is none, and where it is neither. */
export function resultsOf(read: ReadCall): unknown {
  const result = resultOf(read);
  return typeof result === 'object' && result !== null ? result : {};
}

/** A value that clients know as lifted from the results; null where the results have none that is text, number or truth. */
export function liftedFrom(read: ReadCall, name: string): string | number | boolean | null {
  const results = resultOf(read);
  const value = isJsonObject(results) ? results[name] : null;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

/** JSON text of a value; null where there is none. */
export function jsonText(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

/** A property that is text; null for anything else. */
export function textIn(part: JsonObject | null, name: string): string | null {
  const value = part?.[name];
  return typeof value === 'string' ? value : null;
}

/** A property that is a number; null for anything else. */
export function numberIn(part: JsonObject | null, name: string): number | null {
  const value = part?.[name];
  return typeof value === 'number' ? value : null;
}

/** A property that is an object; null for anything else. */
export function objectIn(part: JsonObject | null, name: string): JsonObject | null {
  const value = part?.[name];
  return isJsonObject(value) ? value : null;
}

/** ISO 8601 with milliseconds and `Z`. */
export function timeText(ms: number | null): string | null {
  return ms === null ? null : utcTime(ms);
}

/** The digits of a number, as the vendor writes them: no plus sign, nothing between. What has no digit is left as it is. */
export function plainNumber(text: string | null): string | null {
  const written = text?.trim() || null;
  return written?.replace(/\D+/g, '') || written;
}

function roleOf({ role, participant }: Turn, contacts: readonly StoredContact[]): string | null {
  return role ?? (participant === null ? null : (contacts[participant]?.type ?? null));
}
