import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../model/errors.ts';
import { idList, isPlainText, lowerAscii, optionalList, optionalString, readFields, unknownMax } from './json-in.ts';

const json = (text: string): unknown => JSON.parse(text);

function failureOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('readFields', () => {
  test('a name is found in every mix of upper and lower case', () => {
    const spelling = fc.tuple(fc.constant('sessionId'), fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }));
    fc.assert(
      fc.property(spelling, fc.string(), ([name, upper], value) => {
        const spelt = [...name].map((c, index) => (upper[index] ? c.toUpperCase() : c.toLowerCase())).join('');
        expect(readFields({ [spelt]: value }).get('sessionId')).toBe(value);
      }),
    );
  });

  test('of two spellings the last one wins, even when it is null', () => {
    expect(readFields(json('{"ids":1,"IDS":2,"Ids":3}')).get('ids')).toBe(3);
    expect(readFields(json('{"ids":1,"Ids":null}')).get('ids')).toBeUndefined();
  });

  test('an explicit null is an absent property, and other false values are not', () => {
    const fields = readFields(json('{"a":null,"b":0,"c":"","d":false}'));
    expect([fields.get('a'), fields.get('b'), fields.get('c'), fields.get('d')]).toEqual([undefined, 0, '', false]);
  });

  test('nothing is inherited: names of Object.prototype are absent until a client sends them', () => {
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];
    const empty = readFields({});
    const sent = readFields(json(`{${names.map((name) => `"${name}":"x"`).join(',')}}`));
    for (const name of names) {
      expect(empty.get(name)).toBeUndefined();
      expect(sent.get(name)).toBe('x');
    }
  });

  test('keys that pollute prototypes elsewhere stay ordinary data', () => {
    const rest = readFields(json('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}')).rest();
    expect(Object.keys(rest)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(rest)).toBe(Object.prototype);
    expect(rest['isAdmin']).toBeUndefined();
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined();
    expect(JSON.stringify(rest)).toBe('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}');
  });

  test('what was not asked for is kept under its own spelling, nulls included', () => {
    const fields = readFields(json('{"Known":1,"Other":null,"other":2,"\u212anown":3}'));
    fields.get('known');
    expect(fields.rest()).toEqual({ Other: null, other: 2, '\u212anown': 3 });
  });

  test('what was not asked for may be as much as the limit says, and not one property more', () => {
    const properties = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, i]));
    const fields = readFields({ known: 1, ...properties(unknownMax) }, 'contacts[0]');
    expect(failureOf(() => fields.rest())).toMatchObject({
      code: 'input_invalid',
      message: 'contacts[0] must have at most 1000 properties that are not known',
    });
    fields.get('known');
    expect(fields.rest()).toEqual(properties(unknownMax));
    expect(failureOf(() => readFields(properties(unknownMax + 1)).rest())).toMatchObject({
      message: 'The body must have at most 1000 properties that are not known',
    });
  });

  test('anything but an object is refused, by its place in the document', () => {
    for (const value of [undefined, null, true, 1, 'x', [], [{}]]) {
      expect(failureOf(() => readFields(value))).toEqual(
        new AppError('input_invalid', { message: 'The body must be a JSON object' }),
      );
    }
    expect(failureOf(() => readFields(1, 'info.audio'))).toMatchObject({
      message: 'info.audio must be a JSON object',
    });
  });
});

test('a string is given back exactly, and another type is refused by name', () => {
  const fields = readFields({ a: ' \ud800\0 ', b: 7, c: null });
  expect(optionalString(fields, 'a')).toBe(' \ud800\0 ');
  expect(optionalString(fields, 'c')).toBeUndefined();
  expect(failureOf(() => optionalString(fields, 'b'))).toMatchObject({ message: 'b must be a string' });
});

test('lower case is for ASCII letters alone', () => {
  expect(lowerAscii('AZaz[`\u212a\u0130\u00c9')).toBe('azaz[`\u212a\u0130\u00c9');
});

test('plain text may hold whole surrogate pairs but neither half of one, and no NUL', () => {
  expect(['', 'a\u{1f600}b', '\uffff', '\ufffd'].every(isPlainText)).toBe(true);
  expect(['\ud83d', 'a\ude00b', '\ude00\ud83d', 'a\0b'].some(isPlainText)).toBe(false);
});

describe('optionalList', () => {
  const list = (value: unknown, path?: string) =>
    optionalList(readFields({ People: value }, path), 'people', 3, (entry, place) => [place, entry.get('name')]);

  test('every object is read in order, with its place', () => {
    expect(list([])).toEqual([]);
    expect(list([{ Name: 'a' }, {}, { NAME: null }])).toEqual([
      [0, 'a'],
      [1, undefined],
      [2, undefined],
    ]);
    expect(list(undefined)).toBeUndefined();
    expect(list(null)).toBeUndefined();
  });

  test.each([
    [{}, 'people must be an array'],
    ['abc', 'people must be an array'],
    [{ length: 0 }, 'people must be an array'],
    [[{}, {}, {}, {}], 'people must have at most 3 entries'],
    [[{}, null], 'people[1] must be a JSON object'],
    [new Array(1), 'people[0] must be a JSON object'],
  ])('%j is refused: %s', (value, message) => {
    expect(failureOf(() => list(value))).toEqual(new AppError('input_invalid', { message }));
    expect(failureOf(() => list(value, 'info'))).toMatchObject({ message: `info.${message}` });
  });
});

describe('idList', () => {
  const list = (ids: unknown) => idList(readFields({ Ids: ids }), 'ids', 3);

  test('ids come back in order and exactly, repeats and empty ones included', () => {
    expect(list([])).toEqual([]);
    expect(list([' b', '', ' b'])).toEqual([' b', '', ' b']);
  });

  test('a list that is missing, too long or no list is refused', () => {
    for (const ids of [undefined, null, 'abc', {}, { length: 1, 0: 'a' }]) {
      expect(failureOf(() => list(ids))).toMatchObject({ message: 'ids is required and must be an array' });
    }
    expect(failureOf(() => list(['a', 'b', 'c', 'd']))).toMatchObject({ message: 'ids must have at most 3 entries' });
  });

  test('an entry that is no plain string is refused by its index, never by its value', () => {
    const hole = new Array<unknown>(2);
    hole[0] = 'a';
    for (const ids of [['a', 1], ['a', null], ['a', ['b']], ['a', 'b\0'], ['a', '\udc00'], hole]) {
      expect(failureOf(() => list(ids))).toMatchObject({
        code: 'input_invalid',
        message: 'ids[1] must be a string without NUL or lone surrogates',
      });
    }
  });
});
