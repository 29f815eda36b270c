import type { Turn } from '../../engine/archive/new-call.ts';
import { type Fields, invalidField, optionalList, readFields } from '../json-in.ts';
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
import { messagesMax, requireFewMessages, turnOf } from './capture-messages.ts';
import type { CreovaiCall, CreovaiContact } from './creovai-call.ts';
import { peopleName, peopleOf, personOf } from './people.ts';

/**
 * Parses the body of `POST /chatCapture/v1` and `POST /capture/v2/chat` from parsed JSON. The same chat gives the same
 * result in the words of either.
 *
 * Messages come person by person and are kept so, as turns; their times say how they were mixed. Otherwise as
 * `parseArchiveInfo`.
 */
export function parseChat(body: unknown, version: Version): CreovaiCall {
  const fields = readFields(body);
  const people = peopleIn(fields, version);
  return {
    kind: 'chat',
    sessionId: requiredSessionId(fields, 'sessionId'),
    masterCallId: optionalId(fields, givenName(fields, version, { v1: 'masterCallId', v2: 'masterId' })),
    caseReferenceId: optionalId(fields, 'caseReferenceId'),
    collectionId: optionalId(fields, 'collectionId'),
    direction: 'unknown',
    startTimeMs: requiredTimeMs(fields, 'utcStart'),
    endTimeMs: optionalTimeMs(fields, 'utcEnd'),
    contacts: people.map(({ contact }) => contact),
    numberDialed: undefined,
    audio: undefined,
    metadata: metadataOf(fields),
    turns: people.flatMap(({ turns }) => turns),
    // Last, because it holds what nobody above has asked for.
    extra: extraOf(fields),
  };
}

type Person = { contact: CreovaiContact; turns: Turn[] };

function peopleIn(fields: Fields, version: Version): Person[] {
  let count = 0;
  const read = (person: Fields, place: number): Person => {
    const turns = optionalList(person, 'messages', messagesMax, (message) => messageOf(message, place)) ?? [];
    count += turns.length;
    requireFewMessages(count);
    return { turns, contact: { ...personOf(person), channel: undefined, extra: extraOf(person) } };
  };
  return peopleOf(fields, peopleName(fields, version), read) ?? [];
}

/** An empty list of events says no more than none: some clients write one where others leave it out. */
function messageOf(fields: Fields, participant: number): Turn {
  const given = fields.get('customEvents');
  if (given !== undefined && !Array.isArray(given)) {
    throw invalidField(fields.pathOf('customEvents'), 'must be an array');
  }
  return turnOf(fields, participant, { customEvents: given?.length === 0 ? undefined : given });
}
