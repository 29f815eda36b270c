/** Calls, chats and cases with every field that either generation of Creovai's API knows. */
import type { FieldKind } from './bad-values.ts';

export type JsonBody = Record<string, unknown>;

/** One call as requests name it. */
export type Named = {
  callId: string;
  session: string;
  master: string;
  case: string;
  collection: string;
  phone: string;
  email: string;
};

export type Generation = 'v1' | 'v2';

/** What a body consists of, by dotted paths, and what of it must be there. */
export type BodyFields = {
  fields: Readonly<Record<string, FieldKind>>;
  required: readonly string[];
  /** Bodies that are wrong as a whole, though each of their fields could be right. */
  wrong: (named: Named) => readonly JsonBody[];
};

/** Names that differ from those of every other word; those of words of one length are of one length too. */
export function namedBy(word: string, callId: string, phone: string): Named {
  return {
    callId,
    session: `${word}-session`,
    master: `${word}-master`,
    case: `${word}-case`,
    collection: `${word}-collection`,
    phone,
    email: `${word}@example.com`,
  };
}

const words = {
  v1: { master: 'masterCallId', people: 'contacts', start: 'startTime', end: 'endTime' },
  v2: { master: 'masterId', people: 'participants', start: 'utcStart', end: 'utcEnd' },
} as const;
const started = '2024-03-01T10:00:00.0000000Z';
const ended = '2024-03-01T10:02:30.0000000Z';
const metadata = { queue: 'billing', card: { last: [4111] } };
const customer = ({ phone, email }: Named) => ({
  referenceId: 'c-1',
  firstName: 'Casey',
  lastName: 'Caller',
  phoneNumber: phone,
  email,
  type: 'Customer',
});

const personFields = {
  referenceId: 'text',
  firstName: 'text',
  lastName: 'text',
  phoneNumber: 'text',
  email: 'id',
  type: 'text',
} as const satisfies Record<string, FieldKind>;

/** The part `info` of a recorded call. */
export function callInfoBody(of: Generation, named: Named): JsonBody {
  const { master, people, start, end } = words[of];
  return {
    sessionId: named.session,
    [master]: named.master,
    caseReferenceId: named.case,
    collectionId: named.collection,
    direction: 'Inbound',
    [start]: started,
    [end]: ended,
    [people]: [{ ...customer(named), channel: 0 }],
    numberDialed: '+15125550199',
    audio: { format: 'mp3' },
    metadata,
  };
}

export function callFields(of: Generation): BodyFields {
  const { master, people, start, end } = words[of];
  return {
    fields: {
      sessionId: 'ownId',
      [master]: 'id',
      caseReferenceId: 'id',
      collectionId: 'id',
      direction: 'direction',
      [start]: 'time',
      [end]: 'time',
      [people]: 'objects',
      ...below(`${people}.0`, { ...personFields, channel: 'channel' }),
      numberDialed: 'text',
      audio: 'audio',
      'audio.format': 'text',
      metadata: 'metadata',
    },
    required: ['sessionId', start, ...(of === 'v1' ? [people] : [])],
    wrong: (named) => [
      ...twiceNamed(callInfoBody(of, named)),
      { ...callInfoBody(of, named), startTime: started, utcStart: ended },
    ],
  };
}

export function chatBody(of: Generation, named: Named): JsonBody {
  const { master, people } = words[of];
  const message = { content: 'Hello', utcTimestamp: started, customEvents: [{ id: 'e', source: 's' }] };
  return {
    sessionId: named.session,
    [master]: named.master,
    caseReferenceId: named.case,
    collectionId: named.collection,
    utcStart: started,
    utcEnd: ended,
    [people]: [{ ...customer(named), messages: [message] }],
    metadata,
  };
}

export function chatFields(of: Generation): BodyFields {
  const { master, people } = words[of];
  const message = { content: 'text', utcTimestamp: 'time', customEvents: 'list' } as const;
  return {
    fields: {
      sessionId: 'ownId',
      [master]: 'id',
      caseReferenceId: 'id',
      collectionId: 'id',
      utcStart: 'time',
      utcEnd: 'time',
      [people]: 'objects',
      ...below(`${people}.0`, { ...personFields, messages: 'objects' }),
      ...below(`${people}.0.messages.0`, message),
      'metadata.queue': 'anything',
      metadata: 'metadata',
    },
    required: ['sessionId', 'utcStart'],
    wrong: (named) => [
      ...twiceNamed(chatBody(of, named)),
      { ...chatBody(of, named), [people]: [{ messages: tooMany }] },
      { ...chatBody(of, named), [people]: [{ messages: tooMany.slice(1) }, { messages: [{}] }] },
    ],
  };
}

export function caseBody(of: Generation, named: Named): JsonBody {
  const { people } = words[of];
  return {
    [of === 'v1' ? 'referenceId' : 'sessionId']: named.session,
    masterId: named.master,
    caseReferenceId: named.case,
    collectionId: named.collection,
    utcStart: started,
    utcEnd: ended,
    [people]: [customer(named)],
    messages: [{ senderReferenceId: 'c-1', channel: 'web', content: 'Hello', utcTimestamp: started }],
    metadata,
  };
}

export function caseFields(of: Generation): BodyFields {
  const { people } = words[of];
  const sessionName = of === 'v1' ? 'referenceId' : 'sessionId';
  const message = { senderReferenceId: 'text', channel: 'anything', content: 'text', utcTimestamp: 'time' } as const;
  return {
    fields: {
      [sessionName]: 'ownId',
      masterId: 'id',
      caseReferenceId: 'id',
      collectionId: 'id',
      utcStart: 'time',
      utcEnd: 'time',
      [people]: 'objects',
      ...below(`${people}.0`, personFields),
      messages: 'objects',
      ...below('messages.0', message),
      metadata: 'metadata',
    },
    required: [sessionName, 'utcStart'],
    wrong: (named) => [
      ...twiceNamed(caseBody(of, named)),
      { ...caseBody(of, named), referenceId: 'one', sessionId: 'other' },
      { ...caseBody(of, named), messages: tooMany },
    ],
  };
}

/** One more than a chat or a case may have. */
const tooMany = Array<object>(100_001).fill({});

/** One field under the names of both generations, with different values; and more people than a call may have. */
function twiceNamed(body: JsonBody): JsonBody[] {
  return [
    { ...body, masterCallId: 'one', masterId: 'other' },
    { ...body, contacts: [], participants: [{}] },
    { ...body, contacts: Array(1001).fill({}), participants: undefined },
  ];
}

function below(path: string, fields: Record<string, FieldKind>): Record<string, FieldKind> {
  return Object.fromEntries(Object.entries(fields).map(([name, kind]) => [`${path}.${name}`, kind]));
}
