import { createHash } from 'node:crypto';
import type { SlotRanges } from '../../keys/slot-ranges.ts';
import { type ReceiptClaims, rangesMax, rangesText } from './receipt-claims.ts';

/** What a receipt says of destroyed slots: every range while they are few, and always their digest. */
export function receiptSlots(slots: SlotRanges): ReceiptClaims['slots'] {
  const ranges = slots.all().map(([from, to]) => [from, to] as const);
  const count = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const sha256 = createHash('sha256').update(rangesText(ranges)).digest('hex');
  return { count, rangeCount: ranges.length, sha256, ...(ranges.length <= rangesMax && { ranges }) };
}
