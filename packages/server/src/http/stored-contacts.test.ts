import { describe, expect, test } from 'vitest';
import { nameOf, storedContacts } from './stored-contacts.ts';

const nothing = {
  type: null,
  referenceId: null,
  channel: null,
  phoneNumber: null,
  email: null,
  firstName: null,
  lastName: null,
  name: null,
};

describe('the participants of a stored call', () => {
  test('keep their places and their words', () => {
    const contacts = [
      { type: 'Agent', channel: 1, firstName: ' Ann ' },
      { phoneNumber: '+1', extra: { type: 'x' } },
    ];
    expect(storedContacts({ contacts })).toEqual([
      { ...nothing, type: 'Agent', channel: '1', firstName: ' Ann ' },
      { ...nothing, phoneNumber: '+1' },
    ]);
  });

  test('are found under either of their names, contacts first', () => {
    const participants = [{ type: 'b' }];
    expect(storedContacts({ participants })).toEqual([{ ...nothing, type: 'b' }]);
    expect(storedContacts({ contacts: [{ type: 'a' }], participants })).toEqual([{ ...nothing, type: 'a' }]);
  });

  test('of a platform that archives natively are read in its words', () => {
    const participants = [{ role: 'customer', phone: '+1', email: 'a@b.c', name: 'Ann Lee' }];
    const read = { ...nothing, type: 'customer', phoneNumber: '+1', email: 'a@b.c', name: 'Ann Lee' };
    expect(storedContacts({ participants })).toEqual([read]);
  });

  test('are none where the details were erased or name none', () => {
    for (const details of [null, {}, { contacts: null }, { contacts: {} }]) expect(storedContacts(details)).toEqual([]);
  });

  test('that are no objects, or say what is no text, keep their place and say nothing', () => {
    const contacts = [null, 'x', { type: {}, firstName: [], email: true }];
    expect(storedContacts({ contacts })).toEqual([nothing, nothing, nothing]);
  });
});

test.each([
  ['Ann', 'Lee', null, 'Ann Lee'],
  [' Ann ', null, null, 'Ann'],
  [null, 'Lee', 'Ann', 'Lee'],
  ['', ' ', null, null],
  ['', ' ', ' Ann Lee ', 'Ann Lee'],
  [null, null, ' ', null],
  [null, null, null, null],
])('%j, %j and %j are called %j', (firstName, lastName, name, called) => {
  expect(nameOf({ firstName, lastName, name })).toBe(called);
});
