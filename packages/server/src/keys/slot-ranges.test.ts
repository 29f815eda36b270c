import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlotRanges } from './slot-ranges.ts';

test('it has exactly the slots of the ranges that were added, in whatever order and however they overlap', () => {
  const range = fc.tuple(fc.nat(60), fc.nat(9)).map(([from, more]) => [from, from + more] as const);
  fc.assert(
    fc.property(fc.array(fc.array(range)), (parts) => {
      const ranges = new SlotRanges();
      const slots = new Set<number>();
      for (const part of parts) {
        ranges.add(part);
        for (const [from, to] of part) for (let slot = from; slot <= to; slot += 1) slots.add(slot);
        // Asked in between as well: what is added later must still be found.
        expect(ranges.has(30)).toBe(slots.has(30));
      }
      for (let slot = 0; slot < 80; slot += 1) expect(ranges.has(slot)).toBe(slots.has(slot));
      expect(ranges.last()).toBe(slots.size === 0 ? undefined : Math.max(...slots));
    }),
  );
});
