/**
 * Every operation of the native API, asked at random with what its document says and what it does not: whatever comes, the
 * answer is one that the document has. FUZZ_REQUESTS asks more (default 2,000), FUZZ_SEED asks the same again.
 */
import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openapiOf, operationsIn } from '../../src/http/native/openapi.ts';
import { operations } from '../../src/http/native/operations.ts';
import { ask, type BoundedAnswer } from '../support/bounded-http.ts';
import { codeIn, DeclaredAnswers } from '../support/declared-answers.ts';
import { type FuzzScene, startFuzzScene } from '../support/fuzz-scene.ts';
import { type FuzzedRequest, fuzzedRequests } from '../support/fuzzed-request.ts';
import { mark } from '../support/schema-arbitrary.ts';

const requests = Number(process.env['FUZZ_REQUESTS'] ?? 2_000);
const seed = Number(process.env['FUZZ_SEED'] ?? 20_260_301);
const msPerRequest = 30;

const document = openapiOf(operations);
const listed = operationsIn(document);
const declared = new DeclaredAnswers(document);
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
let scene: FuzzScene;
let origin: string;

beforeAll(async () => {
  scene = await startFuzzScene({ env: { TACET_RATE_LIMIT: '0' } });
  origin = await scene.app.listen();
}, 60_000);
afterAll(async () => {
  agent.destroy();
  await scene.close();
}, 60_000);

test(
  `none of ${requests} requests is answered outside the document (seed ${seed})`,
  async () => {
    const { findings, statuses } = await judged(
      origin,
      fc.sample(fuzzedRequests(document, scene), { numRuns: requests, seed }),
    );
    if (process.env['FUZZ_REPORT']) console.log(Object.fromEntries([...statuses].sort()));
    expect(Object.fromEntries(findings), `seed ${seed}`).toEqual({});
    // It proves something: every operation has succeeded, and has refused.
    const ids = listed.map(({ operation }) => operation.operationId);
    const lacking = (form: RegExp) =>
      ids.filter((id) => ![...statuses.keys()].some((one) => one.startsWith(`${id} `) && form.test(one)));
    expect(lacking(/ 4\d\d$/)).toEqual([]);
    expect(lacking(/ 2\d\d$/).filter((id) => !rarelyGood.has(id))).toEqual([]);
  },
  20_000 + requests * msPerRequest,
);

/** Sends requests one after the other: what is wrong with their answers, and how often each status came. */
async function judged(origin: string, sent: readonly FuzzedRequest[]) {
  const findings = new Map<string, string>();
  const statuses = new Map<string, number>();
  for (const request of sent) {
    const answer = await ask({ origin, agent, ...request });
    const met = `${at(request).operation.operationId} ${answer.status}`;
    statuses.set(met, (statuses.get(met) ?? 0) + 1);
    const fault = faultOf(request, answer);
    if (fault !== undefined) findings.set(`${met}: ${fault}`, shown(request, answer));
  }
  return { findings, statuses };
}

/** Whose good requests the document alone does not tell: they need a secret, or a state that only one erasure is in. */
const rarelyGood: ReadonlySet<string> = new Set(['issueToken', 'approveErasure', 'retryErasure']);

function at({ index }: FuzzedRequest): (typeof listed)[number] {
  const found = listed[index];
  if (found === undefined) throw new Error('no such operation');
  return found;
}

function faultOf(request: FuzzedRequest, answer: BoundedAnswer): string | undefined {
  if (answer.status >= 500) return `broke: ${codeIn(answer) ?? ''}`;
  const code = codeIn(answer);
  const fault = declared.faultOf(at(request).operation, answer);
  if (fault !== undefined) return `${fault} ${code ?? ''}`;
  if (answer.status >= 400 && answer.body.toString().includes('5551234')) return 'a value of the request is repeated';
  if (answer.headers['x-content-type-options'] !== 'nosniff') return 'the security headers are missing';
  return undefined;
}

function shown({ method, path, headers, body }: FuzzedRequest, answer: BoundedAnswer): string {
  const { authorization: _secret, ...others } = headers;
  const said = answer.body.toString().slice(0, 300);
  return `${method} ${path.slice(0, 200)} ${JSON.stringify(others)} ${body?.toString().slice(0, 400) ?? ''} -> ${said}`;
}

describe('a server that is not as the document says is found out:', () => {
  const row = {
    ...{ id: 'i', kind: 'call', source: 'native', direction: 'unknown', status: null, startedAt: null, endedAt: null },
    ...{ durationMs: null, taskId: null, candidateId: null, botId: null, createdAt: '2026-01-01T00:00:00.000Z' },
  };
  const problem = { type: 'urn:tacet:error:not_found', title: 'Not found', status: 404, code: 'not_found' };
  const nosniff = { 'x-content-type-options': 'nosniff' };
  const json = { ...nosniff, 'content-type': 'application/json' };
  const problems = { ...nosniff, 'content-type': 'application/problem+json' };
  const request: FuzzedRequest = {
    index: listed.findIndex(({ operation }) => operation.operationId === 'listCalls'),
    ...{ method: 'GET', path: '/v1/calls', headers: {}, body: undefined },
  };

  test.each<[what: string, status: number, headers: Record<string, string>, body: string, fault: RegExp | undefined]>([
    ['nothing is wrong', 200, json, '{"calls":[],"next":null}', undefined],
    ['it breaks', 500, problems, JSON.stringify({ ...problem, status: 500, code: 'internal' }), /^broke: internal/],
    ['a status is not declared', 418, problems, JSON.stringify(problem), /418 is not declared/],
    ['a code is of another status', 403, problems, JSON.stringify({ ...problem, status: 403 }), /code/],
    ['a field is missing', 200, json, '{"calls":[]}', /next/],
    ['a field is of another type', 200, json, '{"calls":{},"next":null}', /calls/],
    ['an entry lacks all', 200, json, '{"calls":[{}],"next":null}', /calls/],
    ['a field is not told of', 200, json, JSON.stringify({ calls: [{ ...row, phone: '1' }], next: null }), /calls/],
    ['it is no JSON', 200, json, 'calls', /no JSON/],
    ['it has another type', 200, { ...nosniff, 'content-type': 'text/html' }, '<p>', /text\/html is not declared/],
    [
      'headers are missing',
      200,
      { 'content-type': 'application/json' },
      '{"calls":[],"next":null}',
      /security headers/,
    ],
    ['a value is repeated', 400, problems, said({ detail: `${mark} is no limit` }), /repeated/],
  ])('%s', async (_what, status, headers, body, fault) => {
    const broken = createServer((_request, response) => response.writeHead(status, headers).end(body));
    broken.listen(0, '127.0.0.1');
    await once(broken, 'listening');
    try {
      const { port } = broken.address() as AddressInfo;
      const { findings } = await judged(`http://127.0.0.1:${port}`, [request]);
      expect(findings.size).toBe(fault === undefined ? 0 : 1);
      for (const found of findings.keys()) expect(found.replace(/^listCalls \d+: /, '')).toMatch(fault ?? '');
    } finally {
      broken.closeAllConnections();
      broken.close();
    }
  });

  function said(more: object): string {
    return JSON.stringify({
      ...problem,
      type: 'urn:tacet:error:input_invalid',
      status: 400,
      code: 'input_invalid',
      ...more,
    });
  }
});
