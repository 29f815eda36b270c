/** What an auditor is told of clients and users: which rights somebody had before and after, and until when a secret is good. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../src/engine/access/clients.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { OperationClient } from '../support/operation-client.ts';

let app: TestApp;
let admin: OperationClient;
const now = Date.UTC(2026, 2, 1, 10, 20);
const yearMs = 365 * 24 * 3_600_000;

beforeAll(async () => {
  app = await startApp({ clock: { now: () => now }, workers: 0 });
  admin = await OperationClient.within(app);
});
afterAll(async () => await app.close());

/** Each event of the subject with its detail; rows of one moment have no order. */
async function details(subjectId: string): Promise<Record<string, unknown>> {
  const rows = await app.engine.store.reads.audit.page('', 100_000);
  const ofSubject = rows.filter((row) => row.subjectId === subjectId);
  return Object.fromEntries(ofSubject.map(({ event, detail }) => [event, detail]));
}

test('the audit of a client tells its rights before and after, and until when its secrets are good', async () => {
  const { body } = await admin.ask('createClient', '', { body: { scopes: ['admin', 'calls:read'] } });
  const id = String(body['clientId']);
  await admin.ask('changeClient', id, { body: { scopes: ['audit:read'] } });
  await admin.ask('rotateClient', id, { body: { keepOldFor: 60 } });
  await admin.ask('disableClient', id);
  expect(await details(id)).toEqual({
    'client.created': { scopes: 'calls:read admin', expiresAt: now + yearMs, takenOver: false },
    'client.changed': { scopesBefore: 'calls:read admin', scopesAfter: 'audit:read' },
    'client.rotated': { expiresAt: now + yearMs, oldExpiresAt: now + 60_000 },
    'client.disabled': { disabled: true, scopes: 'audit:read' },
  });
});

test('the audit of a client tells where it came with a secret of its own, and where the old one ended at once', async () => {
  const takeOver = { clientId: 'legacy-robot', secret: 'a secret of its own' };
  await createClient(app.engine, app.tenant, { scopes: ['calls:write'], actor: operator, takeOver });
  await admin.ask('rotateClient', takeOver.clientId, { body: { keepOldFor: 0 } });
  expect(await details(takeOver.clientId)).toEqual({
    'client.created': { scopes: 'calls:write', expiresAt: now + yearMs, takenOver: true },
    'client.rotated': { expiresAt: now + yearMs, oldExpiresAt: null },
  });
});

test('the audit of a user tells the rights before and after, and whether a password was generated', async () => {
  const { body } = await admin.ask('createUser', '', { body: { email: 'ann@example.org', scopes: ['calls:read'] } });
  const id = String(body['id']);
  await admin.ask('changeUser', id, { body: { scopes: 'all' } });
  await admin.ask('rotateUser', id, { body: { password: 'given' } });
  await admin.ask('disableUser', id);
  const all = 'calls:write calls:read erasures:preview erasures:execute holds:write audit:read admin';
  expect(await details(id)).toEqual({
    'user.created': { scopes: 'calls:read', generated: true },
    'user.changed': { scopesBefore: 'calls:read', scopesAfter: all },
    'user.rotated': { generated: false },
    'user.disabled': { disabled: true, scopes: all },
  });
});
