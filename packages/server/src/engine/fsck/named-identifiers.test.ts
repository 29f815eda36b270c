import { describe, expect, test } from 'vitest';
import { namedIdentifiers, namedOfCandidate, possibleIdentifiers } from './named-identifiers.ts';

describe('the identifiers that a call must be found by', () => {
  test('are the ids of its correlation, whatever else that holds', () => {
    const correlation = {
      sessionId: 's',
      masterCallId: 'm',
      caseReferenceId: 'c',
      collectionId: '',
      line: '+15125550000',
    };
    expect(namedIdentifiers(correlation, undefined)).toEqual([
      { kind: 'session', value: 's' },
      { kind: 'master', value: 'm' },
      { kind: 'case', value: 'c' },
    ]);
  });

  test('are phone and e-mail of the customers, never of who works for the tenant, in any case', () => {
    const people = [
      { type: 'Customer', phoneNumber: '1', email: 'a@example.com' },
      { phoneNumber: '2' },
      { type: ' AGENT', phoneNumber: '3' },
      { role: 'bot', phone: '4' },
      { role: 'customer', phone: '5' },
      null,
    ];
    const details = { contacts: people.slice(0, 3), participants: people.slice(3), numberDialed: '6' };
    const named = namedIdentifiers({}, details);
    expect(named.map(({ value }) => value)).toEqual(['1', 'a@example.com', '2', '5']);
  });

  test.each([null, undefined, 7, 'text', []])('are none where there is nothing to read: %j', (value) => {
    expect(namedIdentifiers(value, value)).toEqual([]);
  });
});

describe('the identifiers that a candidate must be found by', () => {
  test("are all of its numbers and its client's id, and nothing of its variables", () => {
    const correlation = { clientExternalId: 'c-1', callbackData: { clientExternalId: 'other' }, externalId: 'e' };
    const details = { phones: ['1', '2'], variables: { phone: '3' }, participants: [{ phone: '4' }] };
    expect(namedOfCandidate(correlation, details)).toEqual([
      { kind: 'external', value: 'c-1' },
      { kind: 'phone', value: '1' },
      { kind: 'phone', value: '2' },
    ]);
  });

  test("are its client's id once its details were erased, where it has one", () => {
    expect(namedOfCandidate({ clientExternalId: 'c-1' }, undefined)).toEqual([{ kind: 'external', value: 'c-1' }]);
    expect(namedOfCandidate({ clientExternalId: null }, undefined)).toEqual([]);
  });

  test.each([null, undefined, 7, 'text', [], { phones: 'text' }, { phones: [7, null, ''] }])(
    'are none where there is nothing to read: %j',
    (value) => expect(namedOfCandidate(value, value)).toEqual([]),
  );
});

describe('what may explain an identifier', () => {
  test('is every text and number, however deep it lies', () => {
    let deep: unknown = 'deepest';
    for (let depth = 0; depth < 20_000; depth += 1) deep = [deep];
    const found = possibleIdentifiers('phone', [{ a: 1, b: [null, { c: 'x' }], deep }, undefined, 'y']);
    expect(found.map(({ value }) => value).sort()).toEqual(['1', 'deepest', 'x', 'y']);
  });
});
