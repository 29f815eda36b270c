import type { Direction } from '../../model/call.ts';
import { type Fields, invalidField, lowerAscii, optionalString, readFields } from '../json-in.ts';
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
import type { CreovaiCall, CreovaiContact } from './creovai-call.ts';
import { peopleName, peopleOf, personOf } from './people.ts';

/** The place of a direction is the number that some clients send for it. */
const directions: readonly Direction[] = ['unknown', 'inbound', 'outbound', 'internal'];

/**
 * Parses the `info` object of `POST /callCapture/v1/archive` and `POST /capture/v2/call` from parsed JSON. The same call
 * gives the same result in the words of either.
 *
 * Names and enum words are taken in any case, explicit nulls as absent. What we do not know is kept in `extra`. Throws
 * `input_invalid` with a message that names the field, as the version does, and never its value.
 */
export function parseArchiveInfo(info: unknown, version: Version): CreovaiCall {
  const fields = readFields(info, 'info');
  const named = (v1: string, v2: string) => givenName(fields, version, { v1, v2 });
  return {
    kind: 'call',
    sessionId: requiredSessionId(fields, 'sessionId'),
    masterCallId: optionalId(fields, named('masterCallId', 'masterId')),
    caseReferenceId: optionalId(fields, 'caseReferenceId'),
    collectionId: optionalId(fields, 'collectionId'),
    direction: directionOf(fields),
    startTimeMs: requiredTimeMs(fields, named('startTime', 'utcStart')),
    endTimeMs: optionalTimeMs(fields, named('endTime', 'utcEnd')),
    contacts: contactsOf(fields, version),
    numberDialed: optionalString(fields, 'numberDialed'),
    audio: audioOf(fields),
    metadata: metadataOf(fields),
    turns: undefined,
    // Last, because it holds what nobody above has asked for.
    extra: extraOf(fields),
  };
}

function directionOf(fields: Fields): Direction {
  const value = fields.get('direction') ?? 'unknown';
  const direction = directions.find(
    (name, number) => value === number || (typeof value === 'string' && lowerAscii(value) === name),
  );
  if (direction === undefined) {
    throw invalidField(fields.pathOf('direction'), 'must be Unknown, Inbound, Outbound or Internal, or 0 to 3');
  }
  return direction;
}

/** Version 1 requires its list, an empty one if need be; version 2 does not. */
function contactsOf(fields: Fields, version: Version): CreovaiContact[] {
  const name = peopleName(fields, version);
  const contacts = peopleOf(fields, name, contactOf);
  if (contacts === undefined && version === 'v1') {
    throw invalidField(fields.pathOf(name), 'is required and must be an array');
  }
  return contacts ?? [];
}

function contactOf(fields: Fields): CreovaiContact {
  return { ...personOf(fields), channel: channelOf(fields), extra: extraOf(fields) };
}

function channelOf(fields: Fields): number | undefined {
  const value = fields.get('channel');
  if (value === undefined) {
    return undefined;
  }
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw invalidField(fields.pathOf('channel'), 'must be a whole number, 0 or more');
  }
  return value;
}

/** An empty object says no more than none: some clients write one where others leave it out. */
function audioOf(fields: Fields): CreovaiCall['audio'] {
  const value = fields.get('audio');
  if (value === undefined) {
    return undefined;
  }
  const audio = readFields(value, fields.pathOf('audio'));
  const format = optionalString(audio, 'format');
  const extra = extraOf(audio);
  return format === undefined && Object.keys(extra).length === 0 ? undefined : { format, extra };
}
