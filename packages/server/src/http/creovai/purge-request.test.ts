import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import {
  parseCustomerPurge,
  parseInteractionPurge,
  parsePurgeCustomer,
  parsePurgeIds,
  parseWhatIf,
  purgeIdsMax,
} from './purge-request.ts';

/** True when `run` ends well or in `input_invalid`; any other error is rethrown. */
function endsOrRefuses(run: () => unknown): boolean {
  try {
    run();
  } catch (error) {
    if (!hasCode(error, 'input_invalid')) {
      throw error;
    }
  }
  return true;
}

const refused = expect.objectContaining({ code: 'input_invalid' });
const plainId = fc.string({ unit: 'grapheme' }).filter((id) => !id.includes('\0'));

describe('parsePurgeIds', () => {
  test('up to a hundred ids come back exactly and in order, whatever the case of the name', () => {
    const name = fc.constantFrom('ids', 'Ids', 'IDS', 'iDs');
    fc.assert(
      fc.property(name, fc.array(plainId, { maxLength: purgeIdsMax }), (key, ids) => {
        expect(parsePurgeIds({ [key]: ids, other: 1 })).toEqual(ids);
      }),
    );
  });

  test('an empty list is a request', () => {
    expect(parsePurgeIds({ ids: [] })).toEqual([]);
  });

  test('a hundred ids are accepted and one more refuses the request', () => {
    const ids = Array.from({ length: purgeIdsMax + 1 }, (_, index) => `id${index}`);
    expect(parsePurgeIds({ ids: ids.slice(1) })).toHaveLength(100);
    expect(() => parsePurgeIds({ ids })).toThrow('ids must have at most 100 entries');
  });

  test.each([
    undefined,
    null,
    [],
    ['a'],
    'a',
    {},
    { ids: null },
    { ids: 'a' },
    { ids: { 0: 'a' } },
    { ids: [1] },
    { ids: ['a', null] },
    { ids: [['a']] },
    { ids: ['a\0'] },
    { ids: ['\ud800'] },
    { ids: ['a'], IDS: null },
  ])('%j is refused', (body) => {
    expect(() => parsePurgeIds(body)).toThrow(refused);
  });
});

describe('parsePurgeCustomer', () => {
  test('a string with a digit comes back exactly, whatever the case of the name', () => {
    expect(parsePurgeCustomer({ phoneNumber: '+15125551234' })).toBe('+15125551234');
    expect(parsePurgeCustomer({ PhoneNumber: ' (512) 555-1234 x9 ' })).toBe(' (512) 555-1234 x9 ');
    expect(parsePurgeCustomer({ PHONENUMBER: '0' })).toBe('0');
    expect(parsePurgeCustomer({ phoneNumber: '\u0661' })).toBe('\u0661');
  });

  test.each([
    null,
    [],
    {},
    { phoneNumber: null },
    { phoneNumber: 15125551234 },
    { phoneNumber: ['1'] },
    { phone: '1' },
  ])('%j is refused', (body) => {
    expect(() => parsePurgeCustomer(body)).toThrow(refused);
  });

  test('a string without a digit is refused without being repeated', () => {
    for (const phoneNumber of ['', '+', 'anonymous', '\u2167']) {
      expect(() => parsePurgeCustomer({ phoneNumber })).toThrow('phoneNumber is required and must have a digit');
    }
  });
});

test('a number or an address longer than any is refused by its place, without being repeated', () => {
  const [phone, email] = ['1'.repeat(64), 'a'.repeat(320)];
  expect(parsePurgeCustomer({ phoneNumber: phone })).toBe(phone);
  const subject = { by: 'customer', phones: [phone], emails: [email] };
  expect(parseCustomerPurge({ phoneNumbers: [phone], emails: [email] }).subject).toEqual(subject);
  const tooLong = 'must have at most 64 characters';
  expect(() => parsePurgeCustomer({ phoneNumber: `${phone}1` })).toThrow(`phoneNumber ${tooLong}`);
  expect(() => parseCustomerPurge({ phoneNumbers: ['1', `${phone}1`] })).toThrow(`phoneNumbers[1] ${tooLong}`);
  expect(() => parseCustomerPurge({ ids: [`${phone}1`] })).toThrow(`ids[0] ${tooLong}`);
  expect(() => parseCustomerPurge({ emails: [`${email}a`] })).toThrow('emails[0] must have at most 320 characters');
});

/** What every request of version 2 says in the same way. */
const flags = [
  [{}, true],
  [{ allowIncompleteInteraction: null }, true],
  [{ allowIncompleteInteraction: false }, true],
  [{ AllowIncompleteInteraction: true }, false],
] as const;
const flagsRefused = ['true', 'false', '', 0, 1, [], {}, [true]];

