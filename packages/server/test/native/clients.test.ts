import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { countedHashes } from '../support/counted-hashes.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { audited, OperationClient } from '../support/operation-client.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let admin: OperationClient;
let aheadMs = 0;
const frozenAt = Date.UTC(2026, 2, 1, 10, 20);
const dayMs = 24 * 3_600_000;

beforeAll(async () => {
  app = await startApp({ clock: { now: () => frozenAt + aheadMs }, workers: 0 });
  admin = await OperationClient.within(app);
});
afterAll(async () => await app.close());

type Client = { clientId: string; clientSecret: string };
const noSuch = 'ci_000000000000000000000000';

async function made(scopes: unknown = ['calls:read'], as = admin): Promise<Client> {
  const { status, body } = await as.ask('createClient', '', { body: { scopes } });
  expect(status).toBe(201);
  return body as Client;
}

async function grant(url: string, { clientId, clientSecret }: Client): Promise<{ status: number; token: string }> {
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const answer = await app.http.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(form).toString(),
  });
  return { status: answer.statusCode, token: String(answer.json<Record<string, unknown>>()['access_token']) };
}

/** What each secret comes to at both doors, twice: the second time it may be remembered. Wrong ones come last. */
async function doors(clientId: string, secrets: readonly string[]): Promise<number[]> {
  const seen: number[] = [];
  for (const clientSecret of secrets) {
    const statuses = new Set<number>();
    for (const url of ['/Token', '/v1/token', '/Token', '/v1/token']) {
      const { status } = await grant(url, { clientId, clientSecret });
      // Whoever fails often is made to wait before being refused again.
      statuses.add(status === 429 ? 401 : status);
    }
    expect(statuses.size).toBe(1);
    seen.push(...statuses);
  }
  return seen;
}

const bearer = (token: string) => new OperationClient(app, token);

describe('a client that is made', () => {
  test('has a secret that is shown once, that works, and that no read shows', async () => {
    const { status, body } = await admin.ask('createClient', '', { body: { scopes: ['admin', 'calls:read'] } });
    expect(status).toBe(201);
    expect(body).toEqual({
      clientId: expect.stringMatching(/^ci_/),
      clientSecret: expect.stringMatching(/^tacet_cs_/),
      scopes: ['calls:read', 'admin'],
      createdAt: '2026-03-01T10:20:00.000Z',
      expiresAt: '2027-03-01T10:20:00.000Z',
      oldSecretExpiresAt: null,
      disabledAt: null,
      lastUsedAt: null,
    });
    const { clientSecret, ...rest } = body;
    expect(await admin.ask('getClient', String(body['clientId']))).toMatchObject({ status: 200, body: rest });
    const { token } = await grant('/v1/token', body as Client);
    expect(await bearer(token).outcome('listClients')).toBe('200');
    expect(app.logged.join('\n')).not.toContain(clientSecret);
    expect(await audited(app, String(body['clientId']))).toEqual(['client.created']);
  });

  test('has every scope where all are asked for, and each of a list once', async () => {
    const { body } = await admin.ask('createClient', '', { body: { scopes: 'all' } });
    expect(body['scopes']).toHaveLength(7);
    const twice = await admin.ask('createClient', '', { body: { scopes: ['admin', 'admin'] } });
    expect(twice.body['scopes']).toEqual(['admin']);
  });

  test.each([
    ['nothing', undefined],
    ['no scopes', {}],
    ['an empty list', { scopes: [] }],
    ['an unknown scope', { scopes: ['calls:delete'] }],
    ['another word', { scopes: 'some' }],
    ['a field that is not known', { scopes: 'all', name: 'x' }],
  ])('is refused with %s', async (_what, body) => {
    expect(await admin.outcome('createClient', '', { body })).toBe('400 input_invalid');
  });

  test('under a key is made once, and its secret is not told again', async () => {
    const asked = { body: { scopes: ['calls:read'] }, key: 'one-client' };
    const first = await admin.ask('createClient', '', asked);
    const again = await admin.ask('createClient', '', asked);
    expect(again).toMatchObject({ status: 201, body: { ...first.body, clientSecret: null } });
    const other = { ...asked, body: { scopes: ['admin'] } };
    expect(await admin.outcome('createClient', '', other)).toBe('422 idempotency_mismatch');
    expect(await audited(app, String(first.body['clientId']))).toEqual(['client.created']);
  });
});

