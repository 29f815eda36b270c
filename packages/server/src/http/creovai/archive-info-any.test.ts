import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { parseArchiveInfo } from './archive-info.ts';
import type { Version } from './capture-fields.ts';

const least = { sessionId: 's-1', startTime: '2018-10-15T09:00:00Z', contacts: [] };
const versions = ['v1', 'v2'] as const;

/** True when `info` is taken and false when it is refused as input_invalid; any other error fails the test. */
function isTaken(info: unknown, version: Version): boolean {
  try {
    expect(parseArchiveInfo(info, version).sessionId).not.toBe('');
    return true;
  } catch (error) {
    if (!hasCode(error, 'input_invalid')) {
      throw error;
    }
    return false;
  }
}

describe('any input', () => {
  const name = fc.constantFrom(
    ...[
      'sessionId',
      'SESSIONID',
      'startTime',
      'contacts',
      'participants',
      'Participant',
      'utcStart',
      'masterId',
      'direction',
      'audio',
      'metaData',
      'channel',
      'email',
      'type',
    ],
    ...['__proto__', 'constructor', 'prototype', 'toString', 'other'],
  );
  const value = fc.oneof(
    fc.anything({ withMap: true, withNullPrototype: true, withSparseArray: true }),
    fc.constantFrom('s', '2018-10-15T09:00:00Z', 'inbound', 1, null),
    fc.array(fc.dictionary(name, fc.anything())),
  );

  test('is taken, or refused as input_invalid and in no other way', () => {
    const junk = fc.oneof(fc.anything(), fc.jsonValue(), fc.dictionary(name, value));
    const nearly = fc.dictionary(name, value).map((fields) => ({ ...least, ...fields }));
    fc.assert(
      fc.property(fc.oneof(junk, nearly), (info) => {
        for (const version of versions) isTaken(info, version);
      }),
      { numRuns: 1000 },
    );
  });

  test('that is close to right is often taken and often refused, so the test above sees both', () => {
    const nearly = fc.dictionary(name, value).map((fields) => ({ ...least, ...fields }));
    const outcomes = fc.sample(nearly, 500).map((info) => isTaken(info, 'v1'));
    expect(new Set(outcomes)).toEqual(new Set([true, false]));
  });

  test('is never quoted in a refusal', () => {
    const mark = 'MARK-5125551234';
    const deep = Array.from({ length: 99 }).reduce<unknown>((inner) => ({ [mark]: inner }), mark);
    const fields = [
      'sessionId',
      'direction',
      'startTime',
      'endTime',
      'contacts',
      'participants',
      'utcStart',
      'utcEnd',
      'audio',
      'metadata',
      'masterCallId',
      'masterId',
      mark,
    ];
    for (const field of fields) {
      for (const given of [
        mark,
        `${mark}\0`.repeat(99),
        [mark],
        [[mark]],
        [{ channel: mark }],
        deep,
        [deep],
        { format: [mark] },
      ]) {
        for (const version of versions) {
          try {
            parseArchiveInfo({ ...least, [field]: given }, version);
          } catch (error) {
            expect(error).toHaveProperty('code', 'input_invalid');
            expect(String(error)).not.toContain('5125551234');
          }
        }
      }
    }
  });

  test('keeps every property that we do not know and every string that we do', () => {
    const value = fc.jsonValue({ maxDepth: 5 });
    const unknown = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.constantFrom('__proto__', 'constructor', 'Notes', 'notes'),
    );
    const extras = fc.dictionary(unknown, value);
    const contact = fc.record({ firstName: fc.string(), phoneNumber: fc.string(), type: fc.string() });
    fc.assert(
      fc.property(extras, contact, value, (extra, strings, inner) => {
        const written = { ...extra, metadata: { inner }, ...least, contacts: [{ ...extra, ...strings }] };
        const given: typeof written = JSON.parse(JSON.stringify(written));
        const call = parseArchiveInfo(given, 'v1');
        expect(JSON.stringify(call.extra)).toBe(JSON.stringify(extra));
        expect(JSON.stringify(call.metadata)).toBe(JSON.stringify({ inner }));
        expect(call.contacts[0]).toMatchObject(strings);
        expect(JSON.stringify(call.contacts[0]?.extra)).toBe(JSON.stringify(extra));
      }),
    );
  });
});
