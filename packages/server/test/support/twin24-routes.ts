/** Every route of Twin24's surface, each with a request that succeeds, and with values that its fields must not have. */
import type { Scope } from '../../src/model/tenant.ts';
import { badValues, wrongWord } from './bad-values.ts';
import { valueAt } from './creovai-asking.ts';
import { twinGateways } from './twin-wire.ts';

/** What requests name. */
export type TwinNamed = {
  callId: string;
  candidateId: string;
  taskId: string;
  /** The secret of a link to the call's recording, with its extension. */
  link: string;
  /** Of a user. */
  number: string;
  phone: string;
};

export type TwinRoute = {
  method: 'GET' | 'POST' | 'DELETE';
  service: keyof typeof twinGateways;
  /** Within its service; `:name` stands for what `TwinNamed` has under that name. */
  pattern: string;
  /** Any one of them opens it; without any, every good token does. */
  scopes: readonly Scope[];
  /** No token is looked at. */
  isOpen?: true;
  /** What follows the question mark in a good request. */
  query?: (named: TwinNamed) => string;
  /** Queries that are refused. */
  badQueries: readonly string[];
  /** A good body. Without it, what comes as a body is not read. */
  body?: (named: TwinNamed) => Record<string, unknown>;
  /** JSON texts that a field, by its dotted path, must not have. */
  fields: Readonly<Record<string, readonly string[]>>;
  /** Fields that must be there. */
  required: readonly string[];
};

const anObject = `{"${wrongWord}":"${wrongWord}"}`;
/** Numbers that are none to us: too large, too small, not whole. */
const noNumbers = ['1e400', '-1e400', '0.5', 'true', `"${wrongWord}"`, anObject, '[1]'];
const notText = badValues.text;
const requiredText = [...notText, '""'];
const noMap = ['7', 'true', `"${wrongWord}"`, `["${wrongWord}"]`];
const noUuid = [...notText, '""', `"${wrongWord}"`, '"01900000-0000-7000-8000-00000000000g"', '"\\u0000"', '"\\ud800"'];
const noExternalId = ['true', anObject, '["a"]', '0.5', '"a\\u0000"', '"\\ud800a"', JSON.stringify('x'.repeat(513))];
const noPhones = [
  'true',
  anObject,
  '[]',
  '""',
  '[""]',
  `"${wrongWord}"`,
  `["${wrongWord}"]`,
  '[["1"]]',
  '[null]',
  '[1.5]',
  '[1e400]',
  JSON.stringify(['1'.repeat(65)]),
  JSON.stringify(Array(21).fill('1')),
];
const noList = ['7', 'true', `"${wrongWord}"`, anObject];
const noBatch = [...noList, '[null]', '[7]', `["${wrongWord}"]`, '[[]]', JSON.stringify(Array(10_001).fill(0))];

const badParts = ['limit=0', 'limit=1e9', 'limit=-1', `limit=${wrongWord}`, 'page=-1', 'offset=1.5', 'page=0&offset=0'];
const badLimits = [...badParts, 'limit=99999999999999999999', 'limit=1&limit=2', 'limit=%00', 'page=%F0%9F%94%92'];
const badTimes = [`from=${wrongWord}`, 'to=2024-02-30', 'from=2024-01-01&from=2024-01-02', 'to=1e400'];
const badSearches = [
  ...badLimits,
  ...badTimes,
  'limit=50001',
  `${wrongWord}=1`,
  '__proto__=1',
  'constructor[prototype]=1',
  'phone=1&phone=2',
  `phone=${'1'.repeat(65)}`,
];

const read: readonly Scope[] = ['calls:read'];
const write: readonly Scope[] = ['calls:write'];
const either: readonly Scope[] = ['calls:read', 'calls:write'];
const erase: readonly Scope[] = ['erasures:execute'];
const none = { badQueries: [], fields: {}, required: [] };
const botId = '7d0a3f5e-2b64-4c1d-9e8f-0a1b2c3d4e5f';
const flag = { body: () => ({ skipDeleteRecord: true }), fields: { skipDeleteRecord: badValues.flag } };

