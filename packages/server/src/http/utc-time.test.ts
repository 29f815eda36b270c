import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utcTime } from './utc-time.ts';

describe('a time as it goes out', () => {
  test.each([
    [0, '1970-01-01T00:00:00.000Z'],
    [1_709_287_200_007, '2024-03-01T10:00:00.007Z'],
    [-1, '1969-12-31T23:59:59.999Z'],
  ])('%d is %s', (ms, text) => {
    expect(utcTime(ms)).toBe(text);
  });

  test('is one that .NET reads, whatever came in', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (ms) => {
        expect(utcTime(ms)).toMatch(/^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      }),
    );
  });

  test('beyond what clients can read is the nearest that they can', () => {
    expect(utcTime(Date.parse('+010000-01-01T00:00:00Z'))).toBe('9999-12-31T23:59:59.999Z');
    expect(utcTime(Date.parse('0000-06-01T00:00:00Z'))).toBe('0001-01-01T00:00:00.000Z');
  });
});
