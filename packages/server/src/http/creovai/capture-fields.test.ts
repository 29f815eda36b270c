import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { readFields } from '../json-in.ts';
import { givenName, optionalTimeMs, requiredTimeMs } from './capture-fields.ts';

const names = { v1: 'masterCallId', v2: 'masterId', also: 'master' };

describe('the name of a field', () => {
  test('is that of the version where the client gave none', () => {
    expect(givenName(readFields({}), 'v1', names)).toBe('masterCallId');
    expect(givenName(readFields({ masterId: null, masterCallId: null }), 'v2', names)).toBe('masterId');
  });

  test('is the one that the client gave, on either route and in any case', () => {
    for (const version of ['v1', 'v2'] as const) {
      expect(givenName(readFields({ MASTERCALLID: 'm' }), version, names)).toBe('masterCallId');
      expect(givenName(readFields({ MasterId: '' }), version, names)).toBe('masterId');
      expect(givenName(readFields({ masterId: null, Master: 0 }), version, names)).toBe('master');
    }
  });

  test('leaves none of the names among what is not known', () => {
    const fields = readFields({ MasterId: null, master: 'm', other: 1 });
    givenName(fields, 'v1', names);
    expect(fields.rest()).toEqual({ other: 1 });
  });

  test('is not found where names differ, and the complaint is of two that do', () => {
    const fields = readFields({ masterCallId: 'a', masterId: 'a', master: 'b' });
    expect(() => givenName(fields, 'v1', names)).toThrow(
      'masterCallId and master are one field: give only one of them',
    );
  });

  test('is found for any values, unless two of them differ: then nothing is chosen', () => {
    const value = fc.constantFrom(undefined, null, '', 'a', 'b', 1);
    fc.assert(
      fc.property(value, value, value, fc.constantFrom('v1', 'v2'), (masterCallId, masterId, master, version) => {
        const fields = readFields({ masterCallId, masterId, master }, 'info');
        const given = new Set([masterCallId, masterId, master].filter((one) => one !== undefined && one !== null));
        try {
          const [only] = given;
          expect(fields.get(givenName(fields, version, names))).toBe(only);
          expect(given.size).toBeLessThan(2);
        } catch (error) {
          if (!hasCode(error, 'input_invalid')) throw error;
          expect(given.size).toBeGreaterThan(1);
          expect(error.message).toMatch(/^info\.master\w* and info\.master\w* are one field: give only one of them$/);
        }
      }),
    );
  });
});

describe('a time', () => {
  const fields = readFields({ set: '2024-03-01T10:00:00.5Z', neverSet: '0001-01-01T00:00:00', soon: 'soon' });

  test('that is there is read in ms since the epoch', () => {
    expect(requiredTimeMs(fields, 'set')).toBe(Date.parse('2024-03-01T10:00:00.500Z'));
    expect(optionalTimeMs(fields, 'set')).toBe(Date.parse('2024-03-01T10:00:00.500Z'));
  });

  test('that .NET never set is absent', () => {
    expect(optionalTimeMs(fields, 'neverSet')).toBeUndefined();
    expect(() => requiredTimeMs(fields, 'neverSet')).toThrow('neverSet is required');
  });

  test('that is none is refused by name', () => {
    expect(() => optionalTimeMs(fields, 'soon')).toThrow('soon must be an ISO 8601 date and time');
    expect(() => requiredTimeMs(fields, 'soon')).toThrow('soon must be an ISO 8601 date and time');
    expect(() => requiredTimeMs(fields, 'missing')).toThrow('missing is required');
    expect(optionalTimeMs(fields, 'missing')).toBeUndefined();
  });
});
