import type { Direction } from '../../model/call.ts';
import { parseDate } from './dates.ts';
import {
  type Fields,
  invalidField,
  isJsonObject,
  isPlainText,
  type JsonObject,
  lowerAscii,
  optionalString,
  readFields,
} from './json-in.ts';

/** The place of a direction is the number that some clients send for it. */
const directions: readonly Direction[] = ['unknown', 'inbound', 'outbound', 'internal'];

/** One participant of a call. Strings are exactly as given; `type` (Agent, Customer, ...) is not a closed list. */
export type CreovaiContact = {
  referenceId: string | undefined;
  firstName: string | undefined;
  lastName: string | undefined;
  /** The audio channel, counted from 0 or 1 as the client likes. */
  channel: number | undefined;
  phoneNumber: string | undefined;
  email: string | undefined;
  type: string | undefined;
  /** Properties that we do not know, as given. */
  extra: JsonObject;
};

/** The `info` of an archived call, all of it personal data. An empty string stays one; only `sessionId` cannot be. */
export type CreovaiCall = {
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
  /** As given, at most `depthMax` deep. */
  metadata: JsonObject | undefined;
  /** Properties that we do not know, as given. */
  extra: JsonObject;
};

export const sessionIdLengthMax = 512;

/** How deep a value that we keep without knowing it may be nested; the value itself is the first level. */
export const depthMax = 64;

/**
 * Parses the `info` object of `POST /callCapture/v1/archive` from parsed JSON.
 *
 * Names and enum words are taken in any case, explicit nulls as absent. What we do not know is kept in `extra`. Throws
 * `input_invalid` with a message that names the field and never its value.
 */
export function parseArchiveInfo(info: unknown): CreovaiCall {
  const fields = readFields(info, 'info');
  return {
    sessionId: sessionIdOf(fields),
    masterCallId: optionalId(fields, 'masterCallId'),
    caseReferenceId: optionalId(fields, 'caseReferenceId'),
    collectionId: optionalId(fields, 'collectionId'),
    direction: directionOf(fields),
    startTimeMs: startTimeMsOf(fields),
    endTimeMs: optionalTimeMs(fields, 'endTime'),
    contacts: contactsOf(fields),
    numberDialed: optionalString(fields, 'numberDialed'),
    audio: audioOf(fields),
    metadata: metadataOf(fields),
    // Last, because it holds what nobody above has asked for.
    extra: extraOf(fields),
  };
}

function sessionIdOf(fields: Fields): string {
  const sessionId = optionalId(fields, 'sessionId');
  if (sessionId === undefined || sessionId === '' || sessionId.length > sessionIdLengthMax) {
    throw invalidField(fields.pathOf('sessionId'), `is required and must have 1 to ${sessionIdLengthMax} characters`);
  }
  return sessionId;
}

/** A string that a call is found by, so no two of them may become one when they are encoded. */
function optionalId(fields: Fields, name: string): string | undefined {
  const id = optionalString(fields, name);
  if (id !== undefined && !isPlainText(id)) {
    throw invalidField(fields.pathOf(name), 'must not hold NUL or lone surrogates');
  }
  return id;
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

function startTimeMsOf(fields: Fields): number {
  const startTimeMs = optionalTimeMs(fields, 'startTime');
  if (startTimeMs === undefined) {
    throw invalidField(fields.pathOf('startTime'), 'is required');
  }
  return startTimeMs;
}

function optionalTimeMs(fields: Fields, name: string): number | undefined {
  const text = optionalString(fields, name);
  const timeMs = text === undefined ? undefined : parseDate(text);
  if (text !== undefined && timeMs === undefined) {
    throw invalidField(fields.pathOf(name), 'must be an ISO 8601 date and time');
  }
  return timeMs;
}

function contactsOf(fields: Fields): CreovaiContact[] {
  const value = fields.get('contacts');
  const path = fields.pathOf('contacts');
  if (!Array.isArray(value)) {
    throw invalidField(path, 'is required and must be an array');
  }
  // Array.from, because unlike map it does not pass over holes.
  return Array.from<unknown, CreovaiContact>(value, (contact, index) => contactOf(contact, `${path}[${index}]`));
}

function contactOf(value: unknown, path: string): CreovaiContact {
  const fields = readFields(value, path);
  return {
    referenceId: optionalString(fields, 'referenceId'),
    firstName: optionalString(fields, 'firstName'),
    lastName: optionalString(fields, 'lastName'),
    channel: channelOf(fields),
    phoneNumber: optionalString(fields, 'phoneNumber'),
    email: optionalId(fields, 'email'),
    type: optionalString(fields, 'type'),
    extra: extraOf(fields),
  };
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

function audioOf(fields: Fields): CreovaiCall['audio'] {
  const value = fields.get('audio');
  if (value === undefined) {
    return undefined;
  }
  const audio = readFields(value, fields.pathOf('audio'));
  return { format: optionalString(audio, 'format'), extra: extraOf(audio) };
}

function metadataOf(fields: Fields): JsonObject | undefined {
  const value = fields.get('metadata');
  const path = fields.pathOf('metadata');
  if (value === undefined) {
    return undefined;
  }
  if (!isJsonObject(value)) {
    throw invalidField(path, 'must be a JSON object');
  }
  requireShallow(value, path);
  return value;
}

function extraOf(fields: Fields): JsonObject {
  const extra = fields.rest();
  for (const value of Object.values(extra)) {
    requireShallow(value, `A property of ${fields.path} that is not known`);
  }
  return extra;
}

/**
 * Refuses a value nested deeper than `depthMax`: JSON.parse takes any depth, but whoever walks the value by recursion,
 * JSON.stringify first of all, would run out of stack.
 */
function requireShallow(value: unknown, path: string): void {
  // A stack of our own, and depth first: recursion would have the very weakness that this looks for.
  const open: { value: unknown; depth: number }[] = [{ value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== 'object' || next.value === null) {
      continue;
    }
    if (next.depth > depthMax) {
      throw invalidField(path, `must not be nested deeper than ${depthMax} levels`);
    }
    for (const inner of Object.values(next.value)) {
      open.push({ value: inner, depth: next.depth + 1 });
    }
  }
}
