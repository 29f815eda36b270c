import { canonicalJson, type JsonObject } from '../archive/new-call.ts';

/**
 * JSON fields with what a change says of them put in their place. Null says nothing: a field cannot be cleared. What a
 * change does not name stays.
 */
export function withFields(before: JsonObject, change: JsonObject): JsonObject {
  const said = Object.entries(change).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(said) };
}

/** True when a change says anything at all. */
export function saysAnything(change: JsonObject | undefined): boolean {
  return Object.values(change ?? {}).some((value) => value !== null && value !== undefined);
}

/**
 * True when all that `before` says stands unchanged at the same place in `after`: fields were added, or lists have grown at
 * their ends, and nothing was lost. Both are JSON; null says nothing.
 */
export function keepsAll(before: unknown, after: unknown): boolean {
  if (before === null || before === undefined) return true;
  if (Array.isArray(before)) {
    return Array.isArray(after) && before.every((one: unknown, i) => keepsAll(one, after[i]));
  }
  if (typeof before !== 'object') return before === after;
  if (typeof after !== 'object' || after === null || Array.isArray(after)) return false;
  const fields = new Map<string, unknown>(Object.entries(after));
  return Object.entries(before).every(([name, value]) => keepsAll(value, fields.get(name)));
}

/** True for the same JSON, whatever the order of keys. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
