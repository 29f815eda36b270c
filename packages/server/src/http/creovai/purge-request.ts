import { understandPhone } from '../../model/phone.ts';
import { idList, invalidField, lowerAscii, optionalString, readFields } from './json-in.ts';

/** The most ids in one purge (support article 322481). */
export const purgeIdsMax = 100;

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
 * Throws `input_invalid` for anything but `{"phoneNumber": string}`, and for a string in which we find no digit,
 * so that it could match nobody.
 */
export function parsePurgeCustomer(body: unknown): string {
  const phoneNumber = optionalString(readFields(body), 'phoneNumber');
  // No region: it decides how a number is understood, not whether it has digits.
  if (phoneNumber === undefined || understandPhone(phoneNumber, '') === undefined) {
    throw invalidField('phoneNumber', 'is required and must have a digit');
  }
  return phoneNumber;
}

/**
 * Whether a purge is only asked what it would do: the `whatIf` key of its query, in any case.
 *
 * `true` and `false` count in any case; absent and empty mean false. A repeated key and every other value throw
 * `input_invalid`, because the other way to read them destroys data.
 */
export function parseWhatIf(query: Record<string, unknown>): boolean {
  const given = Object.entries(query).filter(([key, value]) => lowerAscii(key) === 'whatif' && value !== undefined);
  if (given.length === 0) {
    return false;
  }
  const value = given[0]?.[1];
  const word = given.length === 1 && typeof value === 'string' ? lowerAscii(value) : undefined;
  if (word === undefined || !['', 'true', 'false'].includes(word)) {
    throw invalidField('whatIf', 'must be true or false, and given once');
  }
  return word === 'true';
}