describe('parseInteractionPurge', () => {
  test('up to a hundred ids come back exactly and in order, for what they are ids of', () => {
    fc.assert(
      fc.property(fc.constantFrom('ids', 'IDS'), fc.array(plainId, { maxLength: purgeIdsMax }), (key, ids) => {
        for (const by of ['calls', 'sessions'] as const) {
          expect(parseInteractionPurge({ [key]: ids }, by).subject).toEqual({ by, ids });
        }
      }),
    );
  });

  test.each(flags)('%j refuses incomplete interactions: %j', (flag, refuseIncomplete) => {
    expect(parseInteractionPurge({ ids: ['a'], ...flag }, 'calls').refuseIncomplete).toBe(refuseIncomplete);
  });

  test.each(flagsRefused)('allowIncompleteInteraction is refused when it is %j', (allowIncompleteInteraction) => {
    const body = { ids: ['a@example.com'], allowIncompleteInteraction };
    const message = 'allowIncompleteInteraction must be true or false';
    expect(() => parseInteractionPurge(body, 'calls')).toThrow(message);
    expect(() => parseCustomerPurge(body)).toThrow(message);
  });

  test.each([null, [], {}, { ids: null }, { ids: 'a' }, { ids: [1] }, { ids: ['a\0'] }, { sessionIds: ['a'] }])(
    '%j is refused',
    (body) => {
      expect(() => parseInteractionPurge(body, 'sessions')).toThrow(refused);
    },
  );

  test('a hundred ids are accepted and one more refuses the request', () => {
    const ids = Array.from({ length: purgeIdsMax + 1 }, (_, index) => `id${index}`);
    expect(() => parseInteractionPurge({ ids: ids.slice(1) }, 'calls')).not.toThrow();
    expect(() => parseInteractionPurge({ ids }, 'calls')).toThrow('ids must have at most 100 entries');
  });
});

