/**
 * Every status that the document names for an operation is met here by a request that provokes it, or there is a reason why
 * none can; and every write leaves exactly one audit row.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleOf } from '../../src/http/native/curl-example.ts';
import { openapiOf, operationsIn } from '../../src/http/native/openapi.ts';
import { operations } from '../../src/http/native/operations.ts';
import { scopes } from '../../src/model/tenant.ts';
import { DeclaredAnswers } from '../support/declared-answers.ts';
import { type FuzzScene, startFuzzScene } from '../support/fuzz-scene.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { NativeWrites } from '../support/native-writes.ts';

const document = openapiOf(operations);
const listed = operationsIn(document);
const declared = new DeclaredAnswers(document);
const nobody = '0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708';
type Listed = (typeof listed)[number];
type Request = {
  method: string;
  url: string;
  headers?: Record<string, string>;
  payload?: string;
  token?: string | null;
  app?: TestApp;
};

let scene: FuzzScene;
let limited: TestApp;
let writes: NativeWrites;

beforeAll(async () => {
  scene = await startFuzzScene({ env: { TACET_RATE_LIMIT: '0' } });
  limited = await startApp({ workers: 0, env: { TACET_RATE_LIMIT: '1' } });
  writes = new NativeWrites(scene.app, scene.token);
}, 60_000);
afterAll(async () => {
  await limited.close();
  await scene.close();
}, 60_000);

/** Met by no request of a client alone. */
const unprovoked: readonly (readonly [form: RegExp, reason: string])[] = [
  [/ 500$/, 'something has to be damaged: test/faults'],
  [/ 503$/, 'a database, a vault or a blob store has to be away: test/faults'],
  [
    /^issueToken 415$/,
    'a body of another type is 400 `unsupported_grant_type`; a malformed one too, before it is read',
  ],
  [/^createErasure 409$/, 'somebody has to call the plan off while it is written: test/native/execute-races.test.ts'],
  [/^issueToken 429$/, 'a matter of how many have failed: test/api/tokens.test.ts'],
];

async function send({ method, url, headers = {}, payload, token = scene.token, app = scene.app }: Request) {
  const all = { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers };
  const asked = { method: method as 'GET', url, headers: all, ...(payload !== undefined && { payload }) };
  const { statusCode: status, headers: told, rawPayload: body } = await app.http.inject(asked);
  return { status, headers: told as Record<string, string>, body, isPart: false };
}

