import type { JsonObject, Transcript } from '../../engine/archive/new-call.ts';
import type { PlatformCorrelation, PlatformDetails } from '../../engine/archive/platform-call.ts';
import type { PlatformCall } from '../../engine/archive/platform-new-call.ts';
import { refuseOversized } from '../../engine/calls/content-bounds.ts';
import { parseIsoTime } from '../iso-time.ts';
import { invalidField, isJsonObject, isPlainText } from '../json-in.ts';
import { CallBody, listFields, mapFields, type SaidAnyTime } from './call-schema.ts';
import { shapeOf } from './shape.ts';

/** The longest description, in bytes: ten thousand turns of a page each. */
export const callBytesMax = 16 * 1024 * 1024;
/** The most values of one: all of its turns and participants may be there with every field. */
export const callValuesMax = 200_000;

const readShape = shapeOf(CallBody);
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Reads the description of a call from parsed JSON. Names are matched exactly, a null is an absent field.
 *
 * Throws `input_invalid` with a message that says what is wrong where, and never repeats a value: for an unknown field, a
 * wrong type, a time that is none, an id that is none, an end before the start, and for more than may be sealed of a call.
 */
export function readCallBody(value: unknown): PlatformCall {
  const body = readShape(plainer(value), 'The call');
  const startedAt = timeOf('startedAt', body.startedAt);
  const endedAt = endOf(body, startedAt);
  const parts = {
    details: detailsOf(body),
    correlation: correlationOf(body),
    transcript: transcriptOf(body.transcript),
  };
  for (const kind of ['details', 'correlation', 'transcript'] as const) refuseOversized(kind, parts[kind]);
  return {
    kind: body.kind ?? 'call',
    direction: body.direction ?? 'unknown',
    dialStatus: body.status ?? null,
    startedAt,
    endedAt,
    durationMs: body.durationMs ?? (endedAt === null ? null : endedAt - startedAt),
    candidateId: body.candidateId ?? null,
    taskId: body.taskId ?? null,
    botId: botIdOf(body.botId),
    ...(body.retainUntil !== undefined && { retainUntil: timeOf('retainUntil', body.retainUntil) }),
    ...parts,
  };
}

/** The same JSON without what says nothing: nulls among the fields of the call, and the empty array for an empty map. */
export function plainer(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const fields = withoutNulls(value);
  for (const name of mapFields) {
    const field = fields[name];
    if (Array.isArray(field) && field.length === 0) fields[name] = {};
  }
  for (const name of listFields) {
    const field = fields[name];
    if (Array.isArray(field)) fields[name] = field.map((entry) => (isJsonObject(entry) ? withoutNulls(entry) : entry));
  }
  return fields;
}

function withoutNulls(object: JsonObject): JsonObject {
  // Object.fromEntries defines properties, so even a `__proto__` among them becomes an ordinary one.
  return Object.fromEntries(Object.entries(object).filter(([, field]) => field !== null));
}

/** A time in ms since the Unix epoch. Throws `input_invalid`, naming the field, for text that is none. */
export function timeOf(name: string, text: string): number {
  const atMs = parseIsoTime(text);
  if (atMs === undefined) {
    throw invalidField(name, 'must be an ISO 8601 date and time with Z or an offset, such as 2026-01-02T03:04:05Z');
  }
  return atMs;
}

function endOf({ endedAt }: CallBody, startedAt: number): number | null {
  if (endedAt === undefined) return null;
  const endMs = timeOf('endedAt', endedAt);
  if (endMs < startedAt) throw invalidField('endedAt', 'must not be before startedAt');
  return endMs;
}

function botIdOf(botId: string | undefined): string | null {
  if (botId === undefined) return null;
  if (!uuid.test(botId)) throw invalidField('botId', 'must be a UUID');
  return botId.toLowerCase();
}

/** What a call is found by: no two of them may become one when they are encoded. */
function idOf(name: string, id: string | undefined): string | null {
  if (id !== undefined && !isPlainText(id)) throw invalidField(name, 'must not hold NUL or lone surrogates');
  return id ?? null;
}

function detailsOf(body: CallBody): PlatformDetails {
  const participants = (body.participants ?? []).map(({ role, phone, email, name }, place) => ({
    role: role ?? null,
    phone: phone ?? null,
    email: idOf(`participants[${place}].email`, email),
    name: name ?? null,
  }));
  const { variables, results, dialogResult, nps, redirect, logLink, metadata } = body;
  return {
    participants,
    variables: variables ?? null,
    results: results ?? null,
    dialogResult: dialogResult ?? null,
    nps: nps ?? null,
    redirect: redirect ?? null,
    logLink: logLink ?? null,
    metadata: metadata ?? null,
  };
}

function correlationOf(body: CallBody): Omit<PlatformCorrelation, 'taskName'> {
  const { ownNumber, shortNumber, botName, responder, transferredToOperator, price, regionId, timezone } = body;
  return {
    sessionId: idOf('sessionId', body.sessionId),
    externalId: idOf('externalId', body.externalId),
    callbackData: body.callbackData ?? null,
    ownNumber: ownNumber ?? null,
    shortNumber: shortNumber ?? null,
    botName: botName ?? null,
    responder: responder ?? null,
    transferredToOperator: transferredToOperator ?? null,
    price: price ?? null,
    regionId: regionId ?? null,
    timezone: timezone ?? null,
  };
}

/**
 * Every surface stores this form of what was said. An empty list says no more than none. Throws `input_invalid` for a turn
 * that ends before it begins.
 */
export function transcriptOf(said: SaidAnyTime['transcript']): Transcript | null {
  if (said === undefined || said.length === 0) return null;
  const turns = said.map(({ role, text, startMs = null, endMs = null }, place) => {
    if (startMs !== null && endMs !== null && endMs < startMs) {
      throw invalidField(`transcript[${place}].endMs`, 'must not be before startMs');
    }
    return { text, participant: null, role: role ?? null, at: null, startMs, endMs, extra: {} };
  });
  return { turns };
}
