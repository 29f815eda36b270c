import type { PurgeSubject } from '../../engine/erasure/purge-subject.ts';
import { emailValue, understandPhone } from '../../model/phone.ts';
import { type Fields, idList, invalidField, lowerAscii, optionalString, readFields } from '../json-in.ts';
import { requireBearable } from './people.ts';

/** The most ids in one purge (support article 322481), and in each list that names a customer. */
export const purgeIdsMax = 100;

/** What a client asks to be purged. */
export type PurgeRequest = {
  subject: PurgeSubject;
  /** Leaves interactions alone that are still on their way into the archive. */
  refuseIncomplete: boolean;
};

/**
 * The ids of `POST /purge/v1/calls` and `/purge/v1/calls/sessions`, in order, repeats and empty strings included.
 *
 * `body` is parsed JSON. Throws `input_invalid` for anything but `{"ids": [string, ...]}` with at most `purgeIdsMax`
 * ids: such a request purges nothing.
 */
export function parsePurgeIds(body: unknown): string[] {
  return idList(readFields(body), 'ids', purgeIdsMax);
}

/**
 * The number of `POST /purge/v1/calls/customer`, exactly as given.
 *
 * Throws `input_invalid` for anything but `{"phoneNumber": string}`, and for a string that could match nobody: in which we
 * find no digit, or that is longer than any number.
 */
export function parsePurgeCustomer(body: unknown): string {
  const phoneNumber = optionalString(readFields(body), 'phoneNumber');
  if (phoneNumber !== undefined) requireBearable('phone', phoneNumber, 'phoneNumber');
  if (phoneNumber === undefined || !hasDigit(phoneNumber)) {
    throw invalidField('phoneNumber', 'is required and must have a digit');
  }
  return phoneNumber;
}

/**
 * A request to `POST /interactions/v2/purge` or `/interactions/v2/purge/sessions`: the ids as in version 1, and
 * `allowIncompleteInteraction`, false where it is absent.
 *
 * Throws `input_invalid` for anything else: such a request purges nothing.
 */
export function parseInteractionPurge(body: unknown, by: 'calls' | 'sessions'): PurgeRequest {
  const fields = readFields(body);
  return { subject: { by, ids: idList(fields, 'ids', purgeIdsMax) }, refuseIncomplete: refusesIncomplete(fields) };
}

/**
 * A request to `POST /interactions/v2/purge/customer`: `{"phoneNumbers"?, "emails"?, "allowIncompleteInteraction"?}`, or
 * `{"ids", "allowIncompleteInteraction"?}` as 2.0.0-pre.0 of the vendor's .NET client sends it, where what has an `@` is an
 * e-mail and everything else a number. Numbers and e-mails come back exactly as given.
 *
 * Throws `input_invalid` for anything else, for both forms at once, for a request that names nobody, and for an entry that
 * could match nobody: a number without a digit, a blank e-mail, either longer than any. Such a request purges nothing.
 */
export function parseCustomerPurge(body: unknown): PurgeRequest {
  const fields = readFields(body);
  const ids = optionalIds(fields, 'ids');
  const phones = optionalIds(fields, 'phoneNumbers');
  const emails = optionalIds(fields, 'emails');
  if (ids !== undefined && (phones ?? emails) !== undefined) {
    throw invalidField('ids', 'must not be given together with phoneNumbers or emails');
  }
  const named = [
    ...(ids ?? []).map((value, i) => entryOf(value.includes('@') ? 'email' : 'phone', value, `ids[${i}]`)),
    ...(phones ?? []).map((value, i) => entryOf('phone', value, `phoneNumbers[${i}]`)),
    ...(emails ?? []).map((value, i) => entryOf('email', value, `emails[${i}]`)),
  ];
  if (named.length === 0) throw invalidField('phoneNumbers or emails', 'must name somebody');
  const valuesOf = (kind: Entry['kind']) => named.flatMap((one) => (one.kind === kind ? [one.value] : []));
  const subject = { by: 'customer', phones: valuesOf('phone'), emails: valuesOf('email') } as const;
  return { subject, refuseIncomplete: refusesIncomplete(fields) };
}

type Entry = { kind: 'phone' | 'email'; value: string };

function entryOf(kind: Entry['kind'], value: string, path: string): Entry {
  requireBearable(kind, value, path);
  if (kind === 'phone' && !hasDigit(value)) throw invalidField(path, 'must have a digit');
  if (kind === 'email' && emailValue(value) === undefined) throw invalidField(path, 'must not be blank');
  return { kind, value };
}

/** Undefined when absent. */
function optionalIds(fields: Fields, name: string): string[] | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalidField(fields.pathOf(name), 'must be an array');
  return idList(fields, name, purgeIdsMax);
}

function refusesIncomplete(fields: Fields): boolean {
  const name = 'allowIncompleteInteraction';
  const allows = fields.get(name) ?? false;
  if (typeof allows !== 'boolean') throw invalidField(fields.pathOf(name), 'must be true or false');
  return !allows;
}

function hasDigit(phone: string): boolean {
  // No region: it decides how a number is understood, not whether it has digits.
  return understandPhone(phone, '') !== undefined;
}

/**
 * Whether a purge is only asked what it would do: the `whatIf` key of its query, in any case.
 *
 * `true` and `false` count in any case, an absent key is false. A key without a value, a repeated one and every other value
 * throw `input_invalid`: whoever writes the key at all does not mean to destroy data by it.
 */
export function parseWhatIf(query: Record<string, unknown>): boolean {
  const given = Object.entries(query).filter(([key, value]) => lowerAscii(key) === 'whatif' && value !== undefined);
  if (given.length === 0) {
    return false;
  }
  const value = given[0]?.[1];
  const word = given.length === 1 && typeof value === 'string' ? lowerAscii(value) : undefined;
  if (word !== 'true' && word !== 'false') {
    throw invalidField('whatIf', 'must be true or false, and given once');
  }
  return word === 'true';
}
