import type { Call, CallKind, CallSource, Direction, Identifier } from '../../model/call.ts';

/** A JSON object as a client gave it; personal, so it is only ever stored sealed. */
export type JsonObject = { [name: string]: unknown };

/** A call to archive, as a surface understood it. Times in ms since the Unix epoch. */
export type NewCall = {
  kind: CallKind;
  source: CallSource;
  direction: Direction;
  startedAt: number | null;
  endedAt: number | null;
  durationMs: number | null;
  /** What the call is found by; at most one of kind `session`. */
  identifiers: readonly Identifier[];
  /** What names or describes people: participants, numbers, metadata. */
  details: JsonObject;
  /** What the client needs to recognise the row: session id and the like. Read back by `readCorrelation`. */
  correlation: JsonObject;
  transcript: JsonObject | null;
};

/** What a client says of the audio. Personal like all client text; sealed beside the recording. */
export type RecordingFacts = { contentType: string; format: string | null };

/** The sealed facts of a recording. `sha256` (hex) tells a repeated upload from a different one. */
export type StoredFacts = RecordingFacts & { sha256: string; sizeBytes: number };

/** Same JSON, same text, whatever the order of keys: to compare a repeated upload with what is stored. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** What the row says in clear; a recording may come before anything is known of its call. */
export function skeletonOf(call: NewCall | undefined): Pick<Call, SkeletonField> {
  const { kind, source, direction, startedAt, endedAt, durationMs } = call ?? nothingKnown;
  return { kind, source, direction, startedAt, endedAt, durationMs };
}

type SkeletonField = 'kind' | 'source' | 'direction' | 'startedAt' | 'endedAt' | 'durationMs';
const nothingKnown: Pick<Call, SkeletonField> = {
  kind: 'call',
  source: 'native',
  direction: 'unknown',
  startedAt: null,
  endedAt: null,
  durationMs: null,
};
