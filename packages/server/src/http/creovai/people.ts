import { isCustomer } from '../../model/customer.ts';
import { type Fields, invalidField, optionalList, optionalString } from '../json-in.ts';
import { type FieldNames, givenName, optionalId, type Version } from './capture-fields.ts';
import type { CreovaiContact } from './creovai-call.ts';

/** The most participants of one call: each may bring tokens of a phone and of an e-mail, written in one transaction. */
export const contactsMax = 1000;

/** `participant` is how release 2.0.0-pre.0 of the .NET client spelt it. */
const listNames: FieldNames = { v1: 'contacts', v2: 'participants', also: 'participant' };

/** The name under which these fields list their participants; where they list none, that of the version. */
export function peopleName(fields: Fields, version: Version): string {
  return givenName(fields, version, listNames);
}

/**
 * The participants listed under `name`, each made into something by `read`; undefined when the list is absent.
 *
 * Throws `input_invalid` for what is no list of objects, and for more than `contactsMax`.
 */
export function peopleOf<T>(fields: Fields, name: string, read: (person: Fields, place: number) => T): T[] | undefined {
  return optionalList(fields, name, contactsMax, read);
}

/** What all kinds of calls say of a person. Throws `input_invalid` for a value of the wrong type, or too long to find by. */
export function personOf(fields: Fields): Omit<CreovaiContact, 'channel' | 'extra'> {
  return {
    referenceId: optionalString(fields, 'referenceId'),
    firstName: optionalString(fields, 'firstName'),
    lastName: optionalString(fields, 'lastName'),
    phoneNumber: phoneOf(fields),
    email: emailOf(fields),
    type: optionalString(fields, 'type'),
  };
}

/**
 * The longest text that a call is found by, in UTF-16 units. The library that reads phone numbers is slow on anything longer;
 * an e-mail address has up to 64 characters before the `@` and 255 behind it (RFC 5321, section 4.5.3.1).
 */
const lengthsMax = { phone: 64, email: 320 } as const;

/** Throws `input_invalid` for a number or an address that is longer than any; `path` names it in the message. */
export function requireBearable(kind: keyof typeof lengthsMax, value: string, path: string): void {
  const most = lengthsMax[kind];
  if (value.length > most) throw invalidField(path, `must have at most ${most} characters`);
}

function phoneOf(fields: Fields): string | undefined {
  const phone = optionalString(fields, 'phoneNumber');
  if (phone !== undefined) requireBearable('phone', phone, fields.pathOf('phoneNumber'));
  return phone;
}

function emailOf(fields: Fields): string | undefined {
  const email = optionalId(fields, 'email');
  if (email !== undefined) requireBearable('email', email, fields.pathOf('email'));
  return email;
}

/** True for whoever counts as the customer, and so gives a call its phones and e-mails; also where the type is missing. */
export function isExternal({ type }: Pick<CreovaiContact, 'type'>): boolean {
  return isCustomer(type);
}
