import { expect, test } from 'vitest';
import { SlotSet } from './slot-set.ts';

test('holds exactly the slots that were added, neighbours and far ones apart', () => {
  const set = new SlotSet();
  const added = [0, 7, 8, 255, 256, 2 ** 31, 2 ** 40 - 1];
  for (const slot of added) set.add(slot);
  for (const slot of added) expect(set.has(slot), String(slot)).toBe(true);
  for (const slot of [1, 6, 9, 254, 257, 2 ** 31 - 1, 2 ** 31 + 1, 2 ** 40 - 2]) {
    expect(set.has(slot), String(slot)).toBe(false);
  }
});
