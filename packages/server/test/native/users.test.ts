import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { scopes } from '../../src/model/tenant.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { audited, OperationClient } from '../support/operation-client.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let admin: OperationClient;
let aheadMs = 0;
let madeSoFar = 0;
const frozenAt = Date.UTC(2026, 2, 1, 10, 20);
const noSuch = '01900000-0000-7000-8000-000000000000';

beforeAll(async () => {
  app = await startApp({ clock: { now: () => frozenAt + aheadMs }, workers: 0 });
  admin = await OperationClient.within(app);
});
afterAll(async () => await app.close());

type User = { id: string; email: string; password: string; number: number };

async function made(change: object = {}, as = admin): Promise<User> {
  madeSoFar += 1;
  const body = { email: `user-${madeSoFar}@example.com`, scopes: ['calls:read'], ...change };
  const answer = await as.ask('createUser', '', { body });
  expect(answer.status).toBe(201);
  return answer.body as User;
}

async function logIn(email: string, password: string): Promise<{ status: number; token: string }> {
  const answer = await app.http.inject({
    method: 'POST',
    url: '/iam/api/v1/auth/login',
    payload: { email, password },
  });
  const body: unknown = answer.json();
  const token = typeof body === 'object' && body !== null && 'token' in body ? String(body.token) : '';
  return { status: answer.statusCode, token };
}

const bearer = (token: string) => new OperationClient(app, token);

describe('a user who is made', () => {
  test('logs in with the password that is shown once, and that no read shows', async () => {
    const body = { email: 'Casey@Example.com', scopes: ['admin'] };
    const answer = await admin.ask('createUser', '', { body });
    expect(answer).toMatchObject({ status: 201 });
    expect(answer.body).toEqual({
      id: expect.any(String),
      number: expect.any(Number),
      email: 'Casey@Example.com',
      scopes: ['admin'],
      password: expect.stringMatching(/^tacet_pw_/),
      createdAt: '2026-03-01T10:20:00.000Z',
      disabledAt: null,
      lastUsedAt: null,
    });
    const { password, ...rest } = answer.body;
    expect((await admin.ask('getUser', String(rest['id']))).body).toEqual(rest);
    const { status, token } = await logIn('casey@example.com', String(password));
    expect(status).toBe(200);
    expect(await bearer(token).outcome('listUsers')).toBe('200');
    expect(await audited(app, String(rest['id']))).toEqual(['user.created']);
  });

  test('keeps a password that was given, which no answer repeats', async () => {
    const { email, password, id } = await made({ password: 'given by hand' });
    expect(password).toBeNull();
    expect((await logIn(email, 'given by hand')).status).toBe(200);
    const rotated = await admin.ask('rotateUser', id, { body: { password: 'another one' } });
    expect(rotated).toMatchObject({ status: 200, body: { password: null } });
  });

  test('is refused with the e-mail of another', async () => {
    const { email } = await made();
    const body = { email: email.toUpperCase(), scopes: 'all' };
    expect(await admin.outcome('createUser', '', { body })).toBe('409 user_exists');
  });

  test.each([
    ['nothing', undefined],
    ['no e-mail', { scopes: 'all' }],
    ['what is no e-mail', { email: 'nobody', scopes: 'all' }],
    ['no scopes', { email: 'a@example.com' }],
    ['an unknown scope', { email: 'a@example.com', scopes: ['root'] }],
    ['an empty password', { email: 'a@example.com', scopes: 'all', password: '' }],
    ['a field that is not known', { email: 'a@example.com', scopes: 'all', name: 'A' }],
  ])('is refused with %s', async (_what, body) => {
    expect(await admin.outcome('createUser', '', { body })).toBe('400 input_invalid');
  });

  test('under a key is made once, its generated password not told again, its given one compared', async () => {
    const asked = { body: { email: 'once@example.com', scopes: ['calls:read'] }, key: 'one-user' };
    const first = await admin.ask('createUser', '', asked);
    const again = await admin.ask('createUser', '', asked);
    expect(again).toMatchObject({ status: 201, body: { ...first.body, password: null } });
    const given = { body: { ...asked.body, email: 'given@example.com', password: 'given' }, key: 'given-user' };
    const second = await admin.ask('createUser', '', given);
    expect(await admin.ask('createUser', '', given)).toMatchObject({ status: 201, body: second.body });
    const others = [{ email: 'else@example.com' }, { scopes: 'all' }, { password: 'another' }, { password: undefined }];
    for (const other of others) {
      const body = { ...given.body, ...other };
      expect(await admin.outcome('createUser', '', { ...given, body })).toBe('422 idempotency_mismatch');
    }
    expect(await audited(app, String(second.body['id']))).toEqual(['user.created']);
  });

  test('at two requests of one key at once is made once', async () => {
    const asked = { body: { email: 'twice@example.com', scopes: ['calls:read'] }, key: 'twin-user' };
    const answers = await Promise.all([admin.ask('createUser', '', asked), admin.ask('createUser', '', asked)]);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(new Set(answers.map(({ body }) => body['id'])).size).toBe(1);
    expect(answers.filter(({ body }) => body['password'] !== null)).toHaveLength(1);
  });
});

