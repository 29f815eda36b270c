import { describe, expect, test } from 'vitest';
import type { EraseOutcome } from '../../model/blob-store.ts';
import type { Item } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import { isLockStanding, locksMet, moreUrgent } from './locked.ts';

const failed = { failedCode: 'blob_failed' };
const lockedTill = (until: number | null) => ({ failedCode: 'blob_locked', lock: { until } });

describe('of two things that keep bytes of a call', () => {
  test('the one that may be over at any time counts more than a lock', () => {
    expect(moreUrgent(undefined, lockedTill(5))).toEqual(lockedTill(5));
    expect(moreUrgent(failed, lockedTill(5))).toEqual(failed);
    expect(moreUrgent(lockedTill(5), failed)).toEqual(failed);
  });

  test('the lock that ends last counts, and one without an end most', () => {
    expect(moreUrgent(lockedTill(5), lockedTill(7))).toEqual(lockedTill(7));
    expect(moreUrgent(lockedTill(7), lockedTill(5))).toEqual(lockedTill(7));
    expect(moreUrgent(lockedTill(7), lockedTill(null))).toEqual(lockedTill(null));
    expect(moreUrgent(lockedTill(null), lockedTill(7))).toEqual(lockedTill(null));
  });
});

test('an item is left alone exactly while its lock stands', () => {
  const item: Item = {
    ...{ erasureId: 'e', seq: 0, callId: 'c', outcome: 'erased', journalId: 'j' },
    ...{ state: 'failed', failedCode: 'blob_locked', lockedSince: 1, lockedUntil: 5 },
    ...{ plannedKinds: null, erasedKinds: null, isCandidate: false, wasHeld: false },
  };
  expect(isLockStanding(item, 4)).toBe(true);
  expect(isLockStanding(item, 5)).toBe(false);
  expect(isLockStanding({ ...item, lockedUntil: null }, 4)).toBe(false);
  expect(isLockStanding({ ...item, state: 'shredded' }, 4)).toBe(false);
  expect(isLockStanding({ ...item, failedCode: 'blob_failed' }, 4)).toBe(false);
});

test('of an erase the locks are noted, to be tried a second after their end, and those without one in five minutes', () => {
  const outcomes = new Map<string, EraseOutcome>([
    ['erased', { kind: 'erased' }],
    ['dated', { kind: 'locked', until: new Date(9000) }],
    ['failed', { kind: 'failed', error: new AppError('blob_failed') }],
    ['endless', { kind: 'locked', until: null }],
  ]);
  expect([...locksMet(outcomes, 5000)]).toEqual([
    ['dated', { until: 9000, retryAt: 10_000 }],
    ['endless', { until: null, retryAt: 305_000 }],
  ]);
});
