import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSameJson, keepsAll, saysAnything, withFields } from './content-change.ts';

describe('a change of fields', () => {
  test('puts each field that it names in the place of the one that is there, whole, and leaves the others', () => {
    expect(withFields({ a: 1, b: { c: 1, d: 2 } }, { b: { c: 3 }, e: [] })).toEqual({ a: 1, b: { c: 3 }, e: [] });
  });

  test('that names a field as null, or not at all, leaves it as it is', () => {
    expect(withFields({ a: 1, b: 2 }, { a: null, b: undefined })).toEqual({ a: 1, b: 2 });
    expect(saysAnything({ a: null, b: undefined })).toBe(false);
    expect(saysAnything(undefined)).toBe(false);
    expect(saysAnything({ a: null, b: false })).toBe(true);
  });
});

describe('nothing is lost', () => {
  test.each([
    ['where nothing was', null, { a: 1 }],
    ['where nothing was there at all', undefined, 'x'],
    ['by a field more', { a: 1 }, { a: 1, b: 2 }],
    ['by a field where there was null', { a: null }, { a: 1 }],
    ['by a field in a field', { a: { b: 1 } }, { a: { b: 1, c: 2 } }],
    ['by a list that grows at its end', [1, { a: 1 }], [1, { a: 1, b: null }, 3]],
    ['by fields in another order', { a: 1, b: 2 }, { b: 2, a: 1 }],
  ])('%s', (_, before, after) => {
    expect(keepsAll(before, after)).toBe(true);
  });
});

describe('something is lost', () => {
  test.each([
    ['by another value', { a: 1 }, { a: 2 }],
    ['by the same text as a number', { a: '1' }, { a: 1 }],
    ['by false in place of true', true, false],
    ['by a field less', { a: 1, b: 2 }, { a: 1 }],
    ['by null in its place', { a: 1 }, { a: null }],
    ['by a shorter list', [1, 2], [1]],
    ['by a list in another order', [1, 2], [2, 1]],
    ['by an object in place of a list', [], {}],
    ['by a list in place of an object', {}, []],
    ['by a value in place of an object', { a: {} }, { a: 1 }],
    ['by a name that every object inherits', { toString: 'x' }, {}],
  ])('%s', (_, before, after) => {
    expect(keepsAll(before, after)).toBe(false);
  });
});

test('of any JSON nothing is lost by itself, nor by fields more; everything is by null', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, more) => {
      expect(keepsAll(value, structuredClone(value))).toBe(true);
      expect(keepsAll({ value }, { value, more })).toBe(true);
      expect(keepsAll([value], [value, more])).toBe(true);
      expect(keepsAll(value, null)).toBe(value === null);
    }),
  );
});

test('what keeps all of another that keeps all of it is the same but for nulls', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      if (keepsAll(a, b) && keepsAll(b, a)) expect(isSameJson(withoutNulls(a), withoutNulls(b))).toBe(true);
    }),
  );
});

/** Nulls say nothing, least of all at the end of a list. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls).slice(0, 1 + value.findLastIndex((one) => one !== null));
  if (typeof value !== 'object' || value === null) return value;
  const said = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(said.map(([name, inner]) => [name, withoutNulls(inner)]));
}
