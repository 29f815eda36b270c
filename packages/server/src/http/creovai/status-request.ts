import { idList, readFields } from './json-in.ts';

/** The most session ids in one request. The vendor states no number; its clients send what they have. */
export const statusIdsMax = 1000;

/**
 * The session ids of `POST /callCapture/v1/status` and `/status/exclude`, in order, repeats included.
 *
 * `body` is parsed JSON. Throws `input_invalid` for anything but `{"callSessionIds": [string, ...]}` with at most
 * `statusIdsMax` ids.
 */
export function parseStatusSessionIds(body: unknown): string[] {
  return idList(readFields(body), 'callSessionIds', statusIdsMax);
}