describe('parseCustomerPurge', () => {
  const customer = (body: unknown) => parseCustomerPurge(body).subject;

  test('numbers and e-mails come back exactly and in order, whichever of the lists is there', () => {
    const phoneNumbers = ['+15125551234', ' (512) 555-1234 x9 ', '+15125551234', '\u0661'];
    const emails = [' A@Example.com', 'no at sign'];
    expect(customer({ phoneNumbers, emails })).toEqual({ by: 'customer', phones: phoneNumbers, emails });
    expect(customer({ PhoneNumbers: phoneNumbers })).toEqual({ by: 'customer', phones: phoneNumbers, emails: [] });
    expect(customer({ EMAILS: emails, phoneNumbers: null })).toEqual({ by: 'customer', phones: [], emails });
    expect(customer({ emails, phoneNumbers: [] })).toEqual({ by: 'customer', phones: [], emails });
    expect(customer({ emails: [], phoneNumbers: ['1'], ids: null })).toMatchObject({ phones: ['1'], emails: [] });
  });

  test('ids, as 2.0.0-pre.0 of the .NET client sends them, are e-mails where they have an @ and numbers elsewhere', () => {
    const ids = ['+15125551234', 'a@example.com', '1001', '512@example.com'];
    const subject = { by: 'customer', phones: ['+15125551234', '1001'], emails: ['a@example.com', '512@example.com'] };
    expect(parseCustomerPurge({ ids })).toEqual({ subject, refuseIncomplete: true });
    expect(parseCustomerPurge({ Ids: ids, allowIncompleteInteraction: true }).refuseIncomplete).toBe(false);
  });

  test.each(flags)('%j refuses incomplete interactions: %j', (flag, refuseIncomplete) => {
    expect(parseCustomerPurge({ emails: ['a'], ...flag }).refuseIncomplete).toBe(refuseIncomplete);
  });

  test('a hundred entries of each list are accepted, and one more refuses the request', () => {
    const entries = Array.from({ length: purgeIdsMax + 1 }, (_, index) => `${index}@`);
    const hundred = entries.slice(1);
    expect(customer({ phoneNumbers: hundred, emails: hundred })).toMatchObject({ phones: hundred, emails: hundred });
    for (const name of ['phoneNumbers', 'emails', 'ids']) {
      expect(() => parseCustomerPurge({ [name]: entries })).toThrow(`${name} must have at most 100 entries`);
    }
  });

  test.each([
    [{}, 'phoneNumbers or emails must name somebody'],
    [{ phoneNumbers: [] }, 'phoneNumbers or emails must name somebody'],
    [{ phoneNumbers: [], emails: null }, 'phoneNumbers or emails must name somebody'],
    [{ ids: [] }, 'phoneNumbers or emails must name somebody'],
    [{ phoneNumber: '+15125551234' }, 'phoneNumbers or emails must name somebody'],
    [{ phoneNumbers: '+15125551234' }, 'phoneNumbers must be an array'],
    [{ emails: { 0: 'a' } }, 'emails must be an array'],
    [{ phoneNumbers: ['1', 2] }, 'phoneNumbers[1] must be a string'],
    [{ phoneNumbers: ['1', 'anonymous'] }, 'phoneNumbers[1] must have a digit'],
    [{ phoneNumbers: ['1'], emails: ['a', ' \t'] }, 'emails[1] must not be blank'],
    [{ emails: ['a\0'] }, 'emails[0] must be a string without NUL'],
    [{ emails: ['\ud800'] }, 'emails[0] must be a string without NUL or lone surrogates'],
    [{ ids: ['1', ''] }, 'ids[1] must have a digit'],
    [{ ids: ['1'], phoneNumbers: ['2'] }, 'ids must not be given together with phoneNumbers or emails'],
    [{ ids: ['1'], emails: [] }, 'ids must not be given together with phoneNumbers or emails'],
  ])('%j is refused with words of ours', (body, message) => {
    expect(() => parseCustomerPurge(body)).toThrow(refused);
    expect(() => parseCustomerPurge(body)).toThrow(message);
  });

  test('every entry of an accepted request is purged, and nothing else', () => {
    const entry = fc.oneof(plainId, fc.constantFrom('+15125551234', 'a@example.com', '1', '@', ' '));
    const list = fc.option(fc.array(entry, { maxLength: 4 }), { nil: undefined });
    fc.assert(
      fc.property(fc.record({ phoneNumbers: list, emails: list, ids: list }), (body) => {
        endsOrRefuses(() => {
          const { subject } = parseCustomerPurge(body);
          const given = [...(body.ids ?? []), ...(body.phoneNumbers ?? []), ...(body.emails ?? [])];
          const named = subject.by === 'customer' ? [...subject.phones, ...subject.emails] : [];
          expect(given.length).toBeGreaterThan(0);
          expect(named.sort()).toEqual(given.sort());
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseWhatIf', () => {
  test.each([
    [{}, false],
    [{ whatIf: undefined }, false],
    [{ whatIf: 'false' }, false],
    [{ WHATIF: 'FALSE' }, false],
    [{ whatIf: 'true' }, true],
    [{ whatif: 'True' }, true],
    [{ WhatIf: 'tRUE', other: ['a', 'b'] }, true],
  ])('%j means %j', (query, isWhatIf) => {
    expect(parseWhatIf(query)).toBe(isWhatIf);
  });

  test.each([
    { whatIf: ['true', 'true'] },
    { whatIf: ['false'] },
    { whatIf: 'true', whatif: 'true' },
    { whatIf: '', WHATIF: 'true' },
    { whatIf: '' },
    { WhatIf: '' },
    { whatIf: '1' },
    { whatIf: ' true' },
    { whatIf: 'yes' },
    { whatIf: true },
    { whatIf: null },
    { whatIf: {} },
  ])('%j is refused', (query) => {
    expect(() => parseWhatIf(query)).toThrow('whatIf must be true or false, and given once');
  });

  test('data is destroyed only when whatIf is absent or false', () => {
    const value = fc.oneof(fc.anything(), fc.constantFrom('', 'true', 'TRUE', 'false', 'fAlse', 'off', 'false '));
    fc.assert(
      fc.property(value, (whatIf) => {
        let isWhatIf: boolean | undefined;
        endsOrRefuses(() => {
          isWhatIf = parseWhatIf({ whatIf });
        });
        const word = typeof whatIf === 'string' ? whatIf.toLowerCase() : whatIf;
        expect(isWhatIf === false).toBe(word === undefined || word === 'false');
      }),
    );
  });
});

test('junk is refused as input_invalid and in no other way', () => {
  const key = fc.constantFrom(
    'ids',
    'IDS',
    'phoneNumber',
    'phoneNumbers',
    'emails',
    'whatIf',
    '__proto__',
    'constructor',
  );
  const junk = fc.oneof(fc.anything(), fc.jsonValue(), fc.dictionary(fc.oneof(key, fc.string()), fc.anything()));
  fc.assert(
    fc.property(junk, (body) => {
      endsOrRefuses(() => parsePurgeIds(body));
      endsOrRefuses(() => parsePurgeCustomer(body));
      endsOrRefuses(() => parseInteractionPurge(body, 'calls'));
      endsOrRefuses(() => parseCustomerPurge(body));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(key, fc.string()), fc.anything()), (query) => {
      endsOrRefuses(() => parseWhatIf(query));
    }),
  );
});
