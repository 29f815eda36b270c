import type { JsonObject, Turn } from '../../engine/archive/new-call.ts';
import { type Fields, invalidField, optionalString } from '../json-in.ts';
import { extraOf, optionalTimeMs } from './capture-fields.ts';

/** The most messages of one chat or case: an empty one is a few bytes on the wire and ten times as much sealed. */
export const messagesMax = 50_000;

/**
 * One message as a turn: its words exactly as given (none count as empty), the time at which it was sent.
 *
 * `known` holds what its kind of message may say beside that, by canonical name; it goes to the turn's `extra`, as does
 * all that we do not know. So ask the fields for every name in it before. Throws `input_invalid` for a value of the wrong
 * type.
 */
export function turnOf(fields: Fields, participant: number | null, known: JsonObject): Turn {
  const said = Object.entries(known).filter(([, value]) => value !== undefined);
  return {
    text: optionalString(fields, 'content') ?? '',
    participant,
    role: null,
    at: optionalTimeMs(fields, 'utcTimestamp') ?? null,
    startMs: null,
    endMs: null,
    extra: { ...extraOf(fields), ...Object.fromEntries(said) },
  };
}

/** Throws `input_invalid` for more messages than `messagesMax` in all, however they are divided. */
export function requireFewMessages(count: number): void {
  if (count > messagesMax) {
    throw invalidField('The body', `must have at most ${messagesMax} messages`);
  }
}
