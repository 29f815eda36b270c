/** Users of two tenants who have one e-mail: neither tenant is told, slowed or let in by the other. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { createUser, disableUser, rotateUser } from '../../src/engine/access/users.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { countedHashes } from '../support/counted-hashes.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { OperationClient } from '../support/operation-client.ts';
import { claimsIn } from '../support/twin-users.ts';

let app: TestApp;
let ours: OperationClient;
let theirs: OperationClient;
let other: Tenant;
let email = '';
let places = 0;
let aheadMs = 0;
const frozenAt = Date.now();

beforeAll(async () => {
  const clock = { now: () => frozenAt + aheadMs };
  app = await startApp({ clock, env: { TACET_TRUST_PROXY: '127.0.0.1' }, workers: 0 });
  other = await createTenant(app.engine, { slug: 'other', region: 'US' });
  ours = await OperationClient.within(app);
  theirs = new OperationClient(app, await app.token(['admin'], other));
});
afterAll(async () => {
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});
beforeEach(() => {
  places += 1;
  email = `shared-${places}@example.org`;
});

async function made(by: OperationClient, password: string): Promise<string> {
  const { status, body } = await by.ask('createUser', '', { body: { email, scopes: ['calls:read'], password } });
  expect(status).toBe(201);
  return String(body['id']);
}

/** From an address of this test's own. */
async function logIn(password: string, { companyId, from = 0 }: { companyId?: number; from?: number } = {}) {
  const answer = await app.http.inject({
    method: 'POST',
    url: '/iam/api/v1/auth/login',
    headers: { 'x-forwarded-for': `2001:db8:${from}:${places.toString(16)}::1` },
    payload: { email, password, ...(companyId !== undefined && { companyId }) },
  });
  const said = answer.json<Record<string, string>>();
  const company = said['token'] === undefined ? null : claimsIn(said['token'])['company_id'];
  return { status: answer.statusCode, company, error: said['error'], retryAfter: answer.headers['retry-after'] };
}

describe('an e-mail that another tenant has', () => {
  test('is taken as one that nobody has, and told as one in use only within the tenant', async () => {
    await made(theirs, 'theirs');
    await made(ours, 'ours');
    for (const by of [ours, theirs]) {
      const body = { email: email.toUpperCase(), scopes: 'all' };
      expect(await by.outcome('createUser', '', { body })).toBe('409 user_exists');
    }
  });

  test('lets each in with the password of their own, and neither with that of nobody', async () => {
    await made(theirs, 'theirs');
    await made(ours, 'ours');
    // The second time it is remembered.
    for (let times = 0; times < 2; times += 1) {
      expect(await logIn('ours')).toMatchObject({ status: 200, company: app.tenant.number });
      expect(await logIn('theirs')).toMatchObject({ status: 200, company: other.number });
      expect(await logIn('theirs', { companyId: other.number })).toMatchObject({ status: 200, company: other.number });
    }
    for (const asked of [{ companyId: app.tenant.number }, { companyId: 0 }]) {
      expect((await logIn('theirs', { ...asked, from: 1 })).status).toBe(401);
    }
    expect((await logIn('wrong', { from: 2 })).status).toBe(401);
  });

  test('stays with the other when one is disabled, or has another password', async () => {
    const id = await made(theirs, 'theirs');
    await made(ours, 'ours');
    await logIn('ours');
    expect(await theirs.outcome('rotateUser', id, { body: { password: 'renewed' } })).toBe('200');
    expect([(await logIn('theirs')).status, (await logIn('renewed')).company]).toEqual([401, other.number]);
    expect(await theirs.outcome('disableUser', id)).toBe('200');
    expect((await logIn('renewed', { from: 1 })).status).toBe(401);
    expect((await logIn('ours')).company).toBe(app.tenant.number);
  });

  test('is that of several for the operator, who has to say which', async () => {
    const id = await made(theirs, 'theirs');
    await made(ours, 'ours');
    const asked = { email, actor: operator };
    for (const change of [rotateUser, disableUser]) {
      await expect(change(app.engine, asked)).rejects.toMatchObject({ code: 'input_invalid' });
    }
    const { user } = await rotateUser(app.engine, { ...asked, tenantId: other.id, password: 'renewed' });
    expect(user.id).toBe(id);
    await disableUser(app.engine, { ...asked, tenantId: other.id });
    expect((await rotateUser(app.engine, asked)).user.tenantId).toBe(app.tenant.id);
  });
});

