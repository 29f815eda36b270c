import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { parseSessionIdInPath, parseSessionIds, statusIdsMax } from './status-request.ts';

const names = ['callSessionIds', 'sessionIds'] as const;

describe.each(names)('a list of %s', (name) => {
  test('comes back exactly, in order and with its repeats, whatever the case of its name', () => {
    const ids = ['a', 'a', ' B', '', 'A/b?c#d%41'];
    for (const spelling of [
      name,
      name.toUpperCase(),
      name.toLowerCase(),
      `${name[0]?.toUpperCase()}${name.slice(1)}`,
    ]) {
      expect(parseSessionIds({ [spelling]: ids, other: 1 }, name)).toEqual(ids);
    }
    expect(parseSessionIds({ [name]: [] }, name)).toEqual([]);
  });

  test('may have a thousand entries, and one more refuses the request', () => {
    const ids = Array.from({ length: statusIdsMax + 1 }, (_, index) => `session-${index}`);
    expect(parseSessionIds({ [name]: ids.slice(1) }, name)).toHaveLength(1000);
    expect(() => parseSessionIds({ [name]: ids }, name)).toThrow(`${name} must have at most 1000 entries`);
  });

  test.each([
    undefined,
    null,
    [],
    'a',
    {},
    { ids: ['a'] },
    { [name]: null },
    { [name]: 'a' },
    { [name]: { 0: 'a', length: 1 } },
    { [name]: [1] },
    { [name]: ['a', null] },
    { [name]: ['a\0'] },
    { [name]: ['\udfff'] },
  ])('is not found in %j', (body) => {
    expect(() => parseSessionIds(body, name)).toThrow(expect.objectContaining({ code: 'input_invalid' }));
  });

  test('is not looked for under the name of the other version', () => {
    const other = names.find((one) => one !== name) ?? name;
    expect(() => parseSessionIds({ [other]: ['a'] }, name)).toThrow(`${name} is required and must be an array`);
  });

  test('refuses junk as input_invalid and in no other way', () => {
    const junk = fc.oneof(fc.anything(), fc.record({ [name]: fc.anything() }));
    fc.assert(
      fc.property(junk, (body) => {
        try {
          expect(Array.isArray(parseSessionIds(body, name))).toBe(true);
        } catch (error) {
          expect(hasCode(error, 'input_invalid')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a session id in a path', () => {
  test('is what follows the route', () => {
    expect(parseSessionIdInPath('//Capture/V2/Status/a%20b//c?d', '/capture/v2/status')).toBe('a b//c?d');
  });

  test('that holds a NUL is refused without being repeated', () => {
    const refused = () => parseSessionIdInPath('/capture/v2/status/secret%00', '/capture/v2/status');
    expect(refused).toThrow('The session id must not hold NUL');
    expect(refused).not.toThrow(/secret/);
  });
});
