import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import type { Version } from './capture-fields.ts';
import { messagesMax } from './capture-messages.ts';
import { isCase, parseCase } from './case-body.ts';
import type { CreovaiCall } from './creovai-call.ts';

const utcStart = '2024-03-01T10:00:00Z';
const startTimeMs = Date.parse(utcStart);
const least = { referenceId: 'case-1', utcStart };
const contact = {
  referenceId: undefined,
  firstName: undefined,
  lastName: undefined,
  channel: undefined,
  phoneNumber: undefined,
  email: undefined,
  type: undefined,
  extra: {},
};
const turn = { role: null, startMs: null, endMs: null };

/** The message with which a case is refused; any other end fails the test. */
function refusalOf(body: unknown, version: Version = 'v1'): string {
  try {
    parseCase(body, version);
  } catch (error) {
    if (hasCode(error, 'input_invalid')) {
      return error.message;
    }
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a whole case', () => {
  const full: CreovaiCall = {
    kind: 'case',
    sessionId: 'case-1',
    masterCallId: 'm-1',
    caseReferenceId: 'case-1',
    collectionId: 'col-1',
    direction: 'unknown',
    startTimeMs,
    endTimeMs: startTimeMs + 86_400_000,
    contacts: [
      {
        referenceId: 'c1',
        firstName: 'Jane',
        lastName: 'Doe',
        channel: undefined,
        phoneNumber: '4155550112',
        email: 'jane@example.com',
        type: 'customer',
        extra: { Vip: true },
      },
      { ...contact, referenceId: 'a1', type: 'agent' },
    ],
    numberDialed: undefined,
    audio: undefined,
    metadata: { field__c: 'a value' },
    turns: [
      {
        ...turn,
        text: 'Hello, I need help',
        participant: 0,
        at: startTimeMs,
        extra: { Subject: 'Help', senderReferenceId: 'c1', channel: 'Web' },
      },
      { ...turn, text: 'Sure', participant: 1, at: null, extra: { senderReferenceId: 'a1' } },
    ],
    extra: { Site: 'north' },
  };
  const same = {
    collectionId: 'col-1',
    masterId: 'm-1',
    metadata: { field__c: 'a value' },
    utcStart,
    utcEnd: '2024-03-02T10:00:00Z',
    messages: [
      {
        senderReferenceId: 'c1',
        utcTimestamp: utcStart,
        content: 'Hello, I need help',
        channel: 'Web',
        Subject: 'Help',
      },
      { Content: 'Sure', SenderReferenceId: 'a1', Channel: null },
    ],
    Site: 'north',
  };
  const people = [
    {
      referenceId: 'c1',
      firstName: 'Jane',
      lastName: 'Doe',
      email: 'jane@example.com',
      phoneNumber: '4155550112',
      type: 'customer',
      Vip: true,
    },
    { ReferenceId: 'a1', Type: 'agent', Email: null },
  ];

  test('in the words of either version, on either route, is the same', () => {
    for (const version of ['v1', 'v2'] as const) {
      expect(parseCase({ ...same, referenceId: 'case-1', contacts: people }, version)).toStrictEqual(full);
      expect(parseCase({ ...same, sessionId: 'case-1', participants: people }, version)).toStrictEqual(full);
      // As pre-releases of the client of version 2 wrote it.
      expect(parseCase({ ...same, ReferenceId: 'case-1', Participant: people }, version)).toStrictEqual(full);
    }
  });

  test('with nothing but what is required has no people and no turns', () => {
    const known = { sessionId: 'case-1', caseReferenceId: 'case-1', contacts: [], turns: [], extra: {} };
    expect(parseCase(least, 'v1')).toMatchObject(known);
    expect(parseCase({ sessionId: 'case-1', utcStart }, 'v2')).toMatchObject(known);
  });
});

describe('the case reference id', () => {
  test('is the id that the case came under', () => {
    expect(parseCase(least, 'v1')).toMatchObject({ sessionId: 'case-1', caseReferenceId: 'case-1' });
    expect(parseCase({ ...least, caseReferenceId: '' }, 'v1').caseReferenceId).toBe('case-1');
    expect(parseCase({ ...least, caseReferenceId: null }, 'v2').caseReferenceId).toBe('case-1');
  });

  test('is its own where it has one', () => {
    const named = parseCase({ sessionId: 's-1', caseReferenceId: 'case-9', utcStart }, 'v2');
    expect(named).toMatchObject({ sessionId: 's-1', caseReferenceId: 'case-9' });
  });
});