describe('an e-mail and a password that are those of two tenants', () => {
  test('are refused unless the company is named, whatever was remembered of either', async () => {
    await made(ours, 'same');
    expect((await logIn('same')).company).toBe(app.tenant.number);
    await made(theirs, 'same');
    for (let times = 0; times < 5; times += 1) {
      const refused = await logIn('same');
      expect(refused).toMatchObject({ status: 401, error: expect.stringMatching(/companyId$/) });
      for (const { number: companyId } of [app.tenant, other]) {
        expect(await logIn('same', { companyId })).toMatchObject({ status: 200, company: companyId });
      }
    }
  });
});

describe('a login whose e-mail another tenant may have', () => {
  test('costs as much for one user, for two and for nobody, right or wrong', async () => {
    const costs: number[] = [];
    const cost = async (password: string, from: number) => {
      costs.push(await countedHashes(app, async () => void (await logIn(password, { from }))));
    };
    await cost('ours', 1);
    await made(ours, 'ours');
    await cost('ours', 2);
    await cost('wrong', 3);
    await made(theirs, 'theirs');
    for (const password of ['ours', 'theirs', 'wrong']) await cost(password, 4);
    expect(costs).toEqual([2, 2, 2, 2, 2, 2]);
  });

  test('looks at eight users of one e-mail, the oldest; the ninth has to name the company', async () => {
    const tenants: Tenant[] = [];
    for (let i = 1; i <= 9; i += 1) {
      const tenant = await createTenant(app.engine, { slug: `many-${i}`, region: 'US' });
      tenants.push(tenant);
      await createUser(app.engine, tenant, { email, scopes: [], actor: operator, password: `of ${i}` });
    }
    const [eighth, ninth] = tenants.slice(7).map(({ number }) => number);
    expect(await countedHashes(app, async () => void (await logIn('wrong', { from: 1 })))).toBe(8);
    expect((await logIn('of 8', { from: 2 })).company).toBe(eighth);
    expect((await logIn('of 9', { from: 2 })).status).toBe(401);
    expect((await logIn('of 9', { companyId: ninth ?? 0, from: 2 })).company).toBe(ninth);
  });

  test('is slowed for its failures, and a login of an own user does not make them forgotten', async () => {
    await made(ours, 'ours');
    await made(theirs, 'theirs');
    const outcomes: unknown[] = [];
    for (const guess of ['guess 1', 'guess 2', 'theirs', 'guess 3', 'guess 4']) {
      const { status, retryAfter } = await logIn(guess);
      outcomes.push([status, retryAfter]);
    }
    expect(outcomes).toEqual([
      [401, undefined],
      [401, undefined],
      [200, undefined],
      [401, undefined],
      [401, '1'],
    ]);
  });
});

describe('a password that an administrator gives', () => {
  test('counts as a guess at that of another tenant, whether or not one has the e-mail', async () => {
    for (const isThere of [true, false]) {
      places += 1;
      email = `guessed-${places}@example.org`;
      if (isThere) await made(ours, 'ours');
      const id = await made(theirs, 'guess 1');
      const outcomes: string[] = [];
      for (let guess = 2; guess <= 5; guess += 1) {
        outcomes.push(await theirs.outcome('rotateUser', id, { body: { password: `guess ${guess}` } }));
      }
      expect(outcomes).toEqual(['200', '200', '429 slow_down', '429 slow_down']);
      const { headers } = await theirs.ask('rotateUser', id, { body: { password: 'guess 6' } });
      expect(headers['retry-after']).toBe('1');
      // One that is generated is no guess; and nobody else is slowed.
      expect(await theirs.outcome('rotateUser', id)).toBe('200');
      if (isThere) expect((await logIn('ours')).status).toBe(200);
      aheadMs += 1000;
      expect(await theirs.outcome('rotateUser', id, { body: { password: 'guess 7' } })).toBe('200');
    }
  });

  test('is not compared with what the user has by now where its request is repeated under its key', async () => {
    const id = await made(ours, 'first');
    const asked = { body: { password: 'second' }, key: 'one-rotation' };
    const answer = await ours.ask('rotateUser', id, asked);
    expect(await ours.outcome('rotateUser', id, { body: { password: 'third' } })).toBe('200');
    expect(await ours.ask('rotateUser', id, asked)).toMatchObject({ status: 200, body: answer.body });
    const guessed = { ...asked, body: { password: 'third' } };
    expect(await ours.outcome('rotateUser', id, guessed)).toBe('422 idempotency_mismatch');
    expect((await logIn('third')).status).toBe(200);
  });
});
