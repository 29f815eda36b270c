import { describe, expect, test } from 'vitest';
import { accepting, filled, filledIn, type Known, keep } from './recorded-text.ts';

const known: Known = new Map([
  ['token', 'a.b.c'],
  ['call:S-1', '0190'],
  ['companyId', '7'],
]);

describe('a recorded text', () => {
  test('has its placeholders filled in, wherever they stand', () => {
    expect(filled('GET /x/{{call:S-1}}?t={{token}}', known)).toBe('GET /x/0190?t=a.b.c');
  });

  test('that names what is not known is refused', () => {
    for (const text of ['{{tokn}}', '{{kept:id}}', '{{}}', '{{any}}']) {
      expect(() => filled(text, known), text).toThrow('nothing is known');
    }
  });

  test('is taken literally but for its placeholders', () => {
    expect('a.b.c (x)').toEqual(accepting('{{token}} (x)', known));
    expect('aXb.c (x)').not.toEqual(accepting('{{token}} (x)', known));
    expect('aXb.c/yy').not.toEqual(accepting('{{token}}/{{any}}', known));
  });
});

test('a number of which the name is known is a JSON number, sent and received', () => {
  expect(filledIn({ id: '{{number:companyId}}' }, known)).toStrictEqual({ id: 7 });
  expect({ id: 7 }).toStrictEqual(accepting({ id: '{{number:companyId}}' }, known));
  for (const id of ['7', 8, null]) expect({ id }).not.toStrictEqual(accepting({ id: '{{number:companyId}}' }, known));
  expect(() => filledIn(['{{number:userId}}'], known)).toThrow('nothing is known');
});

describe('a matcher', () => {
  test.each([
    ['{{any}}', ['x', 'x\ny'], ['']],
    ['{{id}}', ['01900000-0000-7000-8000-000000000000'], ['01900000-0000-4000-8000-000000000000', 'bbqfbbbow', '']],
    ['{{time}}', ['2024-03-01T10:00:00.000Z'], ['2024-03-01T10:00:00Z', '2024-03-01', 'x2024-03-01T10:00:00.000Z']],
    ['/share/{{any}}', ['/share/x'], ['/share/', 'http:/share/x']],
  ])('%s accepts whole texts of its kind and no others', (recorded, good, bad) => {
    for (const text of good) expect(text).toEqual(accepting(recorded, known));
    for (const text of bad) expect(text).not.toEqual(accepting(recorded, known));
  });

  test('accepts neither null nor a number nor an absent key', () => {
    for (const actual of [{ id: null }, { id: 7 }, {}])
      expect(actual).not.toStrictEqual(accepting({ id: '{{any}}' }, known));
  });
});

test('what is kept of an answer stands for itself in what follows', () => {
  const later = new Map(known);
  keep(
    { items: [{ id: '{{keep:id}}', at: '{{time}}' }], link: '/s/{{keep:secret}}?x' },
    { items: [{ id: 'q', at: '' }], link: '/s/r?x' },
    later,
  );
  expect(filled('{{kept:id}} {{kept:secret}}', later)).toBe('q r');
});