/** The fields of a candidate, below a path. */
function candidateFields(at = ''): Record<string, readonly string[]> {
  return {
    [`${at}phone`]: noPhones,
    [`${at}variables`]: noMap,
    [`${at}callbackData`]: noMap,
    [`${at}clientExternalId`]: noExternalId,
    [`${at}timezone`]: noNumbers,
    [`${at}checkPhone`]: [anObject, '[]'],
    [`${at}botSettingsId`]: noUuid,
    [`${at}autoCallTemplateId`]: noUuid,
  };
}

function candidate({ taskId, phone }: TwinNamed, shared: object = { autoCallId: taskId }) {
  return {
    ...shared,
    phone: [phone],
    variables: { sum: 7 },
    callbackData: { row: 1 },
    clientExternalId: 'crm-2',
    timezone: 25_200,
    checkPhone: true,
    botSettingsId: botId,
    autoCallTemplateId: botId,
  };
}

const bare = { isOpen: true, scopes: [], ...none } as const;
const cis = { service: 'cis', ...none } as const;
const base = '/telephony/autoCallCandidate';
const forceStart = ['"true"', '2', anObject, '[]'];
const ofTask = ({ taskId }: TwinNamed) => `autoCallId=${taskId}`;

export const twinRoutes: readonly TwinRoute[] = [
  { ...cis, method: 'POST', pattern: '/calls/:callId/depersonalization', scopes: erase, ...flag },
  { ...cis, method: 'POST', pattern: `${base}/:candidateId/depersonalization`, scopes: erase, ...flag },
  { ...cis, method: 'DELETE', pattern: '/calls/:callId/record', scopes: erase, body: () => ({}) },
  {
    ...bare,
    service: 'iam',
    method: 'POST',
    pattern: '/auth/login',
    body: ({ number }) => ({ email: `nobody-${number}@example.org`, password: 'x', ttl: 60, companyId: 1 }),
    fields: { email: requiredText, password: requiredText, ttl: [...noNumbers, '0', '-1'], companyId: noNumbers },
    required: ['email', 'password'],
  },
  {
    ...bare,
    service: 'iam',
    method: 'POST',
    pattern: '/auth/refresh',
    body: () => ({ refreshToken: 'x', ttl: 60 }),
    fields: { refreshToken: requiredText, ttl: [...noNumbers, '0', '-1'] },
    required: ['refreshToken'],
  },
  {
    ...bare,
    service: 'iam',
    method: 'GET',
    pattern: '/auth/refresh',
    query: () => 'refreshToken=x',
    badQueries: ['', 'refreshToken=', 'refreshToken=a&refreshToken=b', `refreshToken=a&ttl=${wrongWord}`, 'ttl=1'],
  },
  { ...none, service: 'iam', method: 'GET', pattern: '/users/me', scopes: [] },
  { ...none, service: 'iam', method: 'GET', pattern: '/users/:number', scopes: ['admin'] },
  {
    ...none,
    service: 'iam',
    method: 'GET',
    pattern: '/users',
    scopes: ['admin'],
    badQueries: [...badLimits, 'limit=1001'],
  },
  {
    ...cis,
    method: 'POST',
    pattern: '/telephony/autoCall',
    scopes: write,
    body: () => ({
      name: 'Survey',
      startType: 'manual',
      defaultExecData: botId,
      additionalOptions: {},
      redialStrategyOptions: {},
    }),
    fields: {
      name: [...requiredText, '" "'],
      startType: [...notText, '""', `"${wrongWord}"`],
      defaultExecData: noUuid,
      additionalOptions: noMap,
      redialStrategyOptions: noMap,
    },
    required: ['name'],
  },
  {
    ...cis,
    method: 'GET',
    pattern: '/telephony/autoCall',
    scopes: either,
    badQueries: [...badLimits, ...badTimes, 'limit=1001', 'keyword=a&keyword=b'],
  },
  { ...cis, method: 'GET', pattern: '/telephony/autoCall/:taskId', scopes: either },
  { ...cis, method: 'POST', pattern: '/telephony/autoCall/:taskId/play', scopes: write },
  { ...cis, method: 'POST', pattern: '/telephony/autoCall/:taskId/pause', scopes: write },
  { ...cis, method: 'POST', pattern: '/telephony/autoCall/:taskId/halted', scopes: write },
  { ...cis, method: 'GET', pattern: '/telephony/providers', scopes: [] },
  {
    ...cis,
    method: 'POST',
    pattern: `${base}/batch`,
    scopes: write,
    body: (named) => ({ batch: [candidate(named)], forceStart: false }),
    fields: { batch: noBatch, forceStart, 'batch.0.autoCallId': notText, ...candidateFields('batch.0.') },
    required: ['batch', 'batch.0.autoCallId', 'batch.0.phone'],
  },
  {
    ...cis,
    method: 'POST',
    pattern: base,
    scopes: write,
    body: (named) => ({ ...candidate(named), forceStart: false }),
    fields: { forceStart, autoCallId: notText, ...candidateFields() },
    required: ['autoCallId', 'phone'],
  },
  {
    ...cis,
    method: 'POST',
    pattern: `${base}/single`,
    scopes: write,
    body: (named) => candidate(named, {}),
    fields: candidateFields(),
    required: ['botSettingsId', 'phone'],
  },
  {
    ...cis,
    method: 'POST',
    pattern: `${base}/single/batch`,
    scopes: write,
    body: (named) => ({ batch: [candidate(named, {})] }),
    fields: { batch: noBatch, ...candidateFields('batch.0.') },
    required: ['batch', 'batch.0.botSettingsId', 'batch.0.phone'],
  },
  {
    ...cis,
    method: 'POST',
    pattern: `${base}/cancel`,
    scopes: write,
    query: (named) => `${ofTask(named)}&phone=74950000001`,
    badQueries: ['', 'phone=1', `autoCallId=${botId}`, 'autoCallId=a&phone=1&phone=2', 'autoCallId=&phone='],
  },
  {
    ...cis,
    method: 'GET',
    pattern: base,
    scopes: either,
    query: ofTask,
    badQueries: ['', 'autoCallId=', `autoCallId=${botId}&autoCallId=${botId}`],
  },
  { ...cis, method: 'GET', pattern: `${base}/:candidateId`, scopes: either },
  ...['calls', 'sessions'].map(
    (list): TwinRoute => ({
      ...none,
      service: 'analyse',
      method: 'GET',
      pattern: `/search/cis/${list}`,
      scopes: read,
      query: ({ callId }) => `id=${callId}`,
      badQueries: badSearches,
    }),
  ),
  { ...bare, service: 'cis', method: 'GET', pattern: '/records/:link' },
];

