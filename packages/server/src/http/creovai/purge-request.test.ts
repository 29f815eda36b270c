import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { parsePurgeCustomer, parsePurgeIds, parseWhatIf, purgeIdsMax } from './purge-request.ts';

/** True when `run` ends well or in `input_invalid`; any other error is rethrown. */
function endsOrRefuses(run: () => unknown): boolean {
  try {
    run();
  } catch (error) {
    if (!hasCode(error, 'input_invalid')) {
      throw error;
    }
  }
  return true;
}

const refused = expect.objectContaining({ code: 'input_invalid' });
const plainId = fc.string({ unit: 'grapheme' }).filter((id) => !id.includes('\0'));

describe('parsePurgeIds', () => {
  test('up to a hundred ids come back exactly and in order, whatever the case of the name', () => {
    const name = fc.constantFrom('ids', 'Ids', 'IDS', 'iDs');
    fc.assert(
      fc.property(name, fc.array(plainId, { maxLength: purgeIdsMax }), (key, ids) => {
        expect(parsePurgeIds({ [key]: ids, other: 1 })).toEqual(ids);
      }),
    );
  });

  test('an empty list is a request', () => {
    expect(parsePurgeIds({ ids: [] })).toEqual([]);
  });

  test('a hundred ids are accepted and one more refuses the request', () => {
    const ids = Array.from({ length: purgeIdsMax + 1 }, (_, index) => `id${index}`);
    expect(parsePurgeIds({ ids: ids.slice(1) })).toHaveLength(100);
    expect(() => parsePurgeIds({ ids })).toThrow('ids must have at most 100 entries');
  });

  test.each([
    undefined,
    null,
    [],
    ['a'],
    'a',
    {},
    { ids: null },
    { ids: 'a' },
    { ids: { 0: 'a' } },
    { ids: [1] },
    { ids: ['a', null] },
    { ids: [['a']] },
    { ids: ['a\0'] },
    { ids: ['\ud800'] },
    { ids: ['a'], IDS: null },
  ])('%j is refused', (body) => {
    expect(() => parsePurgeIds(body)).toThrow(refused);
  });
});

describe('parsePurgeCustomer', () => {
  test('a string with a digit comes back exactly, whatever the case of the name', () => {
    expect(parsePurgeCustomer({ phoneNumber: '+15125551234' })).toBe('+15125551234');
    expect(parsePurgeCustomer({ PhoneNumber: ' (512) 555-1234 x9 ' })).toBe(' (512) 555-1234 x9 ');
    expect(parsePurgeCustomer({ PHONENUMBER: '0' })).toBe('0');
    expect(parsePurgeCustomer({ phoneNumber: '\u0661' })).toBe('\u0661');
  });

  test.each([
    null,
    [],
    {},
    { phoneNumber: null },
    { phoneNumber: 15125551234 },
    { phoneNumber: ['1'] },
    { phone: '1' },
  ])('%j is refused', (body) => {
    expect(() => parsePurgeCustomer(body)).toThrow(refused);
  });

  test('a string without a digit is refused without being repeated', () => {
    for (const phoneNumber of ['', '+', 'anonymous', '\u2167']) {
      expect(() => parsePurgeCustomer({ phoneNumber })).toThrow('phoneNumber is required and must have a digit');
    }
  });
});

describe('parseWhatIf', () => {
  test.each([
    [{}, false],
    [{ whatIf: undefined }, false],
    [{ whatIf: '' }, false],
    [{ whatIf: 'false' }, false],
    [{ WHATIF: 'FALSE' }, false],
    [{ whatIf: 'true' }, true],
    [{ whatif: 'True' }, true],
    [{ WhatIf: 'tRUE', other: ['a', 'b'] }, true],
  ])('%j means %j', (query, isWhatIf) => {
    expect(parseWhatIf(query)).toBe(isWhatIf);
  });

  test.each([
    { whatIf: ['true', 'true'] },
    { whatIf: ['false'] },
    { whatIf: 'true', whatif: 'true' },
    { whatIf: '', WHATIF: 'true' },
    { whatIf: '1' },
    { whatIf: ' true' },
    { whatIf: 'yes' },
    { whatIf: true },
    { whatIf: null },
    { whatIf: {} },
  ])('%j is refused', (query) => {
    expect(() => parseWhatIf(query)).toThrow('whatIf must be true or false, and given once');
  });

  test('data is destroyed only when whatIf is absent, empty or false', () => {
    const value = fc.oneof(fc.anything(), fc.constantFrom('', 'true', 'TRUE', 'false', 'fAlse', 'off', 'false '));
    fc.assert(
      fc.property(value, (whatIf) => {
        let isWhatIf: boolean | undefined;
        endsOrRefuses(() => {
          isWhatIf = parseWhatIf({ whatIf });
        });
        const word = typeof whatIf === 'string' ? whatIf.toLowerCase() : whatIf;
        expect(isWhatIf === false).toBe(word === undefined || word === '' || word === 'false');
      }),
    );
  });
});

test('junk is refused as input_invalid and in no other way', () => {
  const key = fc.constantFrom('ids', 'IDS', 'phoneNumber', 'whatIf', '__proto__', 'constructor');
  const junk = fc.oneof(fc.anything(), fc.jsonValue(), fc.dictionary(fc.oneof(key, fc.string()), fc.anything()));
  fc.assert(
    fc.property(junk, (body) => {
      endsOrRefuses(() => parsePurgeIds(body));
      endsOrRefuses(() => parsePurgeCustomer(body));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(key, fc.string()), fc.anything()), (query) => {
      endsOrRefuses(() => parseWhatIf(query));
    }),
  );
});
