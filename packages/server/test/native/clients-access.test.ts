import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../src/engine/access/clients.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { scopes } from '../../src/model/tenant.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { audited, OperationClient } from '../support/operation-client.ts';

let app: TestApp;
let admin: OperationClient;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
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

const bearer = (token: string) => new OperationClient(app, token);

describe('an id', () => {
  test('may hold every visible character of ASCII', async () => {
    const clientId = `${Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join('')}${'x'.repeat(106)}`;
    const takeOver = { clientId, secret: 'secret enough' };
    await createClient(app.engine, app.tenant, { scopes: ['admin'], actor: operator, takeOver });
    const id = encodeURIComponent(clientId);
    expect(await admin.ask('getClient', id)).toMatchObject({ status: 200, body: { clientId } });
    expect(await admin.ask('rotateClient', id)).toMatchObject({ status: 200, body: { clientId } });
    expect(await admin.ask('disableClient', id)).toMatchObject({ status: 200, body: { clientId } });
  });

  test.each(['getClient', 'changeClient', 'rotateClient', 'disableClient'])(
    'that is unknown, malformed or another tenant\u0027s is 404 alike to %s',
    async (operationId) => {
      const tenant = await createTenant(app.engine, { slug: `other-${operationId.toLowerCase()}`, region: 'US' });
      const foreign = await made('all', bearer(await app.token(['admin'], tenant)));
      const body = operationId === 'changeClient' ? { scopes: 'all' } : undefined;
      const answers = [];
      for (const id of [foreign.clientId, noSuch, '%20', '%00', '%C3%A9', 'x'.repeat(300)]) {
        const asked = operationId === 'getClient' ? {} : { body };
        answers.push((await admin.ask(operationId, id, asked)).body);
      }
      expect(answers[0]).toMatchObject({ status: 404, code: 'client_not_found' });
      expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
      expect(await audited(app, foreign.clientId)).toEqual(['client.created']);
    },
  );
});

describe('whoever may not', () => {
  const all = ['createClient', 'listClients', 'getClient', 'changeClient', 'rotateClient', 'disableClient'];

  test.each(all)('is refused by %s: 401 without a token, 403 without the scope', async (operationId) => {
    const { clientId } = await made();
    const other = await OperationClient.within(
      app,
      scopes.filter((scope) => scope !== 'admin'),
    );
    expect(await other.outcome(operationId, clientId)).toBe('403 scope_missing');
    expect(await bearer('').outcome(operationId, clientId)).toBe('401 token_invalid');
    expect(await audited(app, clientId)).toEqual(['client.created']);
  });

  test.each(['createClient', 'changeClient', 'rotateClient', 'disableClient'])(
    'sends %s what is no JSON, or too much of it',
    async (operationId) => {
      const { clientId } = await made();
      const headers = { 'content-type': 'text/plain' };
      expect(await admin.outcome(operationId, clientId, { body: 'x', headers })).toBe('415 media_type_unsupported');
      expect(await admin.outcome(operationId, clientId, { body: '{' })).toBe('400 input_invalid');
      const large = JSON.stringify({ scopes: 'x'.repeat(2 ** 20) });
      expect(await admin.outcome(operationId, clientId, { body: large })).toBe('413 upload_too_large');
    },
  );
});
