import { type Static, Type } from 'typebox';
import { dialStatuses } from '../../model/call.ts';

/*
 * What `POST /v1/calls` and `PATCH /v1/calls/{id}` take: the one description, for checking, for types and for readers. Ids
 * and times are text here, whose form their reader checks. A field that is null counts as absent.
 */

/** The longest id that a call is found by, in characters. */
const idLengthMax = 512;
/** The longest name of somebody or something. */
const nameLengthMax = 1024;
/** Longer than any number: the library that reads phone numbers is slow on anything longer. */
const phoneLengthMax = 64;
/** An e-mail address has up to 64 characters before the `@` and 255 behind it (RFC 5321, section 4.5.3.1). */
const emailLengthMax = 320;
const linkLengthMax = 8192;
/** A year: nobody talks for longer. */
const durationMsMax = 366 * 24 * 3_600_000;
const dayS = 24 * 3600;

const strict = { additionalProperties: false } as const;
const Name = Type.String({ maxLength: nameLengthMax });
const name = (description: string) => Type.String({ maxLength: nameLengthMax, description });
const Time = Type.String({ maxLength: 64, description: 'ISO 8601 with `Z` or an offset' });
const id = (description: string) => Type.String({ minLength: 1, maxLength: idLengthMax, description });
const ourId = (description: string) => Type.String({ maxLength: idLengthMax, description });
/** Any keys, any values. An empty array, which PHP makes of an empty map, counts as an empty object. */
const AnyMap = Type.Record(Type.String(), Type.Unknown());
const Ms = Type.Number({ minimum: 0, maximum: durationMsMax, description: 'Milliseconds from the start of the call' });
const WholeMs = Type.Integer({
  minimum: 0,
  maximum: durationMsMax,
  description: 'Milliseconds; when it is absent, from start to end',
});

const Participant = Type.Object(
  {
    role: Type.Optional(name('Whoever is not `agent`, `ivr`, `system` or `bot` counts as the customer')),
    phone: Type.Optional(Type.String({ maxLength: phoneLengthMax, description: 'However it is written' })),
    email: Type.Optional(Type.String({ maxLength: emailLengthMax })),
    name: Type.Optional(Name),
  },
  strict,
);

const Said = Type.Object(
  {
    role: Type.Optional(Name),
    text: Type.String(),
    startMs: Type.Optional(Ms),
    endMs: Type.Optional(Ms),
  },
  strict,
);

/** What may be said of a call when it comes, and later. */
const anyTime = {
  status: Type.Optional(
    Type.Enum([...dialStatuses], { description: 'Where it stands on the telephone; without one it counts as over' }),
  ),
  endedAt: Type.Optional(Time),
  durationMs: Type.Optional(WholeMs),
  retainUntil: Type.Optional(
    Type.String({ maxLength: 64, description: 'A time: no retention erases the call before it' }),
  ),
  ownNumber: Type.Optional(name('Your own line; no call is found by it')),
  shortNumber: Type.Optional(Name),
  botName: Type.Optional(Name),
  responder: Type.Optional(Name),
  transferredToOperator: Type.Optional(Type.Boolean()),
  price: Type.Optional(Type.Number()),
  regionId: Type.Optional(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
  timezone: Type.Optional(Type.Integer({ minimum: -dayS, maximum: dayS, description: 'Offset from UTC in seconds' })),
  variables: Type.Optional(AnyMap),
  results: Type.Optional(Type.Unknown()),
  dialogResult: Type.Optional(Type.Unknown()),
  nps: Type.Optional(Type.Number()),
  redirect: Type.Optional(AnyMap),
  transcript: Type.Optional(Type.Array(Said, { maxItems: 10_000, description: 'What was said or written, in order' })),
  callbackData: Type.Optional(Type.Unknown({ description: 'Given back as it is; kept by a depersonalization' })),
  logLink: Type.Optional(Type.String({ maxLength: linkLengthMax })),
  metadata: Type.Optional(AnyMap),
};

/** A call. */
export const CallBody = Type.Object(
  {
    kind: Type.Optional(Type.Enum(['call', 'chat', 'case'], { default: 'call' })),
    direction: Type.Optional(Type.Enum(['inbound', 'outbound', 'internal', 'unknown'], { default: 'unknown' })),
    startedAt: Time,
    sessionId: Type.Optional(id('Your id of the call, of no other; a retry is recognised by it')),
    externalId: Type.Optional(id('Your id of what it is about; several calls may share one')),
    candidateId: Type.Optional(ourId('The person of a campaign here')),
    taskId: Type.Optional(ourId('The campaign here')),
    botId: Type.Optional(Type.String({ description: 'A UUID' })),
    participants: Type.Optional(
      Type.Array(Participant, { maxItems: 1000, description: 'Who took part: by their numbers it is found' }),
    ),
    ...anyTime,
  },
  { ...strict, title: 'NewCall' },
);
export type CallBody = Static<typeof CallBody>;

/** What is said later of a call. */
export const CallChangeBody = Type.Object(anyTime, { ...strict, title: 'CallChange' });
export type CallChangeBody = Static<typeof CallChangeBody>;

/** The fields that both have. */
export type SaidAnyTime = CallChangeBody;

/** Fields that are maps, for which PHP's clients may send an empty array. */
export const mapFields = ['variables', 'redirect', 'callbackData', 'metadata'] as const;
/** Fields that are lists of objects, in which null counts as absent, too. */
export const listFields = ['participants', 'transcript'] as const;
