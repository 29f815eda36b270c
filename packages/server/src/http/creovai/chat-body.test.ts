import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import type { Version } from './capture-fields.ts';
import { messagesMax } from './capture-messages.ts';
import { parseChat } from './chat-body.ts';
import type { CreovaiCall } from './creovai-call.ts';

const utcStart = '2024-03-01T10:00:00Z';
const startTimeMs = Date.parse(utcStart);
const least = { sessionId: 's-1', utcStart };

/** The message with which a chat is refused; any other end fails the test. */
function refusalOf(body: unknown, version: Version = 'v1'): string {
  try {
    parseChat(body, version);
  } catch (error) {
    if (hasCode(error, 'input_invalid')) {
      return error.message;
    }
    throw error;
  }
  throw new Error('it was accepted');
}

const turn = { role: null, startMs: null, endMs: null, extra: {} };

describe('a whole chat', () => {
  const full: CreovaiCall = {
    kind: 'chat',
    sessionId: 's-1',
    masterCallId: 'm-1',
    caseReferenceId: 'case-1',
    collectionId: 'col-1',
    direction: 'unknown',
    startTimeMs,
    endTimeMs: startTimeMs + 90_000,
    contacts: [
      {
        referenceId: 'r-1',
        firstName: 'Ann',
        lastName: 'Ng',
        channel: undefined,
        phoneNumber: '+15125551234',
        email: 'ann@example.com',
        type: 'Customer',
        extra: { Vip: true },
      },
      {
        referenceId: undefined,
        firstName: 'Avery',
        lastName: undefined,
        channel: undefined,
        phoneNumber: undefined,
        email: undefined,
        type: 'Agent',
        extra: {},
      },
    ],
    numberDialed: undefined,
    audio: undefined,
    metadata: { Queue: 'sales' },
    turns: [
      { ...turn, text: 'Hello', participant: 0, at: startTimeMs - 86_400_000 },
      {
        ...turn,
        text: 'Anyone?',
        participant: 0,
        at: startTimeMs + 2_500,
        extra: { Mood: 'low', customEvents: [{ id: 'typing', source: 'web' }] },
      },
      { ...turn, text: '', participant: 1, at: null },
    ],
    extra: { Site: 'north' },
  };
  const ann = {
    referenceId: 'r-1',
    firstName: 'Ann',
    lastName: 'Ng',
    type: 'Customer',
    phoneNumber: '+15125551234',
    email: 'ann@example.com',
    Vip: true,
    messages: [
      { content: 'Hello', utcTimestamp: '2024-02-29T10:00:00Z', customEvents: [] },
      {
        content: 'Anyone?',
        utcTimestamp: '2024-03-01T10:00:02.5000000Z',
        customEvents: [{ id: 'typing', source: 'web' }],
        Mood: 'low',
      },
    ],
  };

  test('in the words of either version, on either route, is the same', () => {
    const same = {
      ...least,
      caseReferenceId: 'case-1',
      collectionId: 'col-1',
      utcEnd: '2024-03-01T10:01:30Z',
      metadata: { Queue: 'sales' },
      Site: 'north',
    };
    const people = [ann, { firstName: 'Avery', type: 'Agent', messages: [{ content: '' }] }];
    for (const version of ['v1', 'v2'] as const) {
      const v1 = { ...same, masterCallId: 'm-1', contacts: people };
      expect(parseChat(v1, version)).toStrictEqual(full);
      expect(parseChat({ ...same, masterId: 'm-1', participants: people }, version)).toStrictEqual(full);
    }
  });

  test('in PascalCase, with explicit nulls and times that .NET never set', () => {
    const chat = parseChat(
      {
        SessionId: 's-1',
        MasterCallId: null,
        UtcStart: utcStart,
        UtcEnd: '0001-01-01T00:00:00',
        Contacts: [
          {
            ReferenceId: null,
            FirstName: null,
            Type: 'Customer',
            Messages: [
              { Content: 'Hello', UtcTimestamp: null, CustomEvents: null },
              { Content: null, UtcTimestamp: '0001-01-01T00:00:00' },
            ],
          },
          { Type: 'Agent', Messages: null },
        ],
        Metadata: null,
      },
      'v1',
    );
    expect(chat).toMatchObject({ masterCallId: undefined, endTimeMs: undefined, metadata: undefined, extra: {} });
    expect(chat.contacts).toMatchObject([{ referenceId: undefined, type: 'Customer', extra: {} }, { type: 'Agent' }]);
    expect(chat.turns).toStrictEqual([
      { ...turn, text: 'Hello', participant: 0, at: null },
      { ...turn, text: '', participant: 0, at: null },
    ]);
  });

  test('with nothing but what is required has no people and no turns', () => {
    for (const version of ['v1', 'v2'] as const) {
      const chat = parseChat(least, version);
      expect(chat).toMatchObject({ kind: 'chat', sessionId: 's-1', startTimeMs, contacts: [], turns: [], extra: {} });
    }
  });
});

