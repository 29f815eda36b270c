import { idList, invalidField, isPlainText, readFields } from '../json-in.ts';
import { restOfPath } from './rest-of-path.ts';

/** The most session ids in one request. The vendor states no number; its clients send what they have. */
export const statusIdsMax = 1000;

/**
 * The session ids of a request to either version's `status` and `status/exclude`, in order, repeats included.
 *
 * `body` is parsed JSON; `name` is what the version calls the list. Throws `input_invalid` for anything but an object
 * with a list of at most `statusIdsMax` strings under that name.
 */
export function parseSessionIds(body: unknown, name: 'callSessionIds' | 'sessionIds'): string[] {
  return idList(readFields(body), name, statusIdsMax);
}

/**
 * The session id at the end of a path, from the raw request target. `prefix` is the route without its `/*`.
 *
 * Throws `input_invalid` for an id that cannot be looked for: one with a NUL.
 */
export function parseSessionIdInPath(target: string, prefix: string): string {
  const sessionId = restOfPath(target, prefix);
  if (!isPlainText(sessionId)) throw invalidField('The session id', 'must not hold NUL or lone surrogates');
  return sessionId;
}
