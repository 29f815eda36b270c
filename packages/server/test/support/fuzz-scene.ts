/** An archive of two tenants in which everything that the native API speaks of is there. */
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { formOf, formType } from './creovai-forms.ts';
import { startApp, type TestApp, type TestAppOptions } from './harness.ts';
import { callPart, recordingPart } from './native-client.ts';
import { until } from './until.ts';

/** What there is of one tenant, by the nouns of paths and the fields of bodies. */
export type Holdings = Record<'calls' | 'erasures' | 'holds' | 'clients' | 'users' | 'candidates', string[]> & {
  /** By the id of the erasure. */
  digests: Map<string, string>;
};

export type FuzzScene = {
  app: TestApp;
  own: Holdings;
  foreign: Holdings;
  token: string;
  narrow: string;
  close(): Promise<void>;
};

const phones = ['+15125550142', '(512) 555-0143', '1001'];

/** Starts it; `prepare` comes before the first request. `token` has every scope in the first tenant, `narrow` reads calls alone. */
export async function startFuzzScene(
  options: TestAppOptions = {},
  prepare?: (app: TestApp) => void,
): Promise<FuzzScene> {
  const app = await startApp(options);
  prepare?.(app);
  const other = await createTenant(app.engine, { slug: 'other', region: 'US' });
  const [token, narrow] = [await app.token(), await app.token(['calls:read'])];
  const own = await fill(app, app.tenant, token);
  const foreign = await fill(app, other, await app.token(undefined, other));
  return { app, own, foreign, token, narrow, close: async () => await app.close() };
}

type Said = Record<string, unknown>;

async function fill(app: TestApp, tenant: Tenant, token: string): Promise<Holdings> {
  const send = async (method: 'GET' | 'POST', url: string, payload?: object, type = 'application/json') => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': type };
    const body = Buffer.isBuffer(payload) ? payload : JSON.stringify(payload ?? {});
    const answer = await app.http.inject({ method, url, headers, ...(method === 'POST' && { payload: body }) });
    if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`);
    return JSON.parse(answer.body) as Said;
  };
  const holdings: Holdings = {
    calls: [],
    erasures: [],
    holds: [],
    clients: [],
    users: [],
    candidates: [],
    digests: new Map(),
  };
  for (let n = 0; n < 12; n++) {
    const call = {
      startedAt: `2026-01-0${1 + (n % 9)}T03:04:05Z`,
      sessionId: `${tenant.slug}-${n}`,
      externalId: `ext-${n % 4}`,
      participants: [{ role: 'customer', phone: phones[n % 3], email: `c${n}@example.com` }],
      transcript: [{ role: 'bot', text: 'Good morning' }],
      metadata: { n },
    };
    const parts = n % 3 === 0 ? [callPart(call)] : [callPart(call), recordingPart(Buffer.alloc(5000, n))];
    holdings.calls.push(String((await send('POST', '/v1/calls', formOf(parts), formType))['id']));
  }
  const plan = async (calls: string[], action = 'purge') => {
    const made = await send('POST', '/v1/erasures', { action, subject: { calls } });
    holdings.erasures.push(String(made['id']));
    holdings.digests.set(String(made['id']), String(made['digest']));
    return made;
  };
  const [a = '', b = '', c = '', ...rest] = holdings.calls;
  const done = await plan([a]);
  await send('POST', `/v1/erasures/${String(done['id'])}/execute`, { digest: done['digest'] });
  await until(async () => (await send('GET', `/v1/erasures/${String(done['id'])}`))['goneAt'] !== null);
  const cancelled = await plan([b]);
  await send('POST', `/v1/erasures/${String(cancelled['id'])}/cancel`);
  const held = await send('POST', '/v1/holds', { subject: { calls: [c] }, reason: 'Claim' });
  const released = await send('POST', '/v1/holds', { subject: { phones: [phones[0]] }, reason: 'Claim' });
  await send('POST', `/v1/holds/${String(released['id'])}/release`);
  holdings.holds.push(String(held['id']), String(released['id']));
  const waiting = await plan([c]);
  await send('POST', `/v1/erasures/${String(waiting['id'])}/execute`, { digest: waiting['digest'] });
  for (const call of [...rest, ...rest]) await plan([call], 'depersonalize');
  for (let n = 0; n < 8; n++) {
    holdings.clients.push(String((await send('POST', '/v1/clients', { scopes: ['calls:read'] }))['clientId']));
    const user = { email: `u${n}-${tenant.slug}@example.com`, scopes: ['calls:read'] };
    holdings.users.push(String((await send('POST', '/v1/users', user))['id']));
  }
  return holdings;
}