describe('the list of clients', () => {
  test('is that of the tenant, newest first, each once over its pages', async () => {
    const tenant = await createTenant(app.engine, { slug: 'listed', region: 'US' });
    const token = await app.token(['admin'], tenant);
    const own = bearer(token);
    const ids: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      aheadMs += 1000;
      ids.unshift((await made('all', own)).clientId);
    }
    const seen: unknown[] = [];
    for (let cursor: unknown; cursor !== null; ) {
      const query = { limit: '2', ...(typeof cursor === 'string' && { cursor }) };
      const { body } = await own.ask('listClients', '', { query });
      expect((body['clients'] as unknown[]).length).toBeLessThanOrEqual(2);
      seen.push(...(body['clients'] as { clientId: string }[]).map(({ clientId }) => clientId));
      cursor = body['next'];
    }
    expect(seen.slice(0, 4)).toEqual(ids);
    expect(seen).toHaveLength(5);
    expect(await own.outcome('listClients', '', { query: { cursor: 'none' } })).toBe('400 input_invalid');
    expect(await own.outcome('listClients', '', { query: { limit: '0' } })).toBe('400 input_invalid');
  });
});

describe('two secrets at once', () => {
  test('are good at both doors until the old one ends, which ends what was remembered of it', async () => {
    const client = await made();
    await doors(client.clientId, [client.clientSecret]);
    const { body } = await admin.ask('rotateClient', client.clientId, { body: { keepOldFor: 60 } });
    expect(body['oldSecretExpiresAt']).toBe(new Date(frozenAt + aheadMs + 60_000).toISOString());
    const secrets = [client.clientSecret, String(body['clientSecret']), 'tacet_cs_wrong'];
    expect(await doors(client.clientId, secrets)).toEqual([200, 200, 401]);
    const { token } = await grant('/Token', client);
    aheadMs += 60_000;
    expect(await doors(client.clientId, secrets)).toEqual([401, 200, 401]);
    // What was given under it lives to its own end.
    expect(await bearer(token).outcome('listCalls')).toBe('200');
    expect((await admin.ask('getClient', client.clientId)).body['oldSecretExpiresAt']).toBeNull();
  });

  test('are never three: of a second rotation the oldest ends at once', async () => {
    const client = await made();
    const second = (await admin.ask('rotateClient', client.clientId)).body;
    const third = (await admin.ask('rotateClient', client.clientId)).body;
    expect(third['oldSecretExpiresAt']).toBe(new Date(frozenAt + aheadMs + dayMs).toISOString());
    const secrets = [String(third['clientSecret']), String(second['clientSecret']), client.clientSecret];
    expect(await doors(client.clientId, secrets)).toEqual([200, 200, 401]);
    expect(await audited(app, client.clientId)).toEqual(['client.created', 'client.rotated', 'client.rotated']);
  });

  test('are one where the old one is to be kept for no time', async () => {
    const client = await made();
    await doors(client.clientId, [client.clientSecret]);
    const { body } = await admin.ask('rotateClient', client.clientId, { body: { keepOldFor: 0 } });
    expect(body['oldSecretExpiresAt']).toBeNull();
    expect(await doors(client.clientId, [String(body['clientSecret']), client.clientSecret])).toEqual([200, 401]);
  });

  test('let the old one live no longer than it would have', async () => {
    const client = await made();
    aheadMs += 365 * dayMs - 1000;
    // Its administrator's token is over by now.
    admin = await OperationClient.within(app);
    const { body } = await admin.ask('rotateClient', client.clientId, { body: { keepOldFor: 3600 } });
    expect(body['oldSecretExpiresAt']).toBe(new Date(frozenAt + aheadMs + 1000).toISOString());
    aheadMs += 1000;
    expect(await doors(client.clientId, [String(body['clientSecret']), client.clientSecret])).toEqual([200, 401]);
  });

  test.each([-1, 0.5, 30 * 24 * 3600 + 1, '60', null])('are refused for a time of %j', async (keepOldFor) => {
    const { clientId } = await made();
    expect(await admin.outcome('rotateClient', clientId, { body: { keepOldFor } })).toBe('400 input_invalid');
  });

  test('cost as many hashes as one, as a wrong one and as nobody has', async () => {
    const client = await made();
    const { body } = await admin.ask('rotateClient', client.clientId);
    const fresh = { clientId: client.clientId, clientSecret: String(body['clientSecret']) };
    const single = await made();
    const costs: number[] = [];
    const wrong = (clientId: string) => ({ clientId, clientSecret: 'tacet_cs_wrong' });
    for (const one of [client, fresh, wrong(client.clientId), single, wrong(single.clientId), wrong(noSuch)]) {
      costs.push(await countedHashes(app, async () => void (await grant('/v1/token', one))));
    }
    expect(new Set(costs)).toEqual(new Set([2]));
  });

  test('are made once under a key, and the new one is not told again', async () => {
    const client = await made();
    const asked = { body: { keepOldFor: 60 }, key: 'one-rotation' };
    const first = await admin.ask('rotateClient', client.clientId, asked);
    const again = await admin.ask('rotateClient', client.clientId, asked);
    expect(again).toMatchObject({ status: 200, body: { ...first.body, clientSecret: null } });
    expect(await admin.outcome('rotateClient', client.clientId, { ...asked, body: {} })).toMatch(/^422/);
    expect(await audited(app, client.clientId)).toEqual(['client.created', 'client.rotated']);
  });
});

