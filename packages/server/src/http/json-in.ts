import type { JsonObject } from '../engine/archive/new-call.ts';
import { AppError } from '../model/errors.ts';

/**
 * The properties of one JSON object, found by name in any case.
 *
 * Clients write PascalCase, camelCase and both in one document, so names are matched by their ASCII letters without
 * case. An explicit null is an absent property. Of two spellings of one name the last wins and the other is dropped, as
 * JSON.parse does with equal names. A name is looked up in a Map, so `__proto__`, `constructor` and `prototype` are
 * names like any other.
 */
export type Fields = {
  /** Where the object stands in the document, in words for the middle of a sentence: `info.contacts[2]`, `the body`. */
  path: string;
  /** How to name a property to the client, from its canonical spelling: `info.contacts[2].channel`. */
  pathOf(name: string): string;
  /** The value, or undefined when absent or null. */
  get(name: string): unknown;
  /**
   * What `get` was not asked for until now, under the client's own spelling, nulls included. Throws `input_invalid` for
   * more than `unknownMax` of them.
   */
  rest(): JsonObject;
};

/** The most properties of one object that nobody knows. */
export const unknownMax = 1000;

/**
 * Opens `value` for reading by name; its keys are the client's, and are never read by `[key]`. `path` is where it stands in the document; without it, `value` is the document.
 *
 * Throws `input_invalid` unless `value` is a JSON object.
 */
export function readFields(value: unknown, path?: string): Fields {
  if (!isJsonObject(value)) {
    throw invalidField(path ?? 'The body', 'must be a JSON object');
  }
  const byName = new Map(Object.entries(value).map(([key, held]) => [lowerAscii(key), held]));
  const asked = new Set<string>();
  return {
    path: path ?? 'the body',
    pathOf: (name) => (path === undefined ? name : `${path}.${name}`),
    get: (name) => {
      asked.add(lowerAscii(name));
      return byName.get(lowerAscii(name)) ?? undefined;
    },
    rest: () => {
      const unknown = Object.entries(value).filter(([key]) => !asked.has(lowerAscii(key)));
      if (unknown.length > unknownMax) {
        throw invalidField(path ?? 'The body', `must have at most ${unknownMax} properties that are not known`);
      }
      // Object.fromEntries defines properties, so even a `__proto__` among them becomes an ordinary one.
      return Object.fromEntries(unknown);
    },
  };
}

/** A string property, exactly as given; undefined when absent. Throws `input_invalid` for another type. */
export function optionalString(fields: Fields, name: string): string | undefined {
  const value = fields.get(name);
  if (value !== undefined && typeof value !== 'string') {
    throw invalidField(fields.pathOf(name), 'must be a string');
  }
  return value;
}

/**
 * A list of JSON objects, each made into something by `read`; undefined when absent.
 *
 * Throws `input_invalid` for another type, for more than `countMax` entries and for entries of another type.
 */
export function optionalList<T>(
  fields: Fields,
  name: string,
  countMax: number,
  read: (entry: Fields, place: number) => T,
): T[] | undefined {
  const value = fields.get(name);
  const path = fields.pathOf(name);
  if (value === undefined) {
    return undefined;
  }
  if (!Array.isArray(value)) {
    throw invalidField(path, 'must be an array');
  }
  if (value.length > countMax) {
    throw invalidField(path, `must have at most ${countMax} entries`);
  }
  // Array.from, because unlike map it does not pass over holes.
  return Array.from<unknown, T>(value, (entry, place) => read(readFields(entry, `${path}[${place}]`), place));
}

/**
 * A required list of ids, each exactly as given.
 *
 * Throws `input_invalid` when the list is missing, is not an array, is longer than `countMax`, or holds anything but
 * strings that `isPlainText` accepts. An empty list is fine.
 */
export function idList(fields: Fields, name: string, countMax: number): string[] {
  const value = fields.get(name);
  const path = fields.pathOf(name);
  if (!Array.isArray(value)) {
    throw invalidField(path, 'is required and must be an array');
  }
  if (value.length > countMax) {
    throw invalidField(path, `must have at most ${countMax} entries`);
  }
  // Array.from, because unlike map it does not pass over holes.
  return Array.from<unknown, string>(value, (id, index) => {
    if (typeof id !== 'string' || !isPlainText(id)) {
      throw invalidField(`${path}[${index}]`, 'must be a string without NUL or lone surrogates');
    }
    return id;
  });
}

/**
 * True for text that two different ids cannot share once encoded: no lone surrogates, which UTF-8 all turns into
 * U+FFFD, and no NUL, at which some stores end a string.
 */
export function isPlainText(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text);
}

/** True for what JSON calls an object: neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lower case for A to Z only: Unicode folding would let a Kelvin sign stand for a k. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The one form of our complaints about a field. Neither argument may hold anything that the client sent. */
export function invalidField(path: string, complaint: string): AppError {
  return new AppError('input_invalid', { message: `${path} ${complaint}` });
}
