import type { JsonObject } from '../../engine/archive/new-call.ts';
import { invalidField, isJsonObject } from '../json-in.ts';

/*
 * Readers of single values. `path` names the value to the client; null and absent are the same. Each throws
 * `input_invalid` for what it does not take, and never with a word of what was sent.
 */

/** An id of the platform's own: a UUID of any version, given back in lower case. */
export function optionalUuid(value: unknown, path: string): string | null {
  if (value === undefined || value === null) return null;
  const form = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
  if (typeof value !== 'string' || !form.test(value)) throw invalidField(path, 'must be a UUID');
  return value.toLowerCase();
}

/** An object, or the empty array that PHP makes of an empty one, which is given back as it is. */
export function optionalMap(value: unknown, path: string): JsonObject | [] | null {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value) && value.length === 0) return [];
  if (!isJsonObject(value)) throw invalidField(path, 'must be an object');
  return value;
}

/** Yes or no, as clients say it. Absent is no. */
export function optionalFlag(value: unknown, path: string): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false;
  if (value === true || value === 1) return true;
  throw invalidField(path, 'must be true or false');
}
