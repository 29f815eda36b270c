import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../engine/archive/new-call.ts';
import { hasCode } from '../../model/errors.ts';
import type { Version } from './capture-fields.ts';
import { parseCase } from './case-body.ts';
import { parseChat } from './chat-body.ts';
import { toNewCall } from './map.ts';

const versions = ['v1', 'v2'] as const;
const least = { sessionId: 's-1', utcStart: '2024-03-01T10:00:00Z' };
const parsers = [
  ['a chat', parseChat],
  ['a case', parseCase],
] as const;

describe.each(parsers)('any body of %s', (_kind, parse) => {
  /** True when `body` is taken and false when it is refused as input_invalid; any other error fails the test. */
  function isTaken(body: unknown, version: Version): boolean {
    try {
      expect(parse(body, version).sessionId).not.toBe('');
      return true;
    } catch (error) {
      if (!hasCode(error, 'input_invalid')) {
        throw error;
      }
      return false;
    }
  }

  const name = fc.constantFrom(
    ...['sessionId', 'referenceId', 'utcStart', 'contacts', 'participants', 'messages', 'MESSAGES', 'content'],
    ...['utcTimestamp', 'customEvents', 'senderReferenceId', 'channel', 'email', 'type', 'metaData', 'masterId'],
    ...['__proto__', 'constructor', 'prototype', 'toString', 'other'],
  );
  // Kept small: what matters is which names meet which types, not how much there is of either.
  const size = { maxDepth: 2, size: 'xsmall' } as const;
  const odd = fc.anything({ ...size, withMap: true, withNullPrototype: true, withSparseArray: true });
  const leaf = fc.oneof(odd, fc.constantFrom('s', '2024-03-01T10:00:00Z', 1, null));
  const objects = (inner: fc.Arbitrary<unknown>) => fc.array(fc.dictionary(name, inner, size), { maxLength: 3 });
  const value = fc.oneof(leaf, objects(fc.oneof(leaf, objects(leaf))));
  const nearly = fc.dictionary(name, value, { maxKeys: 5 }).map((fields) => ({ ...least, ...fields }));

  test('is taken, or refused as input_invalid and in no other way', () => {
    const junk = fc.oneof(fc.anything(), fc.jsonValue(), fc.dictionary(name, value, { maxKeys: 5 }));
    fc.assert(
      fc.property(fc.oneof(junk, nearly), fc.constantFrom(...versions), (body, version) => {
        isTaken(body, version);
      }),
      { numRuns: 1000 },
    );
  });

  test('that is close to right is often taken and often refused, so the test above sees both', () => {
    const outcomes = fc.sample(nearly, 500).map((body) => isTaken(body, 'v2'));
    expect(new Set(outcomes)).toEqual(new Set([true, false]));
  });

  test('is never quoted in a refusal', () => {
    const mark = 'MARK-5125551234';
    const deep = Array.from({ length: 99 }).reduce<unknown>((inner) => ({ [mark]: inner }), mark);
    const bad = [mark, `${mark}\0`.repeat(99), [mark], [[mark]], { [mark]: [mark] }, deep, [deep], 5125551234];
    const names = [
      'sessionId',
      'referenceId',
      'utcStart',
      'utcEnd',
      'masterId',
      'metadata',
      'contacts',
      'messages',
      mark,
    ];
    const inMessage = ['content', 'utcTimestamp', 'customEvents', 'senderReferenceId', 'channel', mark];
    const bodies = bad.flatMap((given) => [
      ...names.map((field) => ({ ...least, [field]: given })),
      ...inMessage.map((field) => ({ ...least, messages: [{ [field]: given }] })),
      ...inMessage.map((field) => ({ ...least, contacts: [{ email: mark, messages: [{ [field]: given }] }] })),
      { ...least, contacts: [{ email: given }], participants: [{ phoneNumber: mark }] },
    ]);
    let refusals = 0;
    for (const body of bodies) {
      try {
        parse(body, 'v1');
      } catch (error) {
        refusals += 1;
        expect(error).toHaveProperty('code', 'input_invalid');
        expect(String(error)).not.toContain('5125551234');
      }
    }
    expect(refusals).toBeGreaterThan(bodies.length / 3);
  });

  test('loses nothing that was in it: unknown properties and every text come back', () => {
    const unknown = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.constantFrom('__proto__', 'constructor', 'Notes', 'notes'),
    );
    const extras = fc.dictionary(unknown, fc.jsonValue({ maxDepth: 4 }));
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(extras, extras, text, text, (extra, inner, content, firstName) => {
        const message = { ...inner, content };
        const person = { ...extra, firstName, messages: [message] };
        const body = { ...extra, ...least, contacts: [person], messages: [message] };
        const given: typeof body = JSON.parse(JSON.stringify(body));
        const call = parse(given, 'v1');
        const kept = (value: unknown) => canonicalJson(JSON.parse(JSON.stringify(value)));
        expect(call.turns).toMatchObject([{ text: content }]);
        expect(kept(call.turns?.[0]?.extra)).toBe(kept(inner));
        expect(call.contacts).toMatchObject([{ firstName }]);
        // A chat has its messages within its people, a case beside them; in the other place they are unknown.
        expect(kept(call.kind === 'chat' ? call.contacts[0]?.extra : call.extra)).toBe(kept(extra));
        const { messages: _, ...rest } = (call.kind === 'chat' ? call.extra : call.contacts[0]?.extra) ?? {};
        expect(kept(rest)).toBe(kept(extra));
      }),
    );
  });

  test('in the words of one version is the same content as in those of the other', () => {
    const people = fc.array(
      fc.record(
        {
          referenceId: fc.constantFrom('a', 'b'),
          type: fc.string(),
          phoneNumber: fc.string(),
          messages: fc.array(fc.record({ content: fc.string() })),
        },
        { requiredKeys: [] },
      ),
    );
    const messages = fc.array(fc.record({ content: fc.string(), senderReferenceId: fc.constantFrom('a', 'b', 'c') }));
    const same = fc.record(
      { caseReferenceId: fc.string({ unit: 'grapheme-ascii' }), metadata: fc.dictionary(fc.string(), fc.jsonValue()) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(people, messages, same, (contacts, written, rest) => {
        const { utcStart } = least;
        const isCase = parse === parseCase;
        const common = { ...rest, utcStart, ...(isCase ? { messages: written } : {}) };
        const masterName = isCase ? 'masterId' : 'masterCallId';
        const v1 = { ...common, [isCase ? 'referenceId' : 'sessionId']: 's', [masterName]: 'm', contacts };
        const v2 = { ...common, sessionId: 's', masterId: 'm', participants: contacts };
        const ours = versions.flatMap((route) => [toNewCall(parse(v1, route)), toNewCall(parse(v2, route))]);
        expect(new Set(ours.map(canonicalJson)).size).toBe(1);
      }),
    );
  });
});
