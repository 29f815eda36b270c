import { describe, expect, test } from 'vitest';
import { AppError } from '../../model/errors.ts';
import { type BoundedKind, refuseOversized } from './content-bounds.ts';

const kib = 1024;

/** JSON of exactly so many bytes. */
function ofBytes(bytes: number) {
  return { x: 'y'.repeat(bytes - '{"x":""}'.length) };
}

function complaintOf(kind: BoundedKind, content: unknown, before?: unknown): string {
  try {
    refuseOversized(kind, content, before);
    return 'taken';
  } catch (error) {
    if (error instanceof AppError && error.code === 'input_invalid') return error.message;
    throw error;
  }
}

describe.each([
  ['details', 4 * kib * kib, '4 MiB'],
  ['correlation', 256 * kib, '256 KiB'],
  ['transcript', 16 * kib * kib, '16 MiB'],
] as const)('the %s of a call', (kind, bytesMax, words) => {
  test('take as much as fits, counted in bytes of JSON, and the complaint says which and how much', () => {
    expect(complaintOf(kind, ofBytes(bytesMax))).toBe('taken');
    const complaint = complaintOf(kind, ofBytes(bytesMax + 1));
    expect(complaint).toContain(words);
    expect(complaint).toContain(`the ${kind} of the call`);
    expect(complaintOf(kind, { x: 'ж'.repeat(bytesMax / 2) })).toBe(complaint);
    expect(complaintOf(kind, { x: '\n'.repeat(bytesMax / 2) })).toBe(complaint);
  });

  test('may stay as large as they were, and not grow', () => {
    const before = ofBytes(bytesMax + 9);
    expect(complaintOf(kind, ofBytes(bytesMax + 9), before)).toBe('taken');
    expect(complaintOf(kind, ofBytes(bytesMax + 10), before)).not.toBe('taken');
  });
});

test('nothing is not too much', () => {
  expect(complaintOf('transcript', null)).toBe('taken');
  expect(complaintOf('details', undefined)).toBe('taken');
});
