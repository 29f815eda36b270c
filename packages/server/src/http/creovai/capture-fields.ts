import type { JsonObject } from '../../engine/archive/new-call.ts';
import { type Fields, invalidField, isJsonObject, isPlainText, optionalString } from '../json-in.ts';
import { parseDate } from './dates.ts';

/** The two versions of the API, side by side in use: `/callCapture/v1` and the like, and `/capture/v2`. */
export type Version = 'v1' | 'v2';

/** What each version calls one field, and what some client calls it beside. */
export type FieldNames = Record<Version, string> & { also?: string };

export const sessionIdLengthMax = 512;

/** What .NET writes for a time that was never set: its clients cannot leave such a field out. */
const neverSetMs = Date.parse('0001-01-01T00:00:00Z');

/**
 * The name under which a client gave a field: its version's own, the other's or a third. Where it gave none, the own
 * one, for complaints.
 *
 * Every name is taken on every route, since a number under a name that we pass over would be one that no purge finds.
 * Throws `input_invalid` for two names with different values: each choice would lose one of them.
 */
export function givenName(fields: Fields, version: Version, { v1, v2, also }: FieldNames): string {
  const own = version === 'v1' ? v1 : v2;
  const names = [own, v1, v2, also ?? own];
  const given = [...new Set(names)].filter((name) => fields.get(name) !== undefined);
  const [first = own] = given;
  const other = given.find((name) => fields.get(name) !== fields.get(first));
  if (other !== undefined) {
    throw invalidField(fields.pathOf(first), `and ${fields.pathOf(other)} are one field: give only one of them`);
  }
  return first;
}

/** The id by which the archive knows a call. Throws `input_invalid` unless it has 1 to `sessionIdLengthMax` characters. */
export function requiredSessionId(fields: Fields, name: string): string {
  const sessionId = optionalId(fields, name);
  if (sessionId === undefined || sessionId === '' || sessionId.length > sessionIdLengthMax) {
    throw invalidField(fields.pathOf(name), `is required and must have 1 to ${sessionIdLengthMax} characters`);
  }
  return sessionId;
}

/** A string that a call is found by, so no two of them may become one when they are encoded. */
export function optionalId(fields: Fields, name: string): string | undefined {
  const id = optionalString(fields, name);
  if (id !== undefined && !isPlainText(id)) {
    throw invalidField(fields.pathOf(name), 'must not hold NUL or lone surrogates');
  }
  return id;
}

/** A time as `optionalTimeMs` reads it. Throws `input_invalid` also when it is absent, or .NET's year 1. */
export function requiredTimeMs(fields: Fields, name: string): number {
  const timeMs = optionalTimeMs(fields, name);
  if (timeMs === undefined) {
    throw invalidField(fields.pathOf(name), 'is required');
  }
  return timeMs;
}

/** A time in ms since the epoch; undefined when absent, or .NET's year 1. Throws `input_invalid` for anything else. */
export function optionalTimeMs(fields: Fields, name: string): number | undefined {
  const text = optionalString(fields, name);
  const timeMs = text === undefined ? undefined : parseDate(text);
  if (text !== undefined && timeMs === undefined) {
    throw invalidField(fields.pathOf(name), 'must be an ISO 8601 date and time');
  }
  return timeMs === neverSetMs ? undefined : timeMs;
}

/** The longest that a client's own object may be, in bytes of JSON: whoever reads the call gets it whole. */
export const ownBytesMax = 1024 * 1024;

/** The client's own object, as given. Throws `input_invalid` for another type, or longer than `ownBytesMax`. */
export function metadataOf(fields: Fields): JsonObject | undefined {
  const value = fields.get('metadata');
  const path = fields.pathOf('metadata');
  if (value === undefined) {
    return undefined;
  }
  if (!isJsonObject(value)) {
    throw invalidField(path, 'must be a JSON object');
  }
  requireSmall(value, path);
  return value;
}

/**
 * What nobody has asked these fields for until now, as given. Throws `input_invalid` for more than `unknownMax` properties,
 * or longer than `ownBytesMax` together.
 */
export function extraOf(fields: Fields): JsonObject {
  const extra = fields.rest();
  requireSmall(extra, `What is not known of ${fields.path}`);
  return extra;
}

function requireSmall(value: JsonObject, path: string): void {
  if (Buffer.byteLength(JSON.stringify(value)) > ownBytesMax) {
    throw invalidField(path, `must be at most ${ownBytesMax / 1024} KiB long`);
  }
}
