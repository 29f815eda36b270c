/** Every route of Creovai's API behind a token, both generations, each with a request that succeeds. */
import type { Scope } from '../../src/model/tenant.ts';
import {
  type BodyFields,
  callFields,
  callInfoBody,
  caseBody,
  caseFields,
  chatBody,
  chatFields,
  type Generation,
  type JsonBody,
  type Named,
} from './creovai-bodies.ts';

export type CreovaiRoute = BodyFields & {
  method: 'GET' | 'POST';
  /** As the server knows it. */
  pattern: string;
  /** Any one of them opens it. */
  scopes: readonly Scope[];
  /** The address of a good request, where it says more than the pattern. */
  address?: (named: Named) => string;
  /** A good body: JSON, or the part `info` of a form. Without it, what comes as a body is not read. */
  body?: (named: Named) => JsonBody;
  isForm?: true;
  /** A good request makes a call of the session that it names, which must be a new one. */
  archives?: true;
  /** The longest body that is read, in bytes; of a form, the longest `info`. */
  bodyBytesMax: number;
};

const jsonBytesMax = 1024 * 1024;
const textBytesMax = 16 * jsonBytesMax;
const eventBytesMax = jsonBytesMax / 4;
const write: readonly Scope[] = ['calls:write'];
const read: readonly Scope[] = ['calls:read'];
const either: readonly Scope[] = ['calls:read', 'calls:write'];
const erase: readonly Scope[] = ['erasures:execute'];

type Asked = Pick<CreovaiRoute, 'body' | 'fields' | 'required'> & Partial<CreovaiRoute>;

function get(pattern: string, scopes: readonly Scope[], address?: (named: Named) => string): CreovaiRoute {
  const none = { fields: {}, required: [], wrong: () => [], bodyBytesMax: 0 };
  return { method: 'GET', pattern, scopes, ...none, ...(address && { address }) };
}

function post(pattern: string, scopes: readonly Scope[], asked: Asked): CreovaiRoute {
  return { method: 'POST', pattern, scopes, wrong: () => [], bodyBytesMax: jsonBytesMax, ...asked };
}

function call(pattern: string, of: Generation): CreovaiRoute {
  const body = (named: Named) => callInfoBody(of, named);
  return post(pattern, write, { ...callFields(of), body, isForm: true, archives: true });
}

function chat(pattern: string, of: Generation): CreovaiRoute {
  const body = (named: Named) => chatBody(of, named);
  return post(pattern, write, { ...chatFields(of), body, archives: true, bodyBytesMax: textBytesMax });
}

function caseOf(pattern: string, of: Generation): CreovaiRoute {
  const body = (named: Named) => caseBody(of, named);
  return post(pattern, write, { ...caseFields(of), body, archives: true, bodyBytesMax: textBytesMax });
}

function sessions(pattern: string, scopes: readonly Scope[], name: string): CreovaiRoute {
  return post(pattern, scopes, {
    body: ({ session }) => ({ [name]: [session, session] }),
    fields: { [name]: 'ids' },
    required: [name],
    wrong: ({ session }) => [{ [name]: Array(1001).fill(session) }, { [`${name}s`]: [session] }],
  });
}

function event(pattern: string, idName: string, of: 'session' | 'master' | 'case' | 'collection'): CreovaiRoute {
  const required = pattern.startsWith('/callEvent') ? [idName, 'eventTime', 'metadata'] : [idName, 'metadata'];
  return post(pattern, write, {
    body: (named) => ({ [idName]: named[of], eventTime: '2024-03-01T10:05:00Z', metadata: { late: 'news' } }),
    fields: { [idName]: 'ownId', eventTime: 'time', metadata: 'metadata' },
    required,
    bodyBytesMax: eventBytesMax,
  });
}

function monitor(pattern: string): CreovaiRoute {
  const said = { status: 'Healthy', timeStamp: '2024-03-01T10:00:00Z', name: 'broker', softwareVersion: '1.2' };
  const fields = { status: 'monitor', timeStamp: 'text', name: 'text', softwareVersion: 'text' } as const;
  return post(pattern, write, { body: () => ({ ...said }), fields, required: ['status'] });
}

function share(pattern: string, idName: string): CreovaiRoute {
  return post(pattern, read, {
    body: ({ callId }) => ({ [idName]: callId, email: 'guest@example.com' }),
    fields: { [idName]: 'callId', email: 'guest' },
    required: [idName, 'email'],
  });
}

