import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { parseStatusSessionIds, statusIdsMax } from './status-request.ts';

test('the spelling of either SDK is understood, and ids come back exactly', () => {
  expect(parseStatusSessionIds({ CallSessionIds: ['a', 'a', ' B', ''] })).toEqual(['a', 'a', ' B', '']);
  expect(parseStatusSessionIds({ callSessionIds: [] })).toEqual([]);
});

test('a thousand ids are accepted and one more refuses the request', () => {
  const ids = Array.from({ length: statusIdsMax + 1 }, (_, index) => `session-${index}`);
  expect(parseStatusSessionIds({ callSessionIds: ids.slice(1) })).toHaveLength(1000);
  expect(() => parseStatusSessionIds({ callSessionIds: ids })).toThrow('callSessionIds must have at most 1000 entries');
});

test.each([
  null,
  [],
  'a',
  {},
  { ids: ['a'] },
  { callSessionIds: null },
  { callSessionIds: 'a' },
  { callSessionIds: [1] },
  { callSessionIds: ['a\0'] },
  { callSessionIds: ['\udfff'] },
])('%j is refused', (body) => {
  expect(() => parseStatusSessionIds(body)).toThrow(expect.objectContaining({ code: 'input_invalid' }));
});

test('junk is refused as input_invalid and in no other way', () => {
  const junk = fc.oneof(fc.anything(), fc.record({ callSessionIds: fc.anything() }));
  fc.assert(
    fc.property(junk, (body) => {
      try {
        expect(Array.isArray(parseStatusSessionIds(body))).toBe(true);
      } catch (error) {
        expect(hasCode(error, 'input_invalid')).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