describe('who wrote a message', () => {
  const writers = (senders: unknown[], ids: unknown[]) =>
    parseCase(
      {
        ...least,
        messages: senders.map((senderReferenceId) => ({ senderReferenceId })),
        contacts: ids.map((referenceId) => ({ referenceId })),
      },
      'v1',
    ).turns?.map(({ participant, extra }) => [participant, extra]);

  test('is the first contact with that very reference id', () => {
    expect(writers(['b', 'a', 'B', 'b '], ['a', 'b', 'b'])).toEqual([
      [1, { senderReferenceId: 'b' }],
      [0, { senderReferenceId: 'a' }],
      [null, { senderReferenceId: 'B' }],
      [null, { senderReferenceId: 'b ' }],
    ]);
  });

  test('is nobody where the message names nobody, even if a contact has no reference id', () => {
    expect(writers([undefined, null], [undefined, null])).toEqual([
      [null, {}],
      [null, {}],
    ]);
  });

  test('is not taken from names that every object has', () => {
    expect(writers(['__proto__', 'constructor'], ['toString'])?.map(([participant]) => participant)).toEqual([
      null,
      null,
    ]);
    expect(writers(['__proto__'], ['a', '__proto__'])?.[0]?.[0]).toBe(1);
  });
});

describe('a case is refused', () => {
  const refusals: [field: object, message: string][] = [
    [{ referenceId: null }, 'referenceId is required and must have 1 to 512 characters'],
    [{ referenceId: '' }, 'referenceId is required and must have 1 to 512 characters'],
    [{ referenceId: 'x'.repeat(513) }, 'referenceId is required and must have 1 to 512 characters'],
    [{ referenceId: 7 }, 'referenceId must be a string'],
    [{ sessionId: 'other' }, 'referenceId and sessionId are one field: give only one of them'],
    [{ utcStart: null }, 'utcStart is required'],
    [{ utcEnd: 'then' }, 'utcEnd must be an ISO 8601 date and time'],
    [{ masterId: {} }, 'masterId must be a string'],
    [{ masterId: 'a', masterCallId: 'b' }, 'masterId and masterCallId are one field: give only one of them'],
    [{ caseReferenceId: 7 }, 'caseReferenceId must be a string'],
    [{ metadata: 'x' }, 'metadata must be a JSON object'],
    [{ contacts: 'x' }, 'contacts must be an array'],
    [{ contacts: [{ referenceId: 7 }] }, 'contacts[0].referenceId must be a string'],
    [{ messages: {} }, 'messages must be an array'],
    [{ messages: [7] }, 'messages[0] must be a JSON object'],
    [{ messages: new Array(messagesMax + 1).fill({}) }, 'messages must have at most 50000 entries'],
    [{ messages: [{}, { content: [] }] }, 'messages[1].content must be a string'],
    [{ messages: [{ senderReferenceId: 7 }] }, 'messages[0].senderReferenceId must be a string'],
    [{ messages: [{ utcTimestamp: 7 }] }, 'messages[0].utcTimestamp must be a string'],
  ];

  test.each(refusals.map(([field, message]) => ({ field, message })))('$message', ({ field, message }) => {
    expect(refusalOf({ ...least, ...field })).toBe(message);
  });

  test('in the words of version 2 by version 2', () => {
    expect(refusalOf({ utcStart }, 'v2')).toBe('sessionId is required and must have 1 to 512 characters');
    expect(refusalOf({ ...least, participants: 7 }, 'v2')).toBe('participants must be an array');
  });

  test('for anything in place of the object', () => {
    for (const body of [undefined, null, [], 'case', 7]) expect(refusalOf(body)).toBe('The body must be a JSON object');
  });
});

test('a body is a case where it has what only cases have, and no id of a chat', () => {
  for (const body of [{ referenceId: 'r' }, { ReferenceID: 'r', sessionId: null }, { messages: [] }, { MESSAGES: 7 }]) {
    expect(isCase(body)).toBe(true);
  }
  for (const body of [{}, { sessionId: 's', referenceId: 'r' }, { SessionId: 's', messages: [] }, { contacts: [] }]) {
    expect(isCase(body)).toBe(false);
  }
  expect(() => isCase([])).toThrow('The body must be a JSON object');
});
