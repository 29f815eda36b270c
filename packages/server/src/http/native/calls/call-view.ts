import { Type } from 'typebox';
import type { JsonObject } from '../../../engine/archive/new-call.ts';
import type { ReadCall } from '../../../engine/calls/read-call.ts';
import { isJsonObject } from '../../json-in.ts';
import { nameOf, storedContacts } from '../../stored-contacts.ts';
import { strict, Time, timeOut } from '../shapes.ts';
import { callRow, callRowFields } from './call-row.ts';

const TextOrNull = Type.Union([Type.String(), Type.Null()]);
const NumberOrNull = Type.Union([Type.Number(), Type.Null()]);
const MapOrNull = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]);

const ParticipantShape = Type.Object(
  { role: TextOrNull, phone: TextOrNull, email: TextOrNull, name: TextOrNull },
  strict,
);

/** A call with what may be seen of it. */
export const CallView = Type.Object(
  {
    ...callRowFields,
    updatedAt: Type.Unsafe<string>({
      ...Time,
      description: 'When anybody last said more of it, or when it was archived',
    }),
    hasRecording: Type.Boolean(),
    hasTranscript: Type.Boolean(),
    sessionId: TextOrNull,
    externalId: TextOrNull,
    masterCallId: TextOrNull,
    caseReferenceId: TextOrNull,
    collectionId: TextOrNull,
    callbackData: Type.Unknown(),
    ownNumber: TextOrNull,
    shortNumber: TextOrNull,
    taskName: TextOrNull,
    botName: TextOrNull,
    responder: TextOrNull,
    transferredToOperator: Type.Union([Type.Boolean(), Type.Null()]),
    price: NumberOrNull,
    regionId: NumberOrNull,
    timezone: NumberOrNull,
    participants: Type.Union([Type.Array(ParticipantShape), Type.Null()], { description: 'Null once they are erased' }),
    numberDialed: TextOrNull,
    variables: MapOrNull,
    results: Type.Unknown(),
    dialogResult: Type.Unknown(),
    nps: NumberOrNull,
    redirect: MapOrNull,
    logLink: TextOrNull,
    metadata: MapOrNull,
  },
  { ...strict, title: 'Call' },
);

/** A call as `CallView` says it. What was never said, and what is erased or being erased, is null. */
export function callView(read: ReadCall) {
  const { call, correlation, details } = read;
  return {
    ...callRow(call),
    updatedAt: timeOut(read.updatedAt),
    hasRecording: read.recording !== null,
    hasTranscript: read.transcript !== null,
    ...recognised(correlation),
    ...described(details),
  };
}

/** Of `correlation`, which a depersonalization keeps. */
function recognised(correlation: JsonObject | null) {
  const { callbackData = null, transferredToOperator } = correlation ?? {};
  return {
    sessionId: textOf(correlation, 'sessionId'),
    externalId: textOf(correlation, 'externalId'),
    masterCallId: textOf(correlation, 'masterCallId'),
    caseReferenceId: textOf(correlation, 'caseReferenceId'),
    collectionId: textOf(correlation, 'collectionId'),
    callbackData,
    ownNumber: textOf(correlation, 'ownNumber'),
    shortNumber: textOf(correlation, 'shortNumber'),
    taskName: textOf(correlation, 'taskName'),
    botName: textOf(correlation, 'botName'),
    responder: textOf(correlation, 'responder'),
    transferredToOperator: typeof transferredToOperator === 'boolean' ? transferredToOperator : null,
    price: numberOf(correlation, 'price'),
    regionId: numberOf(correlation, 'regionId'),
    timezone: numberOf(correlation, 'timezone'),
  };
}

/** Of `details`, which a depersonalization erases. */
function described(details: JsonObject | null) {
  const { results = null, dialogResult = null } = details ?? {};
  const people = storedContacts(details).map((contact) => ({
    role: contact.type,
    phone: contact.phoneNumber,
    email: contact.email,
    name: nameOf(contact),
  }));
  return {
    participants: details === null ? null : people,
    numberDialed: textOf(details, 'numberDialed'),
    variables: mapOf(details, 'variables'),
    results,
    dialogResult,
    nps: numberOf(details, 'nps'),
    redirect: mapOf(details, 'redirect'),
    logLink: textOf(details, 'logLink'),
    metadata: mapOf(details, 'metadata'),
  };
}

function textOf(part: JsonObject | null, name: string): string | null {
  const value = part?.[name];
  return typeof value === 'string' ? value : null;
}

function numberOf(part: JsonObject | null, name: string): number | null {
  const value = part?.[name];
  return typeof value === 'number' ? value : null;
}

function mapOf(part: JsonObject | null, name: string): JsonObject | null {
  const value = part?.[name];
  return isJsonObject(value) ? value : null;
}
