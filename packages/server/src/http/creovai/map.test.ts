import { describe, expect, test } from 'vitest';
import type { Call } from '../../model/call.ts';
import { parseArchiveInfo } from './archive-info.ts';
import { toNewCall, toPurgeItem, toStatusItem } from './map.ts';

const base = { sessionId: 's', startTime: '2024-03-01T10:00:00Z', contacts: [] };
const mapped = (info: Record<string, unknown>) => toNewCall(parseArchiveInfo({ ...base, ...info }));

describe('an archived call', () => {
  test('is found by its ids and by the numbers and e-mails of its external contacts', () => {
    const call = mapped({
      masterCallId: 'm',
      caseReferenceId: 'c',
      collectionId: 'k',
      numberDialed: '+15125550199',
      contacts: [
        { type: 'Customer', phoneNumber: '+15125550142', email: 'a@example.com' },
        { phoneNumber: '+15125550143' },
        { type: 'Interpreter', email: 'b@example.com', phoneNumber: null },
        { type: 'Customer', phoneNumber: '', email: '' },
      ],
    });
    expect(call.identifiers).toEqual([
      { kind: 'session', value: 's' },
      { kind: 'master', value: 'm' },
      { kind: 'case', value: 'c' },
      { kind: 'collection', value: 'k' },
      { kind: 'phone', value: '+15125550142' },
      { kind: 'email', value: 'a@example.com' },
      { kind: 'phone', value: '+15125550143' },
      { kind: 'email', value: 'b@example.com' },
    ]);
  });

  test.each(['agent', 'Agent', 'AGENT', 'IVR', 'ivr', 'System', 'bot', ' Bot '])(
    'is never found by what belongs to a contact of type %j',
    (type) => {
      const contacts = [{ type, phoneNumber: '+15125550100', email: 'agent@example.com' }];
      expect(mapped({ contacts }).identifiers).toEqual([{ kind: 'session', value: 's' }]);
    },
  );

  test('keeps everything it was sent, known or not', () => {
    const call = mapped({
      contacts: [{ type: 'Customer', firstName: 'Casey', shoeSize: 44 }],
      numberDialed: '1',
      audio: { format: 'wav', bits: 8 },
      metaData: { a: { b: null } },
      colour: 'red',
    });
    expect(JSON.parse(JSON.stringify(call.details))).toEqual({
      contacts: [{ type: 'Customer', firstName: 'Casey', extra: { shoeSize: 44 } }],
      numberDialed: '1',
      audio: { format: 'wav', extra: { bits: 8 } },
      metadata: { a: { b: null } },
      extra: { colour: 'red' },
    });
    expect(JSON.parse(JSON.stringify(call.correlation))).toEqual({ sessionId: 's' });
  });

  test.each([
    [undefined, null],
    ['2024-03-01T10:00:00Z', null],
    ['2024-03-01T09:59:59Z', null],
    ['2024-03-01T10:00:00.5Z', 500],
    ['2024-03-01T10:02:30Z', 150_000],
  ])('that ends at %s lasted %s ms', (endTime, durationMs) => {
    expect(mapped({ endTime }).durationMs).toBe(durationMs);
  });
});

describe('a status item', () => {
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
  };
  const tombstone = { callId: 'id', tenantId: 't', shreddedAt: 1, goneAt: null };

  test('names a known duration in whole seconds and leaves out an unknown one', () => {
    const known = { status: 'Complete', callId: 'id', sessionId: 's', durationSec: 13 };
    expect(toStatusItem('s', { kind: 'call', call })).toStrictEqual(known);
    const unknown = toStatusItem('s', { kind: 'call', call: { ...call, durationMs: null } });
    expect(unknown).toStrictEqual({ status: 'Complete', callId: 'id', sessionId: 's' });
  });

  test('is InProgress during the upload and Complete during the erasure', () => {
    const uploading = { ...call, status: 'uploading', durationMs: null } as const;
    expect(toStatusItem('s', { kind: 'call', call: uploading })).toMatchObject({ status: 'InProgress' });
    expect(toStatusItem('s', { kind: 'erasing', tombstone })).toStrictEqual({
      status: 'Complete',
      callId: 'id',
      sessionId: 's',
    });
  });

  test('of what is gone is that of what never was, without the other keys', () => {
    const gone = toStatusItem('s', { kind: 'gone', tombstone: { ...tombstone, goneAt: 2 } });
    expect(gone).toStrictEqual({ status: 'NotFound', sessionId: 's' });
    expect(toStatusItem('s', { kind: 'unknown' })).toStrictEqual(gone);
  });
});

test.each([
  ['purging', 'Purging', null],
  ['not_found', 'NotFound', null],
  ['held', 'Error', 'legal hold'],
  ['would_purge', 'WhatIf', null],
] as const)('a purge item that is %s says %s, with all four keys', (standing, status, errorMsg) => {
  expect(toPurgeItem({ callId: 'c', sessionId: null, standing })).toStrictEqual({
    callId: 'c',
    sessionId: null,
    status,
    errorMsg,
  });
});
