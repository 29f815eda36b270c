import { expect, test } from 'vitest';
import { fromErasedDetail, fromHoldDetail, toErasedDetail, toHoldDetail } from './journal-details.ts';

const token = Buffer.alloc(16, 7);

test('an erased item tells of its tombstone, and of nothing where there is nothing to tell', () => {
  expect(toErasedDetail({ keepRecording: false }, undefined)).toBeNull();
  expect(toErasedDetail({ keepRecording: false }, [])).toBeNull();
  const stone = { tenantId: 't', kind: 'session', token, callId: 'c' } as const;
  const told: unknown = JSON.parse(JSON.stringify(toErasedDetail({ keepRecording: true }, [stone])));
  expect(fromErasedDetail(told)).toEqual({ keepRecording: true, tombstoneTokens: [{ kind: 'session', token }] });
});

test('a hold tells of its tokens by the id of their epoch', () => {
  const hold = { from: 1, to: null, reviewAt: 3 };
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
  const empty = { callIds: [], tokens: [], from: null, to: null, reviewAt: null };
  for (const detail of [undefined, { callIds: 'c', tokens: [[1, 2, 3], 'x'], from: 'now' }]) {
    expect(fromHoldDetail(detail)).toEqual(empty);
  }
});
