import { describe, expect, test } from 'vitest';
import {
  envelopeOf,
  listingOf,
  listOf,
  ordersOf,
  partOf,
  phoneOf,
  plainQuery,
  refuseUnknown,
  textOf,
  timeOf,
  wordsOf,
} from './list-params.ts';

const limits = { limitMax: 1000, limitDefault: 100 };

describe('the part of a list', () => {
  test.each([
    [{}, { offset: 0, limit: 100 }],
    [{ page: '0' }, { offset: 0, limit: 100 }],
    [
      { page: '3', limit: '20' },
      { offset: 60, limit: 20 },
    ],
    [
      { offset: '7', limit: '1000' },
      { offset: 7, limit: 1000 },
    ],
    [
      { page: '', offset: '5', limit: '' },
      { offset: 5, limit: 100 },
    ],
  ])('%j begins where the client says', (query, part) => {
    expect(partOf(query, limits)).toEqual(part);
  });

  test.each([
    [{ page: '1', offset: '1' }, 'page and offset must not be given both'],
    [{ limit: '0' }, 'limit must be from 1 to 1000'],
    [{ limit: '1001' }, 'limit must be from 1 to 1000'],
    [{ limit: '-1' }, 'limit must be a whole number'],
    [{ page: '1.5' }, 'page must be a whole number'],
    [{ offset: '9999999999' }, 'offset must be a whole number'],
    [{ limit: ['1', '2'] }, 'limit must be given once'],
  ])('%j is refused', (query, message) => {
    expect(() => partOf(query, limits)).toThrow(message);
  });
});

describe('a list of words', () => {
  test('is trimmed, and holds nothing empty and nothing twice', () => {
    expect(listOf({ fields: 'currentStatusName,\n   number, ,number' }, 'fields')).toEqual([
      'currentStatusName',
      'number',
    ]);
    expect(listOf({ fields: ['a,b', 'c'] }, 'fields')).toEqual(['a', 'b', 'c']);
    expect(listOf({ fields: ' , ' }, 'fields')).toBeUndefined();
    expect(listOf({}, 'fields')).toBeUndefined();
  });

  test('leaves out what nobody knows, so that it finds nothing', () => {
    const known = ['READY', 'PAUSED'];
    expect(wordsOf({ status: 'READY,FINISHED,PAUSED' }, 'status', known)).toEqual(['READY', 'PAUSED']);
    expect(wordsOf({ status: 'FINISHED' }, 'status', known)).toEqual([]);
    expect(wordsOf({}, 'status', known)).toBeUndefined();
  });
});

test('an order descends after a minus sign, and passes over what nobody knows', () => {
  expect(ordersOf({ sort: '-status,name,-price' }, ['status', 'name'])).toEqual([
    { by: 'status', isDescending: true },
    { by: 'name', isDescending: false },
  ]);
  expect(ordersOf({}, ['status'])).toEqual([]);
});

describe('a time', () => {
  test.each([
    ['2024-05-01T10:00:00.000Z', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01T10:00:00+03:00', '2024-05-01T07:00:00.000Z'],
    ['2024-05-01T10:00:00 03:00', '2024-05-01T07:00:00.000Z'],
    ['2024-05-01T10:00:00', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01T10:00', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01T10:00:00-0330', '2024-05-01T13:30:00.000Z'],
    ['2024-05-01', '2024-05-01T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(new Date(timeOf({ from: text }, 'from') ?? 0).toISOString()).toBe(expected);
  });

  test.each(['yesterday', '1714557600000', '2024-13-01', '2024-02-30', '2024-05-01T25:00:00Z', '01.05.2024'])(
    '%s is none',
    (text) => {
      expect(() => timeOf({ from: text }, 'from')).toThrow('from must be a time in ISO 8601');
    },
  );

  test('that is absent or empty is not asked for', () => {
    expect(timeOf({}, 'from')).toBeUndefined();
    expect(timeOf({ from: '' }, 'from')).toBeUndefined();
  });
});

test('text is given once', () => {
  expect(textOf({ keyword: 'abc' }, 'keyword')).toBe('abc');
  expect(textOf({ keyword: '' }, 'keyword')).toBeUndefined();
  expect(() => textOf({ keyword: ['a', 'b'] }, 'keyword')).toThrow('keyword must be given once');
});

test('a list as PHP writes it is a list', () => {
  expect(plainQuery({ 'a[]': ['1', '2'], 'b[0]': '3', 'b[1]': '4', 'c[]': '5', d: ['6'], 'e[x]': '7' })).toEqual({
    a: ['1', '2'],
    b: ['3', '4'],
    c: '5',
    d: ['6'],
    'e[x]': '7',
  });
  expect(Object.keys(plainQuery({ ['__proto__']: '1' }))).toEqual(['__proto__']);
});

test('what is not known is refused by its place, with what is', () => {
  expect(() => refuseUnknown({ status: 'a', limit: '1', page: '0', _: '17', timezone: '3' }, ['status'])).not.toThrow();
  expect(() => refuseUnknown({ status: 'a', '79991234567': '' }, ['status', 'phone'])).toThrow(
    /^Parameter 2 of the query is not known; known are status, phone, limit, offset, .*, _$/,
  );
});

describe('a list', () => {
  test.each([
    [{}, { limit: 100, isCounted: true }],
    [{ withoutItems: '1' }, { limit: 0, isCounted: true }],
    [
      { withoutItems: 'false', withoutCount: '0' },
      { limit: 100, isCounted: true },
    ],
    [
      { withoutItems: '', withoutCount: 'true' },
      { limit: 0, isCounted: false },
    ],
  ])('asked for with %j is answered so', (query, expected) => {
    expect(listingOf(query, limits)).toEqual({ offset: 0, ...expected });
  });

  test('that nobody wants counted has the count of its items', () => {
    const part = { offset: 0, limit: 2 };
    expect(envelopeOf({ ...part, isCounted: true }, 7, ['a', 'b'])).toEqual({ count: 7, items: ['a', 'b'] });
    expect(envelopeOf({ ...part, isCounted: false }, 7, ['a', 'b'])).toEqual({ count: 2, items: ['a', 'b'] });
  });
});

test('a number to look for is one, and may be empty', () => {
  expect(phoneOf({}, 'phone')).toBeUndefined();
  expect(phoneOf({ phone: ' ' }, 'phone')).toBe('');
  expect(phoneOf({ phone: ' +7 999 ' }, 'phone')).toBe('+7 999');
  expect(() => phoneOf({ phone: '7'.repeat(65) }, 'phone')).toThrow('phone must have at most 64 characters');
  expect(() => phoneOf({ phone: ['1', '2'] }, 'phone')).toThrow('phone must be given once');
});
