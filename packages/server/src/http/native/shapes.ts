import { Type } from 'typebox';
import { parseIsoTime } from '../iso-time.ts';
import { invalidField } from '../json-in.ts';

/* What several operations of the native API speak of: the one description, for checking, for types and for readers. */

/** No other fields. */
export const strict = { additionalProperties: false } as const;

/** Of writes that say nothing beside their address. */
export const Nothing = Type.Object({}, strict);

/** Our ids, and those of others. What is no id of ours is one that nobody knows. */
export const Id = Type.String({ minLength: 1, maxLength: 512 });

/** In answers: ISO 8601 in UTC, to the millisecond. */
export const Time = Type.String({ format: 'date-time', examples: ['2026-03-01T10:00:00.000Z'] });

/** Null until it is reached, or where there is none. */
export const TimeOrNull = Type.Union([Time, Type.Null()]);

/** In requests: ISO 8601 with `Z` or an offset; `timeIn` reads it. */
export const TimeIn = Type.String({ maxLength: 64, description: 'ISO 8601 with `Z` or an offset' });

/** Where a page begins: what the page before said as `next`. */
export const Cursor = Type.String({ maxLength: 200, description: 'The `next` of the page before' });

/** Entries on a page. */
export const Limit = Type.Integer({ minimum: 1, maximum: 1000, default: 100 });

/** Of a page: null on the last. */
export const Next = Type.Union([Type.String(), Type.Null()], { description: 'Null on the last page' });

/** Who did it. */
export const ActorShape = Type.Object(
  { kind: Type.Enum(['client', 'user', 'cli', 'policy']), id: Type.String() },
  { ...strict, title: 'Actor' },
);

/** A time as answers say it. */
export function timeOut(ms: number): string {
  return new Date(ms).toISOString();
}

/** The same of one that may not be there. */
export function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : timeOut(ms);
}

/** A time of a request in ms since the Unix epoch; null where it is not said. Throws `input_invalid` for text that is none. */
export function timeIn(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const atMs = parseIsoTime(text);
  if (atMs !== undefined) return atMs;
  throw invalidField(name, 'must be an ISO 8601 date and time with Z or an offset, such as 2026-01-02T03:04:05Z');
}
