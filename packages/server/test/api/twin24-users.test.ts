import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { createUser, disableUser, rotateUser } from '../../src/engine/access/users.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { type Scope, scopes } from '../../src/model/tenant.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { getTwin, newUser, type TestUser, tokensOf } from '../support/twin-users.ts';

let app: TestApp;
let admin: TestUser;
let reader: TestUser;
let foreigner: TestUser;
let disabled: TestUser;
let adminToken: string;
let readerToken: string;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  admin = await newUser(app, { email: ' Admin@Example.org ' });
  reader = await newUser(app, { scopes: ['calls:read'] });
  const tenant = await createTenant(app.engine, { slug: 'elsewhere', region: 'US' });
  foreigner = await newUser(app, { tenant });
  disabled = await newUser(app);
  await disableUser(app.engine, { email: disabled.email, actor: operator });
  adminToken = (await tokensOf(app, admin)).token;
  readerToken = (await tokensOf(app, reader)).token;
});
afterAll(async () => {
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});

/** As the vendor's SDK types it: a null for a name or an e-mail is a failure there. */
function shown({ user }: TestUser, email: string, allowed: readonly Scope[]) {
  const companyId = app.tenant.number;
  return {
    id: user.number,
    companyId,
    firstName: '',
    lastName: '',
    middleName: '',
    email,
    phone: null,
    roles: allowed.map((name) => ({ name, company_id: companyId })),
    settings: {},
    avatar: null,
  };
}

const notFound = [404, { error: 'No such user' }];
const forbidden = [403, { error: 'This needs the scope admin' }];

async function ask(path: string, token: string) {
  const { statusCode, json } = await getTwin(app, path, token);
  return [statusCode, json<unknown>()];
}

describe('users/me', () => {
  test.each(['users/me', 'users/me/', '/api/v1/users/me', 'users/ME'])('is who asks, at %s', async (path) => {
    expect(await ask(path, readerToken)).toEqual([200, shown(reader, reader.email, ['calls:read'])]);
    expect(await ask(path, adminToken)).toStrictEqual([200, shown(admin, 'Admin@Example.org', scopes)]);
  });

  test('is nobody for a program, whatever it may do', async () => {
    expect(await ask('users/me', await app.token())).toEqual(notFound);
  });
});

describe('users/{id}', () => {
  test('is for oneself, and for administrators any of the company', async () => {
    const path = `users/${reader.user.number}`;
    expect(await ask(path, readerToken)).toEqual([200, shown(reader, reader.email, ['calls:read'])]);
    expect(await ask(path, adminToken)).toEqual([200, shown(reader, reader.email, ['calls:read'])]);
    expect(await ask(path, await app.token(['admin']))).toEqual([200, shown(reader, reader.email, ['calls:read'])]);
  });

  test('is 404 for the unknown, the disabled, the malformed and those of another company, all alike', async () => {
    const { number } = foreigner.user;
    for (const id of [number, disabled.user.number, 999_999, 0, '-1', '01', '1.0', '1e3', 'x', '9'.repeat(40), '%00']) {
      expect(await ask(`users/${id}`, adminToken), String(id)).toEqual(notFound);
    }
  });

  test('is 403 for whoever is no administrator, whether or not there is such a user', async () => {
    for (const { user } of [admin, foreigner, disabled]) {
      expect(await ask(`users/${user.number}`, readerToken)).toEqual(forbidden);
    }
    expect(await ask('users/999999', readerToken)).toEqual(forbidden);
    expect(await ask(`users/${reader.user.number}`, await app.token(['calls:read']))).toEqual(forbidden);
  });
});

