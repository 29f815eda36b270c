import { describe, expect, test } from 'vitest';
import { parseRange } from './range.ts';

const huge = '9'.repeat(400);

describe('a Range header against 100 bytes', () => {
  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=0-99', 0, 100],
    ['bytes=10-19', 10, 20],
    ['bytes=90-', 90, 100],
    ['bytes=0-1000', 0, 100],
    [`bytes=5-${huge}`, 5, 100],
    ['bytes=-1', 99, 100],
    ['bytes=-100', 0, 100],
    ['bytes=-1000', 0, 100],
    ['BYTES=1-2', 1, 3],
    ['bytes= 1-2 ', 1, 3],
  ])('%s is honoured', (header, start, endExclusive) => {
    expect(parseRange(header, 100)).toEqual({ start, endExclusive });
  });

  test.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=5-4',
    'bytes=0-1,3-4',
    'items=0-1',
    'bytes=1.5-3',
    'bytes=--5',
  ])('%j is not, and the whole body goes out', (header) => {
    expect(parseRange(header, 100)).toBe('whole');
  });

  test.each(['bytes=100-', 'bytes=100-200', `bytes=${huge}-`, 'bytes=-0'])('%s cannot be satisfied', (header) => {
    expect(parseRange(header, 100)).toBe('unsatisfiable');
  });

  test.each(['bytes=0-', 'bytes=0-0', 'bytes=-5'])('nothing of an empty body can be had: %s', (header) => {
    expect(parseRange(header, 0)).toBe('unsatisfiable');
  });
});
