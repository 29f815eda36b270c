import { type FieldNames, type Generation, givenName, optionalId } from './capture-fields.ts';
import type { CreovaiContact } from './creovai-call.ts';
import { type Fields, lowerAscii, optionalList, optionalString } from './json-in.ts';

/** The most participants of one call: each may bring tokens of a phone and of an e-mail, written in one transaction. */
export const contactsMax = 1000;

/** `participant` is how release 2.0.0-pre.0 of the .NET client spelt it. */
const listNames: FieldNames = { v1: 'contacts', v2: 'participants', also: 'participant' };

/** Participants who work for the tenant, or are machines. Everybody else counts as the customer. */
const internalTypes: ReadonlySet<string> = new Set(['agent', 'ivr', 'system', 'bot']);

/** The name under which these fields list their participants; where they list none, that of the generation. */
export function peopleName(fields: Fields, generation: Generation): string {
  return givenName(fields, generation, listNames);
}

/**
 * The participants listed under `name`, each made into something by `read`; undefined when the list is absent.
 *
 * Throws `input_invalid` for what is no list of objects, and for more than `contactsMax`.
 */
export function peopleOf<T>(fields: Fields, name: string, read: (person: Fields, place: number) => T): T[] | undefined {
  return optionalList(fields, name, contactsMax, read);
}

/** What all kinds of calls say of a person. Throws `input_invalid` for a value of the wrong type. */
export function personOf(fields: Fields): Omit<CreovaiContact, 'channel' | 'extra'> {
  return {
    referenceId: optionalString(fields, 'referenceId'),
    firstName: optionalString(fields, 'firstName'),
    lastName: optionalString(fields, 'lastName'),
    phoneNumber: optionalString(fields, 'phoneNumber'),
    email: optionalId(fields, 'email'),
    type: optionalString(fields, 'type'),
  };
}

/** True for whoever counts as the customer, and so gives a call its phones and e-mails; also where the type is missing. */
export function isExternal({ type }: Pick<CreovaiContact, 'type'>): boolean {
  return !internalTypes.has(lowerAscii(type ?? '').trim());
}