describe('messages', () => {
  test('keep the order in which they came, contact by contact, and not that of their times', () => {
    const say = (content: string, seconds: number) => ({ content, utcTimestamp: `2024-03-01T10:00:0${seconds}Z` });
    const contacts = [{ messages: [say('c', 3), say('a', 1)] }, {}, { messages: [say('b', 2)] }];
    const said = parseChat({ ...least, contacts }, 'v1').turns?.map(({ text, participant }) => [text, participant]);
    expect(said).toEqual([
      ['c', 0],
      ['a', 0],
      ['b', 2],
    ]);
  });

  test('keep any text exactly, halves of characters included', () => {
    for (const content of [
      '',
      ' \r\n\t ',
      '\0',
      '\ud83d',
      '\udc00\ud800',
      '\ufeff<b>&amp;</b>',
      '\u{1f600}'.repeat(999),
    ]) {
      const parsed: unknown = JSON.parse(JSON.stringify({ ...least, contacts: [{ messages: [{ content }] }] }));
      expect(parseChat(parsed, 'v1').turns?.[0]?.text).toBe(content);
    }
  });

  test('may be as many as the limit says, however they are divided, and not one more', () => {
    const some = (count: number) => ({ messages: new Array(count).fill({}) });
    const halves = { ...least, contacts: [some(messagesMax / 2), some(messagesMax / 2)] };
    expect(parseChat(halves, 'v1').turns).toHaveLength(messagesMax);
    expect(refusalOf({ ...least, contacts: [...halves.contacts, some(1)] })).toBe(
      'The body must have at most 50000 messages',
    );
    expect(refusalOf({ ...least, contacts: [some(messagesMax + 1)] })).toBe(
      'contacts[0].messages must have at most 50000 entries',
    );
  });
});

describe('a chat is refused', () => {
  const refusals: [field: object, message: string][] = [
    [{ sessionId: null }, 'sessionId is required and must have 1 to 512 characters'],
    [{ sessionId: '' }, 'sessionId is required and must have 1 to 512 characters'],
    [{ sessionId: 7 }, 'sessionId must be a string'],
    [{ sessionId: '\ud800' }, 'sessionId must not hold NUL or lone surrogates'],
    [{ utcStart: null }, 'utcStart is required'],
    [{ utcStart: 'now' }, 'utcStart must be an ISO 8601 date and time'],
    [{ utcEnd: 7 }, 'utcEnd must be a string'],
    [{ masterCallId: 7 }, 'masterCallId must be a string'],
    [{ caseReferenceId: [] }, 'caseReferenceId must be a string'],
    [{ collectionId: '\0' }, 'collectionId must not hold NUL or lone surrogates'],
    [{ metadata: [] }, 'metadata must be a JSON object'],
    [{ contacts: {} }, 'contacts must be an array'],
    [{ contacts: ['Ann'] }, 'contacts[0] must be a JSON object'],
    [{ contacts: new Array(1001).fill({}) }, 'contacts must have at most 1000 entries'],
    [{ contacts: [{ email: 7 }] }, 'contacts[0].email must be a string'],
    [{ contacts: [{ phoneNumber: {} }] }, 'contacts[0].phoneNumber must be a string'],
    [{ contacts: [{ messages: {} }] }, 'contacts[0].messages must be an array'],
    [{ contacts: [{}, { messages: [{}, 'Hello'] }] }, 'contacts[1].messages[1] must be a JSON object'],
    [{ contacts: [{ messages: [{ content: 7 }] }] }, 'contacts[0].messages[0].content must be a string'],
    [
      { contacts: [{ messages: [{ utcTimestamp: 'now' }] }] },
      'contacts[0].messages[0].utcTimestamp must be an ISO 8601 date and time',
    ],
    [{ contacts: [{ messages: [{ customEvents: {} }] }] }, 'contacts[0].messages[0].customEvents must be an array'],
    [{ contacts: [], participants: [] }, 'contacts and participants are one field: give only one of them'],
  ];

  test.each(refusals.map(([field, message]) => ({ field, message })))('$message', ({ field, message }) => {
    expect(refusalOf({ ...least, ...field })).toBe(message);
  });

  test('in the words of version 2 by version 2', () => {
    expect(refusalOf({ ...least, masterId: 7 }, 'v2')).toBe('masterId must be a string');
    expect(refusalOf({ ...least, participants: [{ messages: [7] }] }, 'v2')).toBe(
      'participants[0].messages[0] must be a JSON object',
    );
  });

  test('for anything in place of the object', () => {
    for (const body of [undefined, null, [], 'chat', 7]) expect(refusalOf(body)).toBe('The body must be a JSON object');
  });
});
