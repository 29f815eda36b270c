import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { parseArchiveInfo } from './archive-info.ts';

const startTimeMs = Date.parse('2018-10-15T09:00:00Z');

/** The message with which `info` is refused; any other end fails the test. */
function refusalOf(info: unknown): string {
  try {
    parseArchiveInfo(info, 'v2');
  } catch (error) {
    if (hasCode(error, 'input_invalid')) {
      return error.message;
    }
    throw error;
  }
  throw new Error('it was accepted');
}

describe('an info object of version 2', () => {
  const v2 = {
    sessionId: 's-1',
    masterId: 'm-1',
    caseReferenceId: 'case-1',
    collectionId: 'col-1',
    utcStart: '2018-10-15T09:00:00Z',
    utcEnd: '2018-10-15T09:01:01.5Z',
    participants: [{ type: 'Customer', channel: 1, phoneNumber: '+15125551234' }],
    direction: 'Inbound',
    numberDialed: '+18005551234',
    audio: { format: 'wav' },
    metadata: { queue: 'sales' },
  };
  const { masterId, utcStart, utcEnd, participants, ...same } = v2;
  const v1 = { ...same, masterCallId: masterId, startTime: utcStart, endTime: utcEnd, contacts: participants };

  test('describes the same call as the first does in its own words, on either route', () => {
    const call = parseArchiveInfo(v1, 'v1');
    expect(call).toMatchObject({ masterCallId: 'm-1', startTimeMs, endTimeMs: startTimeMs + 61_500, extra: {} });
    expect(call.contacts).toMatchObject([{ phoneNumber: '+15125551234', channel: 1 }]);
    expect(parseArchiveInfo(v2, 'v2')).toStrictEqual(call);
    expect(parseArchiveInfo(v2, 'v1')).toStrictEqual(call);
    expect(parseArchiveInfo(v1, 'v2')).toStrictEqual(call);
  });

  test('describes the same call with what its client writes even where there is nothing', () => {
    const bare = { sessionId: 's-1', utcStart };
    const least = { sessionId: 's-1', startTime: utcStart, contacts: [] };
    const call = parseArchiveInfo({ ...bare, participants: [], audio: {} }, 'v2');
    expect(call).toStrictEqual(parseArchiveInfo(least, 'v1'));
    expect(parseArchiveInfo(bare, 'v2')).toStrictEqual(call);
    const nulls = { MasterId: null, UtcEnd: null, Participants: null, Audio: null, Metadata: null };
    expect(parseArchiveInfo({ ...bare, ...nulls }, 'v2')).toStrictEqual(call);
  });

  test('may list its participants as its first pre-release did', () => {
    const { participants: Participant, ...rest } = v2;
    expect(parseArchiveInfo({ ...rest, Participant }, 'v2')).toStrictEqual(parseArchiveInfo(v2, 'v2'));
  });

  test('may give one value under two names', () => {
    expect(parseArchiveInfo({ ...v2, masterCallId: 'm-1', startTime: utcStart }, 'v2').masterCallId).toBe('m-1');
  });

  test.each([
    [{ utcStart: null }, 'info.utcStart is required'],
    [{ utcStart: 'today' }, 'info.utcStart must be an ISO 8601 date and time'],
    [{ utcStart: null, startTime: 'today' }, 'info.startTime must be an ISO 8601 date and time'],
    [{ utcEnd: 7 }, 'info.utcEnd must be a string'],
    [{ masterId: 7 }, 'info.masterId must be a string'],
    [{ participants: {} }, 'info.participants must be an array'],
    [{ participants: [7] }, 'info.participants[0] must be a JSON object'],
    [{ participants: null, participant: [{ type: 7 }] }, 'info.participant[0].type must be a string'],
    [{ contacts: [] }, 'info.participants and info.contacts are one field: give only one of them'],
    [{ participant: [] }, 'info.participants and info.participant are one field: give only one of them'],
    [{ startTime: '2018-10-16T09:00:00Z' }, 'info.utcStart and info.startTime are one field: give only one of them'],
  ])('is refused in its own words: %j', (field, message) => {
    expect(refusalOf({ ...v2, ...field })).toBe(message);
  });
});
