import { describe, expect, test } from 'vitest';
import { parseArchiveInfo } from './archive-info.ts';
import { parseCase } from './case-body.ts';
import { parseChat } from './chat-body.ts';
import { toNewCall } from './map.ts';

const base = { sessionId: 's', startTime: '2024-03-01T10:00:00Z', contacts: [] };
const mapped = (info: Record<string, unknown>) => toNewCall(parseArchiveInfo({ ...base, ...info }, 'v1'));

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

describe('a chat', () => {
  const chat = toNewCall(
    parseChat(
      {
        sessionId: 's',
        masterId: 'm',
        utcStart: '2024-03-01T10:00:00Z',
        utcEnd: '2024-03-01T10:00:30Z',
        participants: [
          { phoneNumber: '+15125550142', email: 'a@example.com', messages: [{ content: 'Hello' }] },
          { type: 'Agent', phoneNumber: '+15125550100', messages: [{ content: 'Hi' }] },
        ],
        note: 'n',
      },
      'v2',
    ),
  );

  test('has a transcript, no audio, and the times that it said', () => {
    expect(chat).toMatchObject({ kind: 'chat', source: 'creovai', direction: 'unknown', audioFormat: null });
    expect(chat).toMatchObject({ startedAt: Date.parse('2024-03-01T10:00:00Z'), durationMs: 30_000 });
    expect(chat.transcript?.turns).toMatchObject([
      { text: 'Hello', participant: 0 },
      { text: 'Hi', participant: 1 },
    ]);
  });

  test('keeps who took part apart from what they wrote', () => {
    expect(JSON.parse(JSON.stringify(chat.details))).toEqual({
      contacts: [
        { phoneNumber: '+15125550142', email: 'a@example.com', extra: {} },
        { type: 'Agent', phoneNumber: '+15125550100', extra: {} },
      ],
      extra: { note: 'n' },
    });
  });

  test('is found as a call is; a participant without a type is external', () => {
    expect(chat.identifiers).toEqual([
      { kind: 'session', value: 's' },
      { kind: 'master', value: 'm' },
      { kind: 'phone', value: '+15125550142' },
      { kind: 'email', value: 'a@example.com' },
    ]);
  });
});

describe('a case', () => {
  const utcStart = '2024-03-01T10:00:00Z';
  const ids = (body: object) => toNewCall(parseCase({ utcStart, ...body }, 'v2')).identifiers;

  test('is found by its id both as a session and as a case', () => {
    expect(ids({ sessionId: 'c' })).toEqual([
      { kind: 'session', value: 'c' },
      { kind: 'case', value: 'c' },
    ]);
    expect(ids({ sessionId: 's', caseReferenceId: 'c', collectionId: 'k' })).toEqual([
      { kind: 'session', value: 's' },
      { kind: 'case', value: 'c' },
      { kind: 'collection', value: 'k' },
    ]);
  });

  test('without messages still has a transcript, an empty one', () => {
    const call = toNewCall(parseCase({ referenceId: 'c', utcStart }, 'v1'));
    expect(call).toMatchObject({ kind: 'case', transcript: { turns: [] } });
    expect(call.correlation).toMatchObject({ sessionId: 'c', caseReferenceId: 'c' });
  });
});
