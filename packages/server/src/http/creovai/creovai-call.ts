import type { JsonObject, Turn } from '../../engine/archive/new-call.ts';
import type { CallKind, Direction } from '../../model/call.ts';

/** One participant. Strings are exactly as given; `type` (Agent, Customer, ...) is not a closed list. */
export type CreovaiContact = {
  referenceId: string | undefined;
  firstName: string | undefined;
  lastName: string | undefined;
  /** Of a call's audio, counted from 0 or 1 as the client likes. Chats and cases have none. */
  channel: number | undefined;
  phoneNumber: string | undefined;
  email: string | undefined;
  type: string | undefined;
  /** Properties that we do not know, as given. */
  extra: JsonObject;
};

/**
 * A call, chat or case as a client of either version described it, under the names of version 1; all of it personal
 * data. An empty string stays one; only `sessionId` cannot be.
 */
export type CreovaiCall = {
  kind: CallKind;
  /** 1 to `sessionIdLengthMax` UTF-16 units. */
  sessionId: string;
  masterCallId: string | undefined;
  caseReferenceId: string | undefined;
  collectionId: string | undefined;
  direction: Direction;
  /** Since the epoch. */
  startTimeMs: number;
  /** Since the epoch; may lie before the start. */
  endTimeMs: number | undefined;
  contacts: CreovaiContact[];
  numberDialed: string | undefined;
  audio: { format: string | undefined; extra: JsonObject } | undefined;
  /** As given, at most `ownBytesMax` long. */
  metadata: JsonObject | undefined;
  /** The messages of a chat or case, in the order given; undefined for a call, whose words are in its recording. */
  turns: Turn[] | undefined;
  /** Properties that we do not know, as given. */
  extra: JsonObject;
};
