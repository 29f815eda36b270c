import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { unknownMax } from '../json-in.ts';
import { parseArchiveInfo } from './archive-info.ts';
import { ownBytesMax, sessionIdLengthMax } from './capture-fields.ts';
import type { CreovaiCall } from './creovai-call.ts';
import { contactsMax } from './people.ts';

const least = { sessionId: 's-1', startTime: '2018-10-15T09:00:00Z', contacts: [] };
const startTimeMs = Date.parse('2018-10-15T09:00:00Z');
const withField = (field: object) => parseArchiveInfo({ ...least, ...field }, 'v1');

/** The message with which `info` is refused; any other end fails the test. */
function refusalOf(info: unknown): string {
  try {
    parseArchiveInfo(info, 'v1');
  } catch (error) {
    if (hasCode(error, 'input_invalid')) {
      return error.message;
    }
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a whole info object', () => {
  const full: CreovaiCall = {
    kind: 'call',
    sessionId: 's-1',
    masterCallId: 'm-1',
    caseReferenceId: 'case-1',
    collectionId: 'col-1',
    direction: 'inbound',
    startTimeMs,
    endTimeMs: startTimeMs + 61_500,
    contacts: [
      {
        referenceId: 'r-1',
        firstName: 'Ann',
        lastName: 'Ng',
        channel: 0,
        phoneNumber: '+15125551234',
        email: 'ann@example.com',
        type: 'Customer',
        extra: { Vip: true },
      },
    ],
    numberDialed: '+18005551234',
    audio: { format: 'wav', extra: { Rate: 8000 } },
    metadata: { Queue: 'sales', queue: null, nested: [1, { Deep: '' }] },
    turns: undefined,
    extra: { Site: 'north', empty: null },
  };

  test('in the camelCase of the documents, metaData included', () => {
    const info = {
      sessionId: 's-1',
      masterCallId: 'm-1',
      caseReferenceId: 'case-1',
      collectionId: 'col-1',
      direction: 'Inbound',
      startTime: '2018-10-15T09:00:00.0000000Z',
      endTime: '2018/10/15T09:01:01.5',
      contacts: [
        {
          referenceId: 'r-1',
          firstName: 'Ann',
          lastName: 'Ng',
          channel: 0,
          phoneNumber: '+15125551234',
          email: 'ann@example.com',
          type: 'Customer',
          Vip: true,
        },
      ],
      numberDialed: '+18005551234',
      audio: { format: 'wav', Rate: 8000 },
      metaData: full.metadata,
      Site: 'north',
      empty: null,
    };
    expect(parseArchiveInfo(info, 'v1')).toStrictEqual(full);
  });

  test('in the PascalCase of the .NET SDK, with a number for the direction and explicit nulls', () => {
    const info = {
      SessionId: 's-1',
      MasterCallId: null,
      CaseReferenceId: null,
      CollectionId: null,
      Direction: 2,
      StartTime: '2018-10-15T09:00:00Z',
      EndTime: null,
      Contacts: [
        { ReferenceId: null, FirstName: null, LastName: null, Channel: null, PhoneNumber: null, Type: 'Agent' },
      ],
      NumberDialed: null,
      Audio: { Format: null },
      Metadata: null,
    };
    const call = parseArchiveInfo(info, 'v1');
    expect(call).toMatchObject({
      sessionId: 's-1',
      direction: 'outbound',
      startTimeMs,
      metadata: undefined,
      extra: {},
    });
    expect(call.contacts).toMatchObject([{ type: 'Agent', channel: undefined, extra: {} }]);
    expect(call.audio).toBeUndefined();
  });

  test('in the mixed spelling of the C++ SDK, whose call ends when it starts', () => {
    const time = '2018-10-15T09:00:00.000Z';
    const call = withField({ startTime: time, endTime: time, Audio: { Format: 'ogg' } });
    expect(call).toMatchObject({ startTimeMs, endTimeMs: startTimeMs, audio: { format: 'ogg' } });
  });

  test('with nothing but what is required', () => {
    expect(parseArchiveInfo(least, 'v1')).toStrictEqual({
      kind: 'call',
      sessionId: 's-1',
      masterCallId: undefined,
      caseReferenceId: undefined,
      collectionId: undefined,
      direction: 'unknown',
      startTimeMs,
      endTimeMs: undefined,
      contacts: [],
      numberDialed: undefined,
      audio: undefined,
      metadata: undefined,
      turns: undefined,
      extra: {},
    });
  });
});

