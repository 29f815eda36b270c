import { invalidField, lowerAscii, optionalString, readFields } from '../json-in.ts';

/** How a client says that it is, by the number that some send for the word. */
const words = [
  [0, 'Unknown'],
  [1, 'Healthy'],
  [10, 'Warning'],
  [20, 'Error'],
  [30, 'Offline'],
] as const;

/** One of the closed list, spelled as the vendor does: nothing of a client's own. */
export type MonitorStatus = (typeof words)[number][1];

/**
 * The status that a heartbeat reports, from parsed JSON: `{"status", "timeStamp"?, "name"?, "softwareVersion"?}`.
 *
 * Throws `input_invalid` unless the status is a known word, in any case, or its number, and whatever else of these is
 * there a string.
 */
export function parseMonitor(body: unknown): MonitorStatus {
  const fields = readFields(body);
  for (const name of ['timeStamp', 'name', 'softwareVersion']) optionalString(fields, name);
  const value = fields.get('status');
  for (const [number, word] of words) {
    if (value === number || (typeof value === 'string' && lowerAscii(value) === lowerAscii(word))) return word;
  }
  const known = words.map(([number, word]) => `${word} (${number})`).join(', ');
  throw invalidField(fields.pathOf('status'), `is required and must be one of ${known}`);
}
