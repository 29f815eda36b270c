import {
  type Call,
  type CallKind,
  type CallSource,
  type DialStatus,
  type Direction,
  type Identifier,
  noCampaign,
} from '../../model/call.ts';

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
  dialStatus: DialStatus | null;
  /** Of the caller's tenant. */
  candidateId: string | null;
  taskId: string | null;
  botId: string | null;
  /** Not erased by any retention before this; absent, or null, where nobody asks for that. */
  retainUntil?: number | null;
  /** What the call is found by; at most one of kind `session`. */
  identifiers: readonly Identifier[];
  /** True where its external id is that of its candidate, who carries it himself and shares it with all his calls. */
  isExternalIdInherited?: boolean;
  /** What names or describes people: participants, numbers, metadata. */
  details: JsonObject;
  /** What the client needs to recognise the row: session id and the like. Read back by `readCorrelation`. */
  correlation: JsonObject;
  transcript: Transcript | null;
  /** What the client says of the audio's format, in its own words; null where it says nothing or there is none. */
  audioFormat: string | null;
};

/** What was said or written, in the order in which the client gave it. Every surface stores this form. */
export type Transcript = { turns: readonly Turn[] };

export type Turn = {
  text: string;
  /** Who: the place of a participant in `details.contacts` or `details.participants`, from 0; null where unknown. */
  participant: number | null;
  /** Who, where the client gave a role in place of a participant. */
  role: string | null;
  /** When, in ms since the Unix epoch. */
  at: number | null;
  /** When, in ms since the start of the recording. */
  startMs: number | null;
  endMs: number | null;
  /** What else the client said of it, as given. */
  extra: JsonObject;
};

/** What a client says of the audio. Personal like all client text; sealed beside the recording. */
export type RecordingFacts = { contentType: string };

/** The sealed facts of a recording. `sha256` (hex) tells a repeated upload from a different one. */
export type StoredFacts = RecordingFacts & { format: string | null; sha256: string; sizeBytes: number };

/** Same JSON, same text, whatever the order of keys: to compare a repeated upload with what is stored. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** What the row says in clear; a recording may come before anything is known of its call. */
export function skeletonOf(
  call: (Pick<Call, Exclude<SkeletonField, 'retainUntil'>> & { retainUntil?: number | null }) | undefined,
): Pick<Call, SkeletonField> {
  const { kind, source, direction, startedAt, endedAt, durationMs } = call ?? nothingKnown;
  const { dialStatus, candidateId, taskId, botId, retainUntil = null } = call ?? nothingKnown;
  const campaign = { dialStatus, candidateId, taskId, botId };
  return { kind, source, direction, startedAt, endedAt, durationMs, ...campaign, retainUntil };
}

type SkeletonField =
  | 'kind'
  | 'source'
  | 'direction'
  | 'startedAt'
  | 'endedAt'
  | 'durationMs'
  | 'dialStatus'
  | 'candidateId'
  | 'taskId'
  | 'botId'
  | 'retainUntil';
const nothingKnown: Pick<Call, SkeletonField> = {
  kind: 'call',
  source: 'native',
  direction: 'unknown',
  startedAt: null,
  endedAt: null,
  durationMs: null,
  ...noCampaign,
  retainUntil: null,
};
