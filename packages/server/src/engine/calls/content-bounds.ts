import { AppError } from '../../model/errors.ts';

const kib = 1024;

/** The most that is sealed of a call in one artifact, in bytes of its JSON; and what clients know it by. */
const bounds = {
  details: { bytesMax: 4 * kib * kib, what: 'Participants, variables, results, metadata and the like' },
  correlation: { bytesMax: 256 * kib, what: 'The callbackData and what else a call is recognised by' },
  transcript: { bytesMax: 16 * kib * kib, what: 'The transcript' },
} as const;

/** What is sealed of a call as one JSON value that a platform gives. */
export type BoundedKind = keyof typeof bounds;

/**
 * Throws `input_invalid` for content that is too large to be sealed: whoever reads calls opens many of them. Of what was there
 * before there were bounds, or came from a candidate, a change may leave as much as there is.
 */
export function refuseOversized(kind: BoundedKind, content: unknown, before?: unknown): void {
  const { bytesMax, what } = bounds[kind];
  const bytes = jsonBytes(content);
  if (bytes <= bytesMax || (before !== undefined && bytes <= jsonBytes(before))) return;
  const most = bytesMax < kib * kib ? `${bytesMax / kib} KiB` : `${bytesMax / kib / kib} MiB`;
  const message = `${what} must be at most ${most} of JSON together (the ${kind} of the call)`;
  throw new AppError('input_invalid', { message });
}

function jsonBytes(value: unknown): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}