describe('each field', () => {
  test.each([
    [{ sessionId: undefined }, 'info.sessionId is required and must have 1 to 512 characters'],
    [{ sessionId: null }, 'info.sessionId is required and must have 1 to 512 characters'],
    [{ sessionId: '' }, 'info.sessionId is required and must have 1 to 512 characters'],
    [{ sessionId: 'x'.repeat(513) }, 'info.sessionId is required and must have 1 to 512 characters'],
    [{ sessionId: 7 }, 'info.sessionId must be a string'],
    [{ sessionId: 'a\0' }, 'info.sessionId must not hold NUL or lone surrogates'],
    [{ sessionId: 'a\ud83d' }, 'info.sessionId must not hold NUL or lone surrogates'],
    [{ masterCallId: '\udc00' }, 'info.masterCallId must not hold NUL or lone surrogates'],
    [{ caseReferenceId: '\0' }, 'info.caseReferenceId must not hold NUL or lone surrogates'],
    [{ collectionId: [] }, 'info.collectionId must be a string'],
    [{ direction: 'sideways' }, 'info.direction must be Unknown, Inbound, Outbound or Internal, or 0 to 3'],
    [{ direction: 4 }, 'info.direction must be Unknown, Inbound, Outbound or Internal, or 0 to 3'],
    [{ direction: 0.5 }, 'info.direction must be Unknown, Inbound, Outbound or Internal, or 0 to 3'],
    [{ direction: '1' }, 'info.direction must be Unknown, Inbound, Outbound or Internal, or 0 to 3'],
    [{ direction: ['inbound'] }, 'info.direction must be Unknown, Inbound, Outbound or Internal, or 0 to 3'],
    [{ startTime: null }, 'info.startTime is required'],
    [{ startTime: 'today' }, 'info.startTime must be an ISO 8601 date and time'],
    [{ startTime: 1539594000000 }, 'info.startTime must be a string'],
    [{ endTime: '' }, 'info.endTime must be an ISO 8601 date and time'],
    [{ contacts: null }, 'info.contacts is required and must be an array'],
    [{ contacts: {} }, 'info.contacts must be an array'],
    [{ contacts: [], participants: [] }, 'info.contacts and info.participants are one field: give only one of them'],
    [{ masterCallId: 'a', MasterID: 'b' }, 'info.masterCallId and info.masterId are one field: give only one of them'],
    [{ contacts: [{}, null] }, 'info.contacts[1] must be a JSON object'],
    [{ contacts: new Array(1) }, 'info.contacts[0] must be a JSON object'],
    [{ contacts: [{ firstName: 1 }] }, 'info.contacts[0].firstName must be a string'],
    [{ contacts: [{ phoneNumber: 1 }] }, 'info.contacts[0].phoneNumber must be a string'],
    [{ contacts: [{ email: '\ud800@x' }] }, 'info.contacts[0].email must not hold NUL or lone surrogates'],
    [{ contacts: [{ channel: '1' }] }, 'info.contacts[0].channel must be a whole number, 0 or more'],
    [{ contacts: [{ channel: 1.5 }] }, 'info.contacts[0].channel must be a whole number, 0 or more'],
    [{ contacts: [{ channel: -1 }] }, 'info.contacts[0].channel must be a whole number, 0 or more'],
    [{ numberDialed: 1 }, 'info.numberDialed must be a string'],
    [{ audio: 'wav' }, 'info.audio must be a JSON object'],
    [{ audio: { format: 1 } }, 'info.audio.format must be a string'],
    [{ metadata: [] }, 'info.metadata must be a JSON object'],
    [{ metadata: '{}' }, 'info.metadata must be a JSON object'],
  ])('%j is refused: %s', (field, message) => {
    expect(refusalOf({ ...least, ...field })).toBe(message);
  });

  test('anything in place of the object is refused', () => {
    for (const info of [undefined, null, [], 'info', 7]) expect(refusalOf(info)).toBe('info must be a JSON object');
  });

  test('direction takes its names in any case and its numbers', () => {
    for (const [given, direction] of [
      ['unknown', 'unknown'],
      ['INBOUND', 'inbound'],
      ['outBound', 'outbound'],
      ['Internal', 'internal'],
      [0, 'unknown'],
      [1, 'inbound'],
      [2, 'outbound'],
      [3, 'internal'],
      [null, 'unknown'],
    ] as const) {
      expect(withField({ direction: given }).direction).toBe(direction);
    }
  });

  test('a session id may be as long as its limit and hold any whole character', () => {
    const sessionId = `${'\u{1f600}'.repeat(255)} /`;
    expect(sessionId).toHaveLength(sessionIdLengthMax);
    expect(withField({ sessionId }).sessionId).toBe(sessionId);
  });

  test('a name cut in the middle of a character does not cost the recording', () => {
    expect(withField({ contacts: [{ firstName: 'Ann \ud83d' }] }).contacts[0]?.firstName).toBe('Ann \ud83d');
  });

  test('an end that .NET never set is no end, and a start is taken as it is', () => {
    expect(withField({ endTime: '0001-01-01T00:00:00' }).endTimeMs).toBeUndefined();
    expect(refusalOf({ ...least, startTime: '0001-01-01T00:00:00' })).toBe('info.startTime is required');
  });

  test('there may be as many contacts as the limit says, and not one more', () => {
    const contacts = new Array(contactsMax).fill({});
    expect(withField({ contacts }).contacts).toHaveLength(contactsMax);
    expect(refusalOf({ ...least, contacts: [...contacts, {}] })).toBe('info.contacts must have at most 1000 entries');
  });

  test('an audio object that says nothing is none, and one that says anything is kept', () => {
    expect(withField({ audio: { Format: null } }).audio).toBeUndefined();
    expect(withField({ audio: { format: '' } }).audio).toEqual({ format: '', extra: {} });
    expect(withField({ audio: { rate: null } }).audio).toEqual({ format: undefined, extra: { rate: null } });
  });

  test('a call may end before it starts', () => {
    expect(withField({ endTime: '2018-10-14T09:00:00Z' }).endTimeMs).toBeLessThan(startTimeMs);
  });
});

