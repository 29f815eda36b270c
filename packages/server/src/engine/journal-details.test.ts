import { expect, test } from 'vitest';
import { newId } from '../lib/ids.ts';
import {
  fromErasedDetail,
  fromHoldDetail,
  isForgettable,
  leftOfDetail,
  toErasedDetail,
  toHoldDetail,
} from './journal-details.ts';

const token = Buffer.alloc(16, 7);

test('an erased item tells of its tombstone, and of nothing where there is nothing to tell', () => {
  expect(toErasedDetail({ keepRecording: false }, undefined)).toBeNull();
  expect(toErasedDetail({ keepRecording: false }, [])).toBeNull();
  const stone = { tenantId: 't', kind: 'session', token, callId: 'c' } as const;
  const told: unknown = JSON.parse(JSON.stringify(toErasedDetail({ keepRecording: true }, [stone])));
  expect(fromErasedDetail(told)).toEqual({ keepRecording: true, tombstoneTokens: [{ kind: 'session', token }] });
});

test('a hold tells of its tokens by the id of their epoch', () => {
  const hold = { from: 1, to: null, reviewAt: 3, holdsAll: false };
  const stored = { tenantId: 't', epoch: 4, kind: 'phone', token, ownerId: 'h' } as const;
  const epoch = { id: 'epoch-4', tenantId: 't', number: 4, slot: 9 };
  const told: unknown = JSON.parse(JSON.stringify(toHoldDetail(hold, ['c'], [stored], [epoch])));
  const tokens = [{ kind: 'phone', epochId: 'epoch-4', token }];
  expect(fromHoldDetail(told)).toEqual({ callIds: ['c'], tokens, ...hold });
});

test('what is not of the shape counts as not there', () => {
  const nothing = { keepRecording: false, tombstoneTokens: [] };
  for (const detail of [
    null,
    'x',
    7,
    [],
    { keepRecording: 'yes', tombstone: 3 },
    { tombstone: { tokens: [['no', 'aa']] } },
  ]) {
    expect(fromErasedDetail(detail)).toEqual(nothing);
  }
  const empty = { callIds: [], tokens: [], from: null, to: null, reviewAt: null, holdsAll: false };
  for (const detail of [undefined, { callIds: 'c', tokens: [[1, 2, 3], 'x'], from: 'now' }]) {
    expect(fromHoldDetail(detail)).toEqual(empty);
  }
});

test('of an erased item its tombstone is forgotten, of a hold everything, of other entries nothing', () => {
  const stone = { tenantId: 't', kind: 'session', token, callId: 'c' } as const;
  const both = toErasedDetail({ keepRecording: true }, [stone]);
  expect(leftOfDetail({ kind: 'item_erased', detail: both })).toEqual({ keepRecording: true });
  const tombstone = toErasedDetail({ keepRecording: false }, [stone]);
  expect(leftOfDetail({ kind: 'item_erased', detail: tombstone })).toBeNull();
  for (const detail of [null, { keepRecording: true }]) {
    expect(leftOfDetail({ kind: 'item_erased', detail })).toEqual(detail);
  }
  expect(leftOfDetail({ kind: 'hold_placed', detail: { callIds: ['c'] } })).toBeNull();
  expect(leftOfDetail({ kind: 'slots_replaced', detail: { tombstone: 1 } })).toEqual({ tombstone: 1 });
});

test('a detail is kept for the horizon and two days, that of an erased item as long as its tombstone at least', () => {
  const dayMs = 24 * 3_600_000;
  const now = 1_800_000_000_000;
  const aged = (kind: 'item_erased' | 'hold_placed' | 'hold_released', days: number) => ({
    kind,
    id: newId(now - days * dayMs),
  });
  const limits = { horizonMs: 7 * dayMs, tombstoneMs: 400 * dayMs };
  expect(isForgettable(aged('hold_placed', 9), now, limits)).toBe(false);
  expect(isForgettable(aged('hold_placed', 9.01), now, limits)).toBe(true);
  expect(isForgettable(aged('item_erased', 400), now, limits)).toBe(false);
  expect(isForgettable(aged('item_erased', 400.01), now, limits)).toBe(true);
  expect(isForgettable(aged('hold_released', 9999), now, limits)).toBe(false);
  const short = { ...limits, tombstoneMs: dayMs };
  expect(isForgettable(aged('item_erased', 9), now, short)).toBe(false);
  expect(isForgettable(aged('item_erased', 9.01), now, short)).toBe(true);
  const endless = { ...limits, tombstoneMs: 36_500 * dayMs };
  expect(isForgettable(aged('item_erased', 9999), now, endless)).toBe(false);
});