/** What to send: where to, and the text of the body. */
export type TwinAsked = { address: string; text?: string | Buffer };

/** The good request of a route, behind the gateway. */
export function goodTwinRequest(route: TwinRoute, named: TwinNamed): TwinAsked {
  const names = new Map(Object.entries(named));
  const path = route.pattern.replace(/:(\w+)/, (_all, name: string) => names.get(name) ?? '');
  const query = route.query === undefined ? '' : `?${route.query(named)}`;
  const address = `${twinGateways[route.service]}${path}${query}`;
  return route.body === undefined ? { address } : { address, text: JSON.stringify(route.body(named)) };
}

/** The same with one field of its body, given by its dotted path, replaced by a JSON text, or left out. */
export function twinRequestWith(route: TwinRoute, named: TwinNamed, at: string, raw: string | undefined): TwinAsked {
  const body = structuredClone(route.body?.(named) ?? {});
  const steps = at.split('.');
  const last = steps.pop() ?? '';
  const holder = steps.length === 0 ? body : valueAt(body, steps.join('.'));
  const place = 'stands-for-the-text';
  Object.assign(Object(holder), { [last]: raw === undefined ? undefined : place });
  const text = JSON.stringify(body).replace(`"${place}"`, () => raw ?? '');
  return { ...goodTwinRequest(route, named), text };
}