describe('a change of scopes', () => {
  test('takes one away at once, for tokens given before, and is written down once', async () => {
    const client = await made(['calls:read', 'admin']);
    const { token } = await grant('/v1/token', client);
    expect(await bearer(token).outcome('listClients')).toBe('200');
    const asked = { body: { scopes: ['calls:read'] }, key: 'fewer' };
    for (let i = 0; i < 2; i += 1) {
      expect(await admin.ask('changeClient', client.clientId, asked)).toMatchObject({
        status: 200,
        body: { scopes: ['calls:read'] },
      });
    }
    expect(await bearer(token).outcome('listClients')).toBe('403 scope_missing');
    expect(await bearer(token).outcome('listCalls')).toBe('200');
    expect(await audited(app, client.clientId)).toEqual(['client.changed', 'client.created']);
  });

  test('may take from an administrator what made it one', async () => {
    const client = await made(['admin']);
    const own = bearer((await grant('/v1/token', client)).token);
    expect(await own.outcome('changeClient', client.clientId, { body: { scopes: ['calls:read'] } })).toBe('200');
    expect(await own.outcome('getClient', client.clientId)).toBe('403 scope_missing');
  });
});

describe('a client that is disabled', () => {
  test('loses both secrets and its tokens at once; it stays to be read, and is written down once', async () => {
    const client = await made();
    const { body } = await admin.ask('rotateClient', client.clientId);
    const secrets = [client.clientSecret, String(body['clientSecret'])];
    await doors(client.clientId, secrets);
    const { token } = await grant('/v1/token', client);
    const at = new Date(frozenAt + aheadMs).toISOString();
    for (let i = 0; i < 2; i += 1) {
      const ended = await admin.ask('disableClient', client.clientId);
      expect(ended).toMatchObject({ status: 200, body: { disabledAt: at, oldSecretExpiresAt: null } });
    }
    expect(await doors(client.clientId, secrets)).toEqual([401, 401]);
    expect(await bearer(token).outcome('listCalls')).toBe('401 token_invalid');
    expect(await admin.outcome('rotateClient', client.clientId)).toBe('404 client_not_found');
    const change = { body: { scopes: 'all' } };
    expect(await admin.outcome('changeClient', client.clientId, change)).toBe('404 client_not_found');
    expect(await admin.outcome('getClient', client.clientId)).toBe('200');
    expect(await audited(app, client.clientId)).toEqual(['client.created', 'client.disabled', 'client.rotated']);
  });
});

describe('when a client was last used', () => {
  test('is known to the hour of its last token, whichever its secret and the door', async () => {
    const client = await made();
    const hour = () => new Date(Math.floor((frozenAt + aheadMs) / 3_600_000) * 3_600_000).toISOString();
    const lastUsed = async () => (await admin.ask('getClient', client.clientId)).body['lastUsedAt'];
    await grant('/v1/token', { ...client, clientSecret: 'wrong wrong' });
    expect(await lastUsed()).toBeNull();
    for (const url of ['/Token', '/v1/token']) {
      await Promise.all(Array.from({ length: 5 }, async () => await grant(url, client)));
      await until(async () => (await lastUsed()) === hour());
      aheadMs += 2 * 3_600_000;
      admin = await OperationClient.within(app);
    }
    expect(await audited(app, client.clientId)).toEqual(['client.created']);
  });
});