/** A request that is as good as the document alone can make it, about what nobody has. */
function plainRequest({ method, path, operation }: Listed, id = nobody): Request {
  const [media, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const url = path.replace(/\{\w+\}/, () => id);
  if (media === undefined) return { method, url };
  const isJson = operation.requestBody?.content['application/json'] !== undefined;
  const schema = isJson ? operation.requestBody?.content['application/json']?.schema : content?.schema;
  const payload = schema === undefined ? 'bytes' : JSON.stringify(exampleOf(document, schema));
  return { method, url, payload, headers: { 'content-type': isJson ? 'application/json' : media } };
}

const provoking: Readonly<Record<string, (one: Listed) => Promise<Request | undefined>>> = {
  400: async (one) => {
    const plain = plainRequest(one);
    if (one.operation.operationId === 'issueToken') return plain;
    return { ...plain, url: `${plain.url}?unknown=1` };
  },
  401: async (one) => {
    if (one.operation.operationId !== 'issueToken') return { ...plainRequest(one), token: null };
    return { ...form('grant_type=client_credentials&client_id=nobody&client_secret=x'), token: null };
  },
  403: async (one) => {
    const own = one.operation.security.flatMap((door) => Object.values(door).flat());
    return { ...plainRequest(one), token: await scene.app.token(scopes.filter((scope) => !own.includes(scope))) };
  },
  404: async (one) => (one.path.includes('{') ? plainRequest(one) : undefined),
  413: async (one) => {
    const plain = one.operation.operationId === 'issueToken' ? form('a=1') : plainRequest(one);
    return { ...plain, headers: { ...plain.headers, 'content-length': '99999999999' } };
  },
  415: async (one) => {
    const isAny = one.operation.operationId === 'storeRecording';
    const isBare = one.operation.requestBody === undefined;
    const type = isAny ? 'multipart/form-data; boundary=x' : isBare ? ';;' : 'image/png';
    return { ...plainRequest(one), payload: 'x', headers: { 'content-type': type } };
  },
  422: async ({ method, operation }) => {
    const write = await writes.by[operation.operationId]?.();
    if (write === undefined) return undefined;
    const { url, payload, type = 'application/json', other } = write;
    const headers = { 'content-type': type, 'idempotency-key': `k-${operation.operationId}` };
    const first = await send({ method, url, payload, headers });
    expect(first.status, first.body.toString()).toBeLessThan(300);
    return { method, url, payload, headers, ...other };
  },
  429: async (one) => {
    const token = await limited.token();
    const plain = { ...plainRequest(one), token, app: limited };
    await send(plain);
    return plain;
  },
};

function form(payload: string): Request {
  return {
    method: 'POST',
    url: '/v1/token',
    payload,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  };
}

/** Answers that take more than one rule to provoke, by operation and status. */
const special: Readonly<Record<string, () => Promise<Request>>> = {
  'issueToken 200': async () => {
    const { clientId, clientSecret } = scene.app.client;
    return form(`grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`);
  },
  'archiveCall 409': async () => {
    const call = (note: string) =>
      JSON.stringify({ startedAt: '2026-01-02T03:04:05Z', sessionId: 'twice', botName: note });
    await writes.made('POST', '/v1/calls', call('a'));
    return { method: 'POST', url: '/v1/calls', payload: call('b'), headers: { 'content-type': 'application/json' } };
  },
  'changeCall 409': async () => ({
    method: 'PATCH',
    url: `/v1/calls/${await depersonalizedCall()}`,
    payload: '{"nps":1}',
  }),
  'storeRecording 200': async () => await secondRecording('bytes'),
  'storeRecording 409': async () => await secondRecording('other'),
  'getRecording 200': async () => ({ method: 'GET', url: `/v1/calls/${scene.own.calls[5]}/recording` }),
  'getRecording 206': async () =>
    ({ ...(await special['getRecording 200']?.()), headers: { range: 'bytes=0-1' } }) as Request,
  'getRecording 416': async () =>
    ({ ...(await special['getRecording 200']?.()), headers: { range: 'bytes=99999-' } }) as Request,
  'approveErasure 409': async () => await onPlan('approve'),
  'retryErasure 409': async () => await onPlan('retry'),
  'createErasure 415': async () => {
    const headers = { 'content-type': 'image/png' };
    return { method: 'POST', url: '/v1/erasures?action=purge', payload: 'x', headers };
  },
  'executeErasure 409': async () => await onPlan('execute', 'another'),
  'cancelErasure 409': async () => ({
    method: 'POST',
    url: `/v1/erasures/${scene.own.erasures[0]}/cancel`,
    payload: '{}',
  }),
  'readReceipt 200': async () => ({ method: 'GET', url: `/v1/erasures/${scene.own.erasures[0]}/receipt` }),
  'readReceipt 409': async () => ({ method: 'GET', url: `/v1/erasures/${scene.own.erasures[3]}/receipt` }),
  'watchErasure 200': async () => ({ method: 'GET', url: `/v1/erasures/${scene.own.erasures[0]}/events` }),
  'createUser 409': async () => {
    const payload = '{"email":"twice@example.com","scopes":["calls:read"]}';
    await writes.made('POST', '/v1/users', payload);
    return { method: 'POST', url: '/v1/users', payload };
  },
  'removeRetention 404': async () => ({ method: 'DELETE', url: '/v1/retention/nothing' }),
  'setRetention 404': async () => ({ method: 'PUT', url: '/v1/retention/nothing', payload: '{"days":9}' }),
  'readOpenapi 304': async () => ({ method: 'GET', url: '/v1/openapi.json', headers: { 'if-none-match': '*' } }),
  'readDocs 304': async () => ({ method: 'GET', url: '/v1/docs', headers: { 'if-none-match': '*' } }),
};

async function depersonalizedCall(): Promise<string> {
  const erased = await writes.call();
  const { digest, id } = await writes.made(
    'POST',
    '/v1/erasures',
    JSON.stringify({ action: 'depersonalize', subject: { calls: [erased] } }),
  );
  await writes.made('POST', `/v1/erasures/${String(id)}/execute?wait=20`, JSON.stringify({ digest }));
  return erased;
}

async function secondRecording(payload: string): Promise<Request> {
  const url = `/v1/calls/${await writes.call()}/recording`;
  const headers = { 'content-type': 'audio/wav' };
  await send({ method: 'PUT', url, payload: 'bytes', headers });
  return { method: 'PUT', url, payload, headers };
}

async function onPlan(verb: string, digest?: string): Promise<Request> {
  const plan = await writes.plan();
  const payload = verb === 'retry' ? '{}' : JSON.stringify({ digest: digest ?? plan.digest });
  return { method: 'POST', url: `/v1/erasures/${plan.id}/${verb}`, payload };
}

/** What succeeds: a write of something new, or reading what there is. */
async function good({ method, path, operation }: Listed): Promise<Request> {
  const write = await writes.by[operation.operationId]?.();
  if (write !== undefined) {
    const { url, payload, type = 'application/json' } = write;
    return { method, url, payload, headers: { 'content-type': type } };
  }
  const noun = /^\/v1\/(\w+)/.exec(path)?.[1] ?? '';
  const [, ids = []] = Object.entries(scene.own).find(([name]) => name === noun) ?? [];
  return plainRequest({ method, path, operation }, Array.isArray(ids) ? String(ids[4] ?? ids[0]) : nobody);
}

const answers = listed.flatMap((one) =>
  Object.keys(one.operation.responses).map((status) => ({
    name: `${one.operation.operationId} ${status}`,
    status,
    one,
  })),
);

describe('every answer of the document is met:', () => {
  test.each(answers.filter(({ name }) => !unprovoked.some(([form]) => form.test(name)) || name in special))(
    '$name',
    async ({ name, status, one }) => {
      const make = special[name] ?? (status.startsWith('2') ? async () => await good(one) : undefined);
      const request = make === undefined ? await provoking[status]?.(one) : await make();
      expect(request, 'nothing provokes it').toBeDefined();
      if (request === undefined) return;
      const isText = request.payload !== undefined && request.headers?.['content-type'] === undefined;
      const headers = isText ? { ...request.headers, 'content-type': 'application/json' } : (request.headers ?? {});
      const answer = await send({ ...request, headers });
      expect(answer.status, `${request.url} ${answer.body.toString().slice(0, 300)}`).toBe(Number(status));
      expect(declared.faultOf(one.operation, answer)).toBeUndefined();
    },
    30_000,
  );

  test('or there is a reason why not, and no reason is one too many', () => {
    for (const [form] of unprovoked)
      expect(
        answers.some(({ name }) => form.test(name)),
        String(form),
      ).toBe(true);
  });
});

describe('every write leaves exactly one audit row:', () => {
  /** They say nothing that is kept. */
  const reads: ReadonlySet<string> = new Set(['searchCalls', 'issueToken']);
  const written = listed.filter(({ method, operation }) => method !== 'GET' && !reads.has(operation.operationId));

  test.each(written)('$method $path', async (one) => {
    const request = await good(one);
    const rows = async () => (await scene.app.engine.store.reads.audit.page('', 100_000)).filter(byClient).length;
    const before = await rows();
    const answer = await send(request);
    expect(answer.status, answer.body.toString()).toBeLessThan(300);
    expect((await rows()) - before).toBe(1);
  });

  /** Of what was asked for, not of what follows from it in the background. */
  function byClient({ event }: { event: string }): boolean {
    return !/^erasure\.(shredded|completed|items|removed|verified|sealed)/.test(event);
  }
});

test('the table names a good request for every write that there is', () => {
  const takers = operations.filter(({ takesKey }) => takesKey).map(({ id }) => id);
  const named = Object.keys(writes.by);
  expect(takers.filter((id) => !named.includes(id))).toEqual([]);
  expect(named.filter((id) => !takers.includes(id))).toEqual([]);
});
