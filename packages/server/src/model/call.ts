import type { IdentifierKind } from './token-store.ts';

/** Closed lists that rows may hold in clear. */
export type CallKind = 'call' | 'chat' | 'case';
export type CallSource = 'creovai' | 'twin24' | 'native';
export type Direction = 'unknown' | 'inbound' | 'outbound' | 'internal';

/**
 * How far a call has come. An archived call is `complete`, or `excluded` by its client; an upload under way is
 * `uploading`. An `awaited` call is none yet: it stands for an event that came before its call did, and nobody outside is
 * told of it.
 */
export type CallStatus = 'awaited' | 'uploading' | 'complete' | 'excluded';

/** Where a call stands on the telephone: the list of Twin24's wiki, `voice-bots/concepts/call-statuses`. */
export const dialStatuses = [
  'SCHEDULED',
  'DIAL',
  'INPROGRESS',
  'ANSWERED',
  'NOANSWER',
  'BUSY',
  'CANCEL',
  'CONGESTION',
  'CHANUNAVAIL',
  'FAILED',
  'BLACKLIST',
  'INVALID',
  'UNAVAILABLE',
  'EXPIRED',
  'REJECTED',
] as const;
export type DialStatus = (typeof dialStatuses)[number];

const liveStatuses: ReadonlySet<DialStatus | null> = new Set(['SCHEDULED', 'DIAL', 'INPROGRESS'] as const);

/** The skeleton: all that a call's row says in clear. Times in ms since the Unix epoch. */
export type Call = {
  id: string;
  tenantId: string;
  kind: CallKind;
  source: CallSource;
  direction: Direction;
  status: CallStatus;
  startedAt: number | null;
  endedAt: number | null;
  durationMs: number | null;
  /** Null where its platform said nothing: then it is over. */
  dialStatus: DialStatus | null;
  candidateId: string | null;
  taskId: string | null;
  /** The platform's own id of its bot: a UUID, of which nobody can be told. */
  botId: string | null;
  createdAt: number;
  /** When its platform last said more of it; null while it has not. */
  updatedAt: number | null;
  /** When its personal parts were erased; from then on nobody adds to them. */
  depersonalizedAt: number | null;
  /** Not erased by any retention before this; null where nobody asked for that. In ms. */
  retainUntil: number | null;
  /** When its recording was erased, or would have been: one that comes later is refused. */
  recordingErasedAt: number | null;
  /** While uploading: until when the uploader holds the row. Null once archived. */
  uploadUntil: number | null;
  /** Set by an erasure that met the upload under way; its finishing transaction then destroys instead. */
  isUploadDoomed: boolean;
};

/** What a call of a platform that knows of no campaigns has of them. */
export const noCampaign = { dialStatus: null, candidateId: null, taskId: null, botId: null } as const;
/** What has happened to a call that has just come: nothing. */
export const untouched = {
  updatedAt: null,
  depersonalizedAt: null,
  recordingErasedAt: null,
  retainUntil: null,
} as const;

/** True for calls that clients know of: neither on their way nor only awaited. */
export function isArchived(call: Pick<Call, 'status'>): boolean {
  return call.status === 'complete' || call.status === 'excluded';
}

/** True while a call is still to be dialled or is being spoken. What is over stays over. */
export function isLive({ dialStatus }: Pick<Call, 'dialStatus'>): boolean {
  return liveStatuses.has(dialStatus);
}

/** The four artifacts of a call, in the order in which their slots are handed out. */
export const callArtifactKinds = ['recording', 'transcript', 'details', 'correlation'] as const;
export type CallArtifactKind = (typeof callArtifactKinds)[number];

/** What else is sealed under a slot of its own. */
export type SecretKind = 'index-key' | 'tombstone-key' | 'token-signing-key' | 'login-key' | 'hold-reason';
/**
 * The personal part of a user, the settings of a task, the RSA key that signs the tokens of users, the Ed25519 key that signs
 * receipts, and how the subject of an erasure was named.
 */
export type OtherArtifactKind = 'user' | 'task' | 'user-token-key' | 'receipt-key' | 'erasure-subject';
export type ArtifactKind = CallArtifactKind | SecretKind | OtherArtifactKind;

/**
 * One sealed thing with a key of its own. Its row names the slot before anything is sealed under it. Of a candidate there
 * are `details` (numbers, variables) and `correlation`.
 */
export type Artifact = {
  slot: number;
  /** Null for what belongs to the archive itself. */
  tenantId: string | null;
  ownerId: string;
  kind: ArtifactKind;
  /** The sealing itself where it is small; for a recording the sealed facts about it. Null until written. */
  sealed: Uint8Array | null;
  /** Name of the sealed bytes in the blob store; null where there are none. */
  blob: string | null;
  /** Size of the blob in bytes as sealed; null until it is stored. */
  blobBytes: number | null;
};

/**
 * Metadata that came later than its call, sealed under the slot of the call's `details`, so that whatever erases those
 * erases it too.
 */
export type MetadataEvent = {
  /** In the order in which events came. */
  id: string;
  tenantId: string;
  callId: string;
  /** In ms since the Unix epoch. */
  receivedAt: number;
  sealed: Uint8Array;
};

/** An identifier as a client gave it. Personal; never stored as it is. */
export type Identifier = { kind: IdentifierKind; value: string };
