import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, type NewCredentials } from '../../src/engine/access/clients.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { type Scope, scopes, type Tenant } from '../../src/model/tenant.ts';
import { archiveCall, callInfo, post } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';

/** One recorded exchange; `creovai/README.md` says what each key means. */
type Exchange = {
  about: string;
  given?: { calls: { sessionId: string; phoneNumber: string }[]; purged?: string[]; held?: string[] };
  scopes?: Scope[];
  request: { line: string; headers: string[]; json?: unknown; body?: string };
  response: { status: number; headers: Record<string, string | null>; json: unknown };
};

const folder = join(import.meta.dirname, 'creovai');
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

let app: TestApp;
let origin: string;

beforeAll(async () => {
  app = await startApp();
  origin = await app.listen();
});
afterAll(async () => await app.close());

describe('a recorded exchange with a Creovai client happens as recorded', () => {
  test.each(names)('%s', async (name) => {
    const exchange = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Exchange;
    const placeholders = await prepare(exchange, name);
    const { line, headers, json, body = '' } = exchange.request;
    const text = json === undefined ? body : JSON.stringify(json);
    const filled = rawRequest(
      fill(line, placeholders),
      headers.map((header) => fill(header, placeholders)),
      Buffer.from(fill(text, placeholders), json === undefined ? 'latin1' : 'utf8'),
    );
    const answer = await sendRaw(origin, filled);
    expect(answer.status, answer.body.toString()).toBe(exchange.response.status);
    for (const [header, value] of Object.entries(exchange.response.headers)) {
      expect(answer.headers.get(header) ?? null, header).toBe(value);
    }
    const expected: unknown = JSON.parse(fill(JSON.stringify(exchange.response.json), placeholders));
    // Strict, so that a key with null and a key left out are told apart.
    expect(JSON.parse(answer.body.toString())).toStrictEqual(withMatchers(expected));
  });
});

async function prepare({ given, scopes: allowed }: Exchange, name: string): Promise<Map<string, string>> {
  const slug = name.replace('.json', '').slice(0, 60);
  const tenant = await createTenant(app.engine, { slug, region: 'US' });
  const client: NewCredentials = await createClient(app.engine, tenant, { scopes: [...scopes], actor: operator });
  const placeholders = new Map([
    ['clientId', client.clientId],
    ['clientSecret', client.clientSecret],
    ['token', await app.token(allowed, tenant)],
  ]);
  const all = await app.token(scopes, tenant);
  for (const { sessionId, phoneNumber } of given?.calls ?? []) {
    const contacts = [
      { type: 'Agent', phoneNumber: '+15125550100' },
      { type: 'Customer', phoneNumber },
    ];
    placeholders.set(`call:${sessionId}`, await archiveCall(app, all, callInfo(sessionId, { contacts })));
  }
  if (given?.held !== undefined) await hold(tenant, given.held, placeholders);
  if (given?.purged !== undefined) {
    await post(app, all, '/purge/v1/calls/sessions', { ids: given.purged });
    await Promise.all(app.engine.background);
  }
  return placeholders;
}

async function hold(tenant: Tenant, sessionIds: string[], placeholders: Map<string, string>): Promise<void> {
  const caller = { ...app.caller(), tenant };
  const callIds = sessionIds.map((sessionId) => placeholders.get(`call:${sessionId}`) ?? '');
  const reason = 'a case in court';
  await placeHold(app.engine, caller, { callIds, identifiers: [], from: null, to: null, reviewAt: null, reason });
}

function fill(text: string, placeholders: ReadonlyMap<string, string>): string {
  return text.replace(/\{\{([^}]+)\}\}/g, (whole, name: string) => placeholders.get(name) ?? whole);
}

/** `{{any}}` accepts any text that is not empty. */
function withMatchers(value: unknown): unknown {
  if (value === '{{any}}') return expect.stringMatching(/./);
  if (Array.isArray(value)) return value.map(withMatchers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withMatchers(inner)]));
}
