import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { type EventForm, parseEvent } from './event-request.ts';

const nowMs = 1_700_000_000_000;
const v1: EventForm = { idName: 'masterCallId', idKind: 'master' };
const v2: EventForm = { idName: 'masterId', idKind: 'master', defaultAt: () => nowMs };
const eventTime = '2018/10/15T09:00:00.000Z';
const atMs = Date.UTC(2018, 9, 15, 9);

describe('an event', () => {
  test('is understood in the spelling of either SDK, and its metadata comes back as given', () => {
    const metadata = { Agent: 'x', nested: [{ a: null }], empty: '' };
    const event = { subject: { kind: 'master', value: ' M-1 ' }, late: { at: atMs, metadata } };
    expect(parseEvent({ masterCallId: ' M-1 ', eventTime, metadata }, v1)).toEqual(event);
    expect(parseEvent({ MasterCallId: ' M-1 ', EventTime: eventTime, Metadata: metadata }, v1)).toEqual(event);
    expect(parseEvent({ MASTERID: ' M-1 ', EVENTTIME: eventTime, metaData: metadata, other: 1 }, v2)).toEqual(event);
    expect(parseEvent({ masterCallId: 'm', eventTime, metadata: {} }, v1).late.metadata).toEqual({});
  });

  test('happened when it came, where its form lets it leave that out', () => {
    for (const body of [
      { masterId: 'm', metadata: {} },
      { masterId: 'm', eventTime: null, metadata: {} },
    ]) {
      expect(parseEvent(body, v2).late.at).toBe(nowMs);
    }
    expect(parseEvent({ masterId: 'm', eventTime, metadata: {} }, v2).late.at).toBe(atMs);
  });

  test('may have an id of 1 to 512 characters, and metadata 64 levels deep', () => {
    for (const id of ['m', 'm'.repeat(512)]) {
      expect(parseEvent({ masterCallId: id, eventTime, metadata: {} }, v1).subject.value).toBe(id);
    }
  });

  test.each([
    [{}, 'masterCallId is required'],
    [{ masterCallId: null }, 'masterCallId is required'],
    [{ masterId: 'm' }, 'masterCallId is required'],
    [{ masterCallId: 7 }, 'masterCallId must be a string'],
    [{ masterCallId: '' }, 'masterCallId must have 1 to 512 characters'],
    [{ masterCallId: 'm'.repeat(513) }, 'masterCallId must have 1 to 512 characters'],
    [{ masterCallId: 'm\0' }, 'masterCallId must not hold NUL or lone surrogates'],
    [{ masterCallId: '\ud800' }, 'masterCallId must not hold NUL or lone surrogates'],
    [{ masterCallId: 'm' }, 'eventTime is required'],
    [{ masterCallId: 'm', eventTime: null }, 'eventTime is required'],
    [{ masterCallId: 'm', eventTime: nowMs }, 'eventTime must be a string'],
    [{ masterCallId: 'm', eventTime: '', metadata: {} }, 'eventTime must be an ISO 8601 date and time'],
    [{ masterCallId: 'm', eventTime: '2018-02-30T09:00:00Z' }, 'eventTime must be an ISO 8601 date and time'],
    [{ masterCallId: 'm', eventTime }, 'metadata is required'],
    [{ masterCallId: 'm', eventTime, metadata: null }, 'metadata is required'],
    [{ masterCallId: 'm', eventTime, metadata: [] }, 'metadata must be a JSON object'],
    [{ masterCallId: 'm', eventTime, metadata: '{}' }, 'metadata must be a JSON object'],
    [{ masterCallId: 'm', eventTime: '0001-01-01T00:00:00', metadata: {} }, 'eventTime is required'],
  ])('that is not well-formed is refused with words of ours', (body, message) => {
    expect(() => parseEvent(body, v1)).toThrow(expect.objectContaining({ code: 'input_invalid', message }));
  });

  test('of the second version is refused for a bad time, never taken to have happened now', () => {
    const body = { masterId: 'm', eventTime: 'yesterday', metadata: {} };
    expect(() => parseEvent(body, v2)).toThrow('eventTime must be an ISO 8601 date and time');
  });

  test('without an id hears what its route has to say about that', () => {
    const form = { ...v1, withoutId: ', because of this' };
    expect(() => parseEvent({ eventTime, metadata: {} }, form)).toThrow('masterCallId is required, because of this');
  });

  test('of junk is refused as input_invalid and in no other way', () => {
    const key = fc.constantFrom('masterCallId', 'eventTime', 'metadata', '__proto__', 'constructor');
    const junk = fc.oneof(fc.anything(), fc.dictionary(key, fc.oneof(fc.anything(), fc.constant(eventTime))));
    fc.assert(
      fc.property(junk, (body) => {
        try {
          const { subject, late } = parseEvent(body, v1);
          expect([typeof subject.value, typeof late.at, typeof late.metadata]).toEqual(['string', 'number', 'object']);
        } catch (error) {
          expect(hasCode(error, 'input_invalid')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