describe('users', () => {
  const list = async (query = '') => await ask(`users${query}`, adminToken);
  const all = () => [shown(admin, 'Admin@Example.org', scopes), shown(reader, reader.email, ['calls:read'])];

  test('are those of the company who may log in, by number, with their count', async () => {
    expect(await list()).toEqual([200, { count: 2, items: all() }]);
    expect(await ask('users', await app.token(['admin']))).toEqual([200, { count: 2, items: all() }]);
    expect(await ask('users', readerToken)).toEqual(forbidden);
  });

  test.each([
    ['?limit=1', [0]],
    ['?limit=1&page=1', [1]],
    ['?offset=1', [1]],
    ['?page=5', []],
  ])('come in parts: %s', async (query, places) => {
    const items = all().filter((_, place) => places.includes(place));
    expect(await list(query)).toEqual([200, { count: 2, items }]);
  });

  test('are told by number, role and company, and an empty list is a list', async () => {
    const { number } = app.tenant;
    const [first, second] = all();
    const both = `${admin.user.number}, ${reader.user.number},x`;
    expect(await list(`?userId=${encodeURIComponent(both)}&online=true`)).toEqual([200, { count: 2, items: all() }]);
    expect(await list(`?userId=${reader.user.number}`)).toEqual([200, { count: 1, items: [second] }]);
    expect(await list('?roles=admin,audit:read')).toEqual([200, { count: 1, items: [first] }]);
    expect(await list(`?companyId=${number}`)).toEqual([200, { count: 2, items: all() }]);
    expect(await list(`?companyId=${number + 1}`)).toEqual([200, { count: 0, items: [] }]);
    expect(await list(`?userId=${foreigner.user.number}`)).toEqual([200, { count: 0, items: [] }]);
  });

  test('come without their count, which is then that of the items, or without their items', async () => {
    expect(await list('?withoutCount=1&limit=1')).toEqual([200, { count: 1, items: all().slice(0, 1) }]);
    expect(await list('?withoutItems=true')).toEqual([200, { count: 2, items: [] }]);
    expect(await list(`?userId%5B0%5D=${reader.user.number}`)).toEqual([200, { count: 1, items: all().slice(1) }]);
  });

  test('are forbidden to whoever is no administrator before the question is looked at', async () => {
    expect(await ask('users?limit=x', readerToken)).toEqual(forbidden);
  });

  test('are not there without a token, and nobody can be made or changed here', async () => {
    expect((await getTwin(app, 'users')).statusCode).toBe(401);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      const headers = { authorization: `Bearer ${adminToken}` };
      const answer = await app.http.inject({ method, url: '/iam/api/v1/users', headers, payload: {} });
      expect([answer.statusCode, answer.json()]).toEqual([405, { error: expect.any(String) }]);
    }
  });
});

describe('an e-mail', () => {
  const make = async (email: string) =>
    await createUser(app.engine, app.tenant, { email, scopes: [], actor: operator });

  test('is unique within a company, however it is written', async () => {
    for (const email of [admin.email, 'ADMIN@example.org']) {
      await expect(make(email)).rejects.toMatchObject({ code: 'user_exists' });
    }
    const made = await Promise.allSettled([make('race@example.org'), make('RACE@example.org')]);
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('of a user who is disabled is erased: nobody is found by it, and another user may have it', async () => {
    const { engine } = app;
    const gone = await newUser(app, { email: 'leaver@example.org' });
    const before = await engine.store.reads.users.find({ id: gone.user.id });
    const [place] = await engine.store.reads.artifacts.ofOwner(gone.user.id);
    await disableUser(engine, { email: 'LEAVER@example.org', actor: operator });
    expect(await engine.store.reads.artifacts.ofOwner(gone.user.id)).toEqual([]);
    expect(await engine.tree.open(place?.slot ?? -1)).toMatchObject({ kind: 'destroyed' });
    const after = await engine.store.reads.users.find({ id: gone.user.id });
    const rest = { id: gone.user.id, number: gone.user.number, scopes: [...scopes], createdAt: before?.createdAt };
    expect(after).toMatchObject({ ...rest, passwordHash: '', disabledAt: expect.any(Number) });
    expect(Buffer.from(after?.login ?? []).equals(Buffer.from(before?.login ?? []))).toBe(false);
    const again = { email: gone.email, actor: operator };
    await expect(disableUser(engine, again)).rejects.toMatchObject({ code: 'user_not_found' });
    await expect(rotateUser(engine, again)).rejects.toMatchObject({ code: 'user_not_found' });
    const { user } = await make(gone.email);
    expect(user.number).toBeGreaterThan(gone.user.number);
    await disableUser(engine, again);
  });

  test.each([
    '',
    ' ',
    'ann',
    '@example.org',
    'ann@',
    'a b@example.org',
    'a@b@c',
    'a\u0000@example.org',
    `${'a'.repeat(309)}@example.org`,
  ])('of the form %j is refused, in words that do not repeat it', async (email) => {
    const refusal = await make(email).catch((error: Error & { code?: string }) => error);
    expect(refusal).toMatchObject({ code: 'input_invalid' });
    expect('message' in refusal && refusal.message).toMatch(/^An e-mail address has the form name@host/);
  });

  test('stands in no row in clear, and nothing of the password does', async () => {
    const row = await app.engine.store.reads.users.find({ id: admin.user.id });
    const artifacts = await app.engine.store.reads.artifacts.ofOwner(admin.user.id);
    expect(artifacts.map(({ kind, sealed }) => [kind, sealed === null])).toEqual([['user', false]]);
    const stored = JSON.stringify([row, artifacts]).toLowerCase();
    for (const secret of ['example.org', admin.password.toLowerCase()]) expect(stored).not.toContain(secret);
  });
});
