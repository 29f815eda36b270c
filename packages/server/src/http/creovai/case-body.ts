import type { Turn } from '../../engine/archive/new-call.ts';
import { type Fields, optionalList, optionalString, readFields } from '../json-in.ts';
import {
  extraOf,
  givenName,
  metadataOf,
  optionalId,
  optionalTimeMs,
  requiredSessionId,
  requiredTimeMs,
  type Version,
} from './capture-fields.ts';
import { messagesMax, turnOf } from './capture-messages.ts';
import type { CreovaiCall, CreovaiContact } from './creovai-call.ts';
import { peopleName, peopleOf, personOf } from './people.ts';

/**
 * Parses the body of `POST /caseCapture/v1` and `POST /capture/v2/case` from parsed JSON. The same case gives the same
 * result in the words of either.
 *
 * The id that a case comes under (`referenceId`, in version 2 `sessionId`) is its session id, and also the
 * case reference id by which other calls name it, unless it has one of its own. Otherwise as `parseArchiveInfo`.
 */
export function parseCase(body: unknown, version: Version): CreovaiCall {
  const fields = readFields(body);
  const sessionName = givenName(fields, version, { v1: 'referenceId', v2: 'sessionId' });
  const sessionId = requiredSessionId(fields, sessionName);
  const contacts = peopleOf(fields, peopleName(fields, version), contactOf) ?? [];
  return {
    kind: 'case',
    sessionId,
    masterCallId: optionalId(
      fields,
      givenName(fields, version, { v1: 'masterId', v2: 'masterId', also: 'masterCallId' }),
    ),
    // An empty one names no case.
    caseReferenceId: optionalId(fields, 'caseReferenceId') || sessionId,
    collectionId: optionalId(fields, 'collectionId'),
    direction: 'unknown',
    startTimeMs: requiredTimeMs(fields, 'utcStart'),
    endTimeMs: optionalTimeMs(fields, 'utcEnd'),
    contacts,
    numberDialed: undefined,
    audio: undefined,
    metadata: metadataOf(fields),
    turns: turnsOf(fields, contacts),
    // Last, because it holds what nobody above has asked for.
    extra: extraOf(fields),
  };
}

/**
 * True for a body that is a case, whichever route it came to: it has what only cases have, and not what every chat must have.
 *
 * Release 2.0.0-pre.0 of the vendor's .NET client sends its cases to the route of chats, in the words of version 1.
 */
export function isCase(body: unknown): boolean {
  const fields = readFields(body);
  const has = (name: string) => fields.get(name) !== undefined;
  return !has('sessionId') && (has('referenceId') || has('messages'));
}

function contactOf(fields: Fields): CreovaiContact {
  return { ...personOf(fields), channel: undefined, extra: extraOf(fields) };
}

/** Who wrote a message is the first contact with the reference id that the message names. */
function turnsOf(fields: Fields, contacts: readonly CreovaiContact[]): Turn[] {
  const places = new Map<string, number>();
  for (const [place, { referenceId }] of contacts.entries()) {
    if (referenceId !== undefined && !places.has(referenceId)) places.set(referenceId, place);
  }
  const read = (message: Fields): Turn => {
    const senderReferenceId = optionalString(message, 'senderReferenceId');
    const participant = senderReferenceId === undefined ? undefined : places.get(senderReferenceId);
    return turnOf(message, participant ?? null, { senderReferenceId, channel: message.get('channel') });
  };
  return optionalList(fields, 'messages', messagesMax, read) ?? [];
}
