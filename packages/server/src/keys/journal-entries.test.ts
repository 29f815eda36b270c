import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromRanges, journalEntry, toRanges } from './journal-entries.ts';

test('slots side by side are one range', () => {
  expect(toRanges([1, 2, 3, 7, 9, 10])).toEqual([
    [1, 3],
    [7, 7],
    [9, 10],
  ]);
  expect(toRanges([])).toEqual([]);
});

test('ranges hold the slots that they were made of, and no two touch', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60)), (some) => {
      const slots = some.sort((a, b) => a - b);
      const ranges = toRanges(slots);
      expect(fromRanges(ranges)).toEqual(slots);
      for (const [i, range] of ranges.entries()) {
        const next = ranges[i + 1];
        if (next) expect(next[0]).toBeGreaterThan(range[1] + 1);
      }
    }),
  );
});

test('an entry says nothing that it was not told', () => {
  const entry = journalEntry('slots_unnamed', 1_700_000_000_000, { slots: [4, 5] });
  expect(entry).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    kind: 'slots_unnamed',
    tenantId: null,
    ownerId: null,
    action: null,
    slots: [[4, 5]],
    at: 1_700_000_000_000,
    detail: null,
  });
});