function purge(pattern: string, of: Generation, by: 'callId' | 'session'): CreovaiRoute {
  const flag = of === 'v2' ? { allowIncompleteInteraction: true } : {};
  return post(pattern, erase, {
    body: (named) => ({ ids: [named[by], named[by]], ...flag }),
    fields: { ids: 'ids', ...(of === 'v2' && { allowIncompleteInteraction: 'flag' as const }) },
    required: ['ids'],
    wrong: (named) => [{ ids: Array(101).fill(named[by]) }, { id: [named[by]] }],
  });
}

const purgeCustomer = post('/purge/v1/calls/customer', erase, {
  body: ({ phone }) => ({ phoneNumber: phone }),
  fields: { phoneNumber: 'phone' },
  required: ['phoneNumber'],
  wrong: ({ phone }) => [{ phoneNumbers: [phone] }],
});

const purgeCustomerV2 = post('/interactions/v2/purge/customer', erase, {
  body: ({ phone, email }) => ({ phoneNumbers: [phone], emails: [email], allowIncompleteInteraction: false }),
  fields: { phoneNumbers: 'phones', emails: 'emails', allowIncompleteInteraction: 'flag' },
  required: [],
  wrong: ({ phone, email }) => [
    {},
    { phoneNumber: phone },
    { phoneNumbers: null, emails: null },
    { phoneNumbers: [], emails: [] },
    { phoneNumbers: Array(101).fill(phone) },
    { emails: Array(101).fill(email) },
    { ids: [phone], phoneNumbers: [phone] },
    { ids: [phone], emails: [email] },
  ],
});

const inPath = (prefix: string) => (named: Named) => `${prefix}/${named.session}`;

/** All but `/Token`, whose errors are OAuth's. */
export const creovaiRoutes: readonly CreovaiRoute[] = [
  call('/callCapture/v1/archive', 'v1'),
  chat('/chatCapture/v1', 'v1'),
  caseOf('/caseCapture/v1', 'v1'),
  sessions('/callCapture/v1/status', either, 'callSessionIds'),
  get('/callCapture/v1/status/*', either, inPath('/callCapture/v1/status')),
  sessions('/callCapture/v1/status/exclude', write, 'callSessionIds'),
  monitor('/callCapture/v1/monitor'),
  event('/callEvent/v1/outofband/event', 'sessionId', 'session'),
  event('/callEvent/v1/outofband/mastercall', 'masterCallId', 'master'),
  event('/callEvent/v1/outofband/case', 'caseReferenceId', 'case'),
  share('/callShare/v1/token', 'callId'),
  purge('/purge/v1/calls', 'v1', 'callId'),
  purge('/purge/v1/calls/sessions', 'v1', 'session'),
  purgeCustomer,
  get('/sources/v1/recordingSettings', either),
  call('/capture/v2/call', 'v2'),
  chat('/capture/v2/chat', 'v2'),
  caseOf('/capture/v2/case', 'v2'),
  sessions('/capture/v2/status', either, 'sessionIds'),
  get('/capture/v2/status/*', either, inPath('/capture/v2/status')),
  sessions('/capture/v2/status/exclude', write, 'sessionIds'),
  {
    ...get('/capture/v2/status/exclude/*', write, inPath('/capture/v2/status/exclude')),
    method: 'POST',
  },
  monitor('/capture/v2/status/monitor'),
  event('/capture/v2/outofband/interaction', 'sessionId', 'session'),
  event('/capture/v2/outofband/master', 'masterId', 'master'),
  event('/capture/v2/outofband/case', 'caseReferenceId', 'case'),
  event('/capture/v2/outofband/collection', 'collectionId', 'collection'),
  get('/interactions/v2/*', read, ({ callId }) => `/interactions/v2/${callId}`),
  get('/interactions/v2/:id/audio.mp3', read, ({ callId }) => `/interactions/v2/${callId}/audio.mp3`),
  share('/interactions/v2/token', 'interactionId'),
  purge('/interactions/v2/purge', 'v2', 'callId'),
  purge('/interactions/v2/purge/sessions', 'v2', 'session'),
  purgeCustomerV2,
  get('/processing/v2/categories', either),
  get('/processing/v2/customFields', either),
  get('/processing/v2/ParticipantRefTypes', either),
];

export function routeAt(pattern: string): CreovaiRoute {
  const route = creovaiRoutes.find((one) => one.pattern === pattern);
  if (route === undefined) throw new Error(`the table has no ${pattern}`);
  return route;
}