describe('the list of users', () => {
  test('is that of the tenant, newest first, each once over its pages, disabled ones without their e-mail', async () => {
    const tenant = await createTenant(app.engine, { slug: 'listed', region: 'US' });
    const own = bearer(await app.token(['admin'], tenant));
    const users = [await made({}, own), await made({}, own), await made({}, own)];
    await own.ask('disableUser', users[1]?.id);
    const seen: unknown[] = [];
    for (let cursor: unknown; cursor !== null; ) {
      const query = { limit: '2', ...(typeof cursor === 'string' && { cursor }) };
      const { body } = await own.ask('listUsers', '', { query });
      seen.push(...(body['users'] as User[]).map(({ id, email }) => [id, email]));
      cursor = body['next'];
    }
    const expected = users.map(({ id, email }, i) => [id, i === 1 ? null : email]);
    expect(seen).toEqual(expected.reverse());
    expect(await own.outcome('listUsers', '', { query: { cursor: 'none' } })).toBe('400 input_invalid');
  });
});

describe('another password', () => {
  test('ends the old one and what was given under it, and is told once', async () => {
    const user = await made();
    const { token } = await logIn(user.email, user.password);
    const asked = { key: 'one-password' };
    const first = await admin.ask('rotateUser', user.id, asked);
    expect(await admin.ask('rotateUser', user.id, asked)).toMatchObject({ status: 200, body: { password: null } });
    expect(await bearer(token).outcome('listCalls')).toBe('401 token_invalid');
    expect((await logIn(user.email, String(first.body['password']))).status).toBe(200);
    expect((await logIn(user.email, user.password)).status).toBe(401);
    const given = { ...asked, body: { password: 'given' } };
    expect(await admin.outcome('rotateUser', user.id, given)).toBe('422 idempotency_mismatch');
    expect(await audited(app, user.id)).toEqual(['user.created', 'user.rotated']);
  });
});

describe('a change of scopes', () => {
  test('counts at once, for tokens given before, and is written down once', async () => {
    const user = await made();
    const own = bearer((await logIn(user.email, user.password)).token);
    expect(await own.outcome('listUsers')).toBe('403 scope_missing');
    const asked = { body: { scopes: ['admin'] }, key: 'more' };
    for (let i = 0; i < 2; i += 1) {
      expect(await admin.ask('changeUser', user.id, asked)).toMatchObject({ status: 200, body: { scopes: ['admin'] } });
    }
    expect(await own.outcome('listUsers')).toBe('200');
    expect(await own.outcome('changeUser', user.id, { body: { scopes: ['calls:read'] } })).toBe('200');
    expect(await own.outcome('listUsers')).toBe('403 scope_missing');
    expect(await audited(app, user.id)).toEqual(['user.changed', 'user.changed', 'user.created']);
  });
});