describe('what we do not know', () => {
  test('metadata is the very object that came, dangerous names included', () => {
    const metadata: unknown = JSON.parse('{"__proto__":{"x":1},"constructor":null,"A":1,"a":2}');
    const kept = withField({ metadata }).metadata;
    expect(JSON.stringify(kept)).toBe('{"__proto__":{"x":1},"constructor":null,"A":1,"a":2}');
    expect(Reflect.get({}, 'x')).toBeUndefined();
  });

  test('extra properties keep dangerous names as ordinary data at every level', () => {
    const text = '{"__proto__":{"sessionId":"stolen"},"prototype":1}';
    const call = withField({ audio: JSON.parse(text), contacts: [JSON.parse(text)] });
    expect(JSON.stringify(call.audio?.extra)).toBe(text);
    expect(JSON.stringify(call.contacts[0]?.extra)).toBe(text);
    expect(
      refusalOf(JSON.parse('{"__proto__":{"sessionId":"s","startTime":"2018-10-15T09:00:00Z","contacts":[]}}')),
    ).toBe('info.sessionId is required and must have 1 to 512 characters');
  });

  test('metadata of a mebibyte is the most that is taken', () => {
    const of = (bytes: number) => ({ text: 'x'.repeat(bytes - '{"text":""}'.length) });
    expect(withField({ metadata: of(ownBytesMax) }).metadata).toEqual(of(ownBytesMax));
    expect(refusalOf({ ...least, metadata: of(ownBytesMax + 1) })).toBe('info.metadata must be at most 1024 KiB long');
    expect(refusalOf({ ...least, more: of(ownBytesMax) })).toBe(
      'What is not known of info must be at most 1024 KiB long',
    );
  });

  test('a thousand properties of any object are the most that are taken', () => {
    const many = Object.fromEntries(Array.from({ length: unknownMax + 1 }, (_, i) => [`p${i}`, null]));
    expect(Object.keys(withField({ metadata: many }).metadata ?? {})).toHaveLength(unknownMax + 1);
    expect(refusalOf({ ...least, ...many })).toBe('info must have at most 1000 properties that are not known');
    expect(refusalOf({ ...least, audio: many })).toBe(
      'info.audio must have at most 1000 properties that are not known',
    );
    expect(refusalOf({ ...least, contacts: [many] })).toBe(
      'info.contacts[0] must have at most 1000 properties that are not known',
    );
  });
});

test('a number or an address longer than any is refused, by its field', () => {
  const taken = { phoneNumber: '1'.repeat(64), email: 'a'.repeat(320) };
  expect(withField({ contacts: [taken] }).contacts[0]).toMatchObject(taken);
  expect(refusalOf({ ...least, contacts: [{}, { phoneNumber: '1'.repeat(65) }] })).toBe(
    'info.contacts[1].phoneNumber must have at most 64 characters',
  );
  expect(refusalOf({ ...least, contacts: [{ type: 'agent', email: 'a'.repeat(321) }] })).toBe(
    'info.contacts[0].email must have at most 320 characters',
  );
});
