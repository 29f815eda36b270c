/**
 * Every operation of the native API, asked at random with what its document says and what it does not: whatever comes, the
 * answer is one that the document has. FUZZ_REQUESTS asks more (default 2,000), FUZZ_SEED asks the same again.
 */
import { Agent } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
    const findings = new Map<string, string>();
    const statuses = new Map<string, number>();
    for (const request of fc.sample(fuzzedRequests(document, scene), { numRuns: requests, seed })) {
      const answer = await ask({ origin, agent, ...request });
      const met = `${at(request).operation.operationId} ${answer.status}`;
      statuses.set(met, (statuses.get(met) ?? 0) + 1);
      const fault = faultOf(request, answer);
      if (fault !== undefined) findings.set(`${met}: ${fault}`, shown(request, answer));
    }
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

test('the mark stands in every refusal that would repeat what was sent', () => {
  expect(mark).toContain('5551234');
});