describe('a user who is disabled', () => {
  test('is out at once, keeps nothing but id, number and rights, and may be disabled again', async () => {
    const user = await made();
    const { token } = await logIn(user.email, user.password);
    for (let i = 0; i < 2; i += 1) {
      const { status, body } = await admin.ask('disableUser', user.id);
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: user.id, number: user.number, email: null, scopes: ['calls:read'] });
      expect(body['disabledAt']).not.toBeNull();
    }
    expect(await bearer(token).outcome('listCalls')).toBe('401 token_invalid');
    expect(await admin.outcome('rotateUser', user.id)).toBe('404 user_not_found');
    expect(await admin.outcome('changeUser', user.id, { body: { scopes: 'all' } })).toBe('404 user_not_found');
    expect(await admin.outcome('getUser', user.id)).toBe('200');
    await made({ email: user.email });
    expect(await audited(app, user.id)).toEqual(['user.created', 'user.disabled']);
  });
});

describe('whoever may not', () => {
  const all = ['createUser', 'listUsers', 'getUser', 'changeUser', 'rotateUser', 'disableUser'];
  const writes = ['changeUser', 'rotateUser', 'disableUser'];

  test.each(all)('is refused by %s: 401 without a token, 403 without the scope', async (operationId) => {
    const { id } = await made();
    const rest = scopes.filter((scope) => scope !== 'admin');
    expect(await (await OperationClient.within(app, rest)).outcome(operationId, id)).toBe('403 scope_missing');
    expect(await bearer('').outcome(operationId, id)).toBe('401 token_invalid');
    expect(await audited(app, id)).toEqual(['user.created']);
  });

  test.each(['getUser', ...writes])('is told of %s nothing of another tenant', async (operationId) => {
    const tenant = await createTenant(app.engine, { slug: `other-${operationId.toLowerCase()}`, region: 'US' });
    const foreign = await made({}, bearer(await app.token(['admin'], tenant)));
    const body = operationId === 'changeUser' ? { scopes: 'all' } : undefined;
    const answers = new Set<string>();
    for (const id of [foreign.id, noSuch, String(foreign.number), '%00', 'x']) {
      answers.add(JSON.stringify((await admin.ask(operationId, id, { body })).body));
    }
    expect([...answers]).toEqual([expect.stringContaining('"code":"user_not_found"')]);
    expect(await audited(app, foreign.id)).toEqual(['user.created']);
  });

  test.each(['createUser', ...writes])('sends %s what is no JSON, or too much of it', async (operationId) => {
    const { id } = await made();
    const headers = { 'content-type': 'text/plain' };
    expect(await admin.outcome(operationId, id, { body: 'x', headers })).toBe('415 media_type_unsupported');
    expect(await admin.outcome(operationId, id, { body: '{' })).toBe('400 input_invalid');
    const large = JSON.stringify({ scopes: 'x'.repeat(2 ** 20) });
    expect(await admin.outcome(operationId, id, { body: large })).toBe('413 upload_too_large');
  });
});

describe('when a user was last here', () => {
  test('is known to the hour of the last login', async () => {
    const user = await made();
    const lastUsed = async () => (await admin.ask('getUser', user.id)).body['lastUsedAt'];
    await logIn(user.email, 'wrong');
    expect(await lastUsed()).toBeNull();
    await logIn(user.email, user.password);
    await until(async () => (await lastUsed()) === '2026-03-01T10:00:00.000Z');
    aheadMs += 3_600_000;
    admin = await OperationClient.within(app);
    await logIn(user.email, user.password);
    await until(async () => (await lastUsed()) === '2026-03-01T11:00:00.000Z');
  });
});
