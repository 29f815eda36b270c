/** Chats and cases as clients of either generation of Creovai's API send them; what is personal in them is marked. */
import { marks } from './marks.ts';

export type Body = Record<string, unknown>;

/** One kind of written call: its routes, the same content in the words of either generation, where its id is answered. */
export type WrittenKind = {
  kind: 'chat' | 'case';
  v1: string;
  v2: string;
  inV1(session: string, change?: Body): Body;
  inV2(session: string, change?: Body): Body;
  idInV1: string;
};

export const times = { utcStart: '2024-03-01T10:00:00Z', utcEnd: '2024-03-01T10:02:30Z' };
/** When the first message was sent, and one of the day before the call began. */
export const saidAt = { first: '2024-03-01T10:00:05.5000000Z', early: '2024-02-29T10:00:00Z' };
export const ann = { referenceId: 'c1', firstName: marks.firstName, type: 'Customer', phoneNumber: marks.phone };
export const avery = { referenceId: 'a1', firstName: 'Avery', type: 'agent', phoneNumber: '+15125550100' };

const chatPeople = [
  { ...ann, messages: [{ content: marks.transcript, utcTimestamp: saidAt.first }, { content: 'and more' }] },
  { ...avery, messages: [{ content: 'Hello', utcTimestamp: saidAt.early }] },
];

export const chats: WrittenKind = {
  kind: 'chat',
  v1: '/chatCapture/v1',
  v2: '/capture/v2/chat',
  inV1: (sessionId, change) => ({ sessionId, masterCallId: 'm', ...times, contacts: chatPeople, ...change }),
  inV2: (sessionId, change) => ({ sessionId, masterId: 'm', ...times, participants: chatPeople, ...change }),
  idInV1: 'callId',
};

const caseParts = {
  masterId: 'm',
  ...times,
  messages: [
    { senderReferenceId: 'c1', channel: 'Web', content: marks.transcript, utcTimestamp: saidAt.first },
    { senderReferenceId: 'c1', channel: 'email', content: 'and more' },
    { senderReferenceId: 'a1', channel: 'email', content: 'Hello', utcTimestamp: saidAt.early },
  ],
};

export const cases: WrittenKind = {
  kind: 'case',
  v1: '/caseCapture/v1',
  v2: '/capture/v2/case',
  inV1: (referenceId, change) => ({ referenceId, ...caseParts, contacts: [ann, avery], ...change }),
  inV2: (sessionId, change) => ({ sessionId, ...caseParts, participants: [ann, avery], ...change }),
  idInV1: 'caseId',
};

/** The same JSON with every property's name in PascalCase, as the first .NET client writes it. */
export function inPascalCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inPascalCase);
  if (typeof value !== 'object' || value === null) return value;
  const pascal = (name: string) => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [pascal(name), inPascalCase(inner)]));
}
