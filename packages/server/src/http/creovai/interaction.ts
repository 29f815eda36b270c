import type { JsonObject, Turn } from '../../engine/archive/new-call.ts';
import type { ReadCall } from '../../engine/calls/read-call.ts';
import type { Call } from '../../model/call.ts';
import { isJsonObject } from '../json-in.ts';
import { nameOf, type StoredContact, storedContacts } from '../stored-contacts.ts';
import { utcTime } from '../utc-time.ts';
import { isExternal } from './people.ts';

/** The largest number of the client's `int`. */
const intMax = 2 ** 31 - 1;
/** The largest number of the client's `byte`, in which it keeps a participant's place. */
const byteMax = 255;

const directions = { unknown: 'Unknown', inbound: 'Inbound', outbound: 'Outbound', internal: 'Internal' } as const;
const kinds = { call: 'Call', chat: 'Chat', case: 'Case' } as const;

/**
 * What an analysis would fill in, and nobody analyses here. The .NET client throws on a null where its model has a number
 * or a boolean, so that those are 0 and false.
 */
const notAnalysed = {
  language: null,
  country: null,
  tethrUri: null,
  audioDurationMs: 0,
  displayName: null,
  customGroups: [],
  classifications: [],
  textHits: [],
  participantIdentificationConfidence: null,
  hadDiarization: false,
  flowTypeId: null,
  flows: [],
  customTexts: [],
  customStrings: [],
  customLongs: [],
  customDoubles: [],
  customDateTimes: [],
  evaluatedCustomFields: [],
  matchedCustomFields: [],
  internalTalkTimeMs: 0,
  externalTalkTimeMs: 0,
  silenceTimeMs: 0,
  startSilenceTimeMs: 0,
  endSilenceTimeMs: 0,
  silencePercent: 0,
  internalTalkPercent: 0,
  externalTalkPercent: 0,
  transcriptConfidence: null,
  transcriptionAbTestName: null,
} as const;

/**
 * A call as `GET /interactions/v2/{id}` shows it: every key of the client's model, whatever is known. Times are ISO 8601 in
 * UTC. Of what was erased, lists and metadata are empty and texts null.
 */
export function toInteraction(read: ReadCall) {
  const { call, correlation, details, updatedAt } = read;
  const startMs = startOf(call);
  const { metadata } = details ?? {};
  return {
    id: call.id,
    sessionId: textOf(correlation, 'sessionId'),
    masterId: textOf(correlation, 'masterCallId'),
    caseReferenceId: textOf(correlation, 'caseReferenceId'),
    collectionId: textOf(correlation, 'collectionId'),
    utcStart: utcTime(startMs),
    utcEnd: utcTime(startMs + (call.durationMs ?? 0)),
    durationMs: asInt(call.durationMs ?? 0),
    metadata: isJsonObject(metadata) ? metadata : {},
    participants: participantsOf(read),
    numberDialed: textOf(details, 'numberDialed'),
    direction: directions[call.direction],
    interactionType: kinds[call.kind],
    lastUpdatedUtc: utcTime(updatedAt),
    ...notAnalysed,
  };
}

/** The client needs a start: where none was given, the call began no later than it was archived. */
function startOf({ startedAt, createdAt }: Call): number {
  return startedAt ?? createdAt;
}

function participantsOf({ call, details, transcript }: ReadCall) {
  const saidBy = new Map<number, Turn[]>();
  for (const turn of transcript?.turns ?? []) {
    if (turn.participant === null) continue;
    const said = saidBy.get(turn.participant);
    if (said === undefined) saidBy.set(turn.participant, [turn]);
    else said.push(turn);
  }
  return storedContacts(details).map((contact, place) => participantOf(contact, place, call, saidBy.get(place) ?? []));
}

function participantOf(contact: StoredContact, place: number, call: Call, said: readonly Turn[]) {
  return {
    participantId: Math.min(place, byteMax),
    flowParticipantId: 0,
    interactionId: call.id,
    refType: contact.type,
    refId: contact.referenceId,
    contactId: contact.channel,
    phoneNumber: contact.phoneNumber,
    email: contact.email,
    firstName: contact.firstName,
    lastName: contact.lastName,
    displayName: nameOf(contact),
    isInternal: !isExternal({ type: contact.type ?? undefined }),
    segments: [],
    utterances: said.map((turn) => utteranceOf(turn, startOf(call))),
  };
}

/** A spoken turn has its place in the recording, a written one its time; each is worked out from the other. */
function utteranceOf({ text, at, startMs: spokenFrom, endMs: spokenTo }: Turn, callStartMs: number) {
  const startMs = Math.round(spokenFrom ?? Math.max(0, (at ?? callStartMs) - callStartMs));
  const endMs = Math.max(startMs, Math.round(spokenTo ?? startMs));
  const utcStartMs = at ?? callStartMs + startMs;
  const utcEndMs = utcStartMs + endMs - startMs;
  return { startMs, endMs, utcStart: utcTime(utcStartMs), utcEnd: utcTime(utcEndMs), words: [], text };
}

function asInt(ms: number): number {
  return Math.min(intMax, Math.round(ms));
}

function textOf(part: JsonObject | null, name: string): string | null {
  const value = part?.[name];
  return typeof value === 'string' ? value : null;
}
