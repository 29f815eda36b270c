import { describe, expect, test } from 'vitest';
import type { SessionStanding } from '../../engine/calls/call-status.ts';
import { type Call, noCampaign, untouched } from '../../model/call.ts';
import { itemsOf, toSessionItem, toStatusItem } from './status-items.ts';

const call: Call = {
  id: 'id',
  tenantId: 't',
  kind: 'call',
  source: 'creovai',
  direction: 'unknown',
  status: 'complete',
  startedAt: 0,
  endedAt: null,
  durationMs: 12_600,
  createdAt: 0,
  uploadUntil: null,
  isUploadDoomed: false,
  ...noCampaign,
  ...untouched,
};
const tombstone = { callId: 'id', tenantId: 't', shreddedAt: 1, goneAt: null };

describe('a status item', () => {
  test('names a known duration in whole seconds and leaves out an unknown one', () => {
    const known = { status: 'Complete', callId: 'id', sessionId: 's', durationSec: 13 };
    expect(toStatusItem('s', { kind: 'call', call })).toStrictEqual(known);
    const unknown = toStatusItem('s', { kind: 'call', call: { ...call, durationMs: null } });
    expect(unknown).toStrictEqual({ status: 'Complete', callId: 'id', sessionId: 's' });
  });

  test('is InProgress during the upload, Excluded once excluded, and Complete during the erasure', () => {
    const uploading = { ...call, status: 'uploading', durationMs: null } as const;
    expect(toStatusItem('s', { kind: 'call', call: uploading })).toMatchObject({ status: 'InProgress' });
    const excluded = { ...call, status: 'excluded' } as const;
    expect(toStatusItem('s', { kind: 'call', call: excluded })).toMatchObject({ status: 'Excluded', callId: 'id' });
    expect(toStatusItem('s', { kind: 'erasing', tombstone })).toStrictEqual({
      status: 'Complete',
      callId: 'id',
      sessionId: 's',
    });
  });

  test('of what is gone, or only awaited, is that of what never was, without the other keys', () => {
    const nothing = { status: 'NotFound', sessionId: 's' };
    expect(toStatusItem('s', { kind: 'gone', tombstone: { ...tombstone, goneAt: 2 } })).toStrictEqual(nothing);
    expect(toStatusItem('s', { kind: 'call', call: { ...call, status: 'awaited' } })).toStrictEqual(nothing);
    expect(toStatusItem('s', { kind: 'unknown' })).toStrictEqual(nothing);
  });
});

const standings: readonly SessionStanding[] = [
  { kind: 'call', call },
  { kind: 'call', call: { ...call, durationMs: null } },
  { kind: 'call', call: { ...call, status: 'uploading' } },
  { kind: 'call', call: { ...call, status: 'excluded' } },
  { kind: 'erasing', tombstone },
  { kind: 'gone', tombstone: { ...tombstone, goneAt: 2 } },
  { kind: 'call', call: { ...call, status: 'awaited' } },
  { kind: 'unknown' },
];

test.each(standings)('an item of version 2 says the same as one of version 1, with all four keys: %j', (standing) => {
  const nulls = { callId: null, durationSec: null };
  const { status, callId, sessionId, durationSec } = { ...nulls, ...toStatusItem('s', standing) };
  expect(toSessionItem('s', standing)).toStrictEqual({ status, id: callId, sessionId, durationSec });
});

test('there is one item per session id, in the order asked and with its repeats, echoing it', () => {
  const asked = ['b', 'a', '', 'b'];
  const items = itemsOf(asked, standings.slice(0, 4), toStatusItem);
  expect(items.map((item) => item.sessionId)).toEqual(asked);
  expect(items.map((item) => item.status)).toEqual(['Complete', 'Complete', 'InProgress', 'Excluded']);
});
