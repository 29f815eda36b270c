import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { operator } from '../../src/engine/access/operator.ts';
import { disableUser, rotateUser } from '../../src/engine/access/users.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { claimsIn, getTwin, newUser, postTwin, type TestUser, tokensOf } from '../support/twin-users.ts';

type Tokens = { token: string; refreshToken: string };

let app: TestApp;
let user: TestUser;
let first: Tokens;
let aheadMs = 0;
const frozenAt = Date.now();
const dayMs = 86_400_000;

beforeAll(async () => {
  app = await startApp({ clock: { now: () => frozenAt + aheadMs }, workers: 0 });
});
beforeEach(async () => {
  user = await newUser(app);
  first = await tokensOf(app, user);
});
afterAll(async () => await app.close());

const byPost = async (refreshToken: unknown, more: object = {}, headers: Record<string, string> = {}) =>
  await postTwin(app, 'auth/refresh', { refreshToken, ...more }, headers);
const byGet = async (refreshToken: string, ttl = '', headers: Record<string, string> = {}) =>
  await getTwin(app, `auth/refresh?refreshToken=${refreshToken}&ttl=${ttl}`, undefined, headers);
const statusWith = async (token: string) => (await getTwin(app, 'users/me', token)).statusCode;

describe.each([
  ['POST', byPost],
  ['GET', byGet],
] as const)('a refresh by %s', (_method, refresh) => {
  test('gives both tokens, as JSON and as cookies, for a week', async () => {
    const answer = await refresh(first.refreshToken);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const tokens = answer.json<Tokens>();
    expect(tokens).toStrictEqual({ token: expect.any(String), refreshToken: expect.any(String) });
    expect(answer.headers['set-cookie']).toEqual([
      `token=${tokens.token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800`,
      `refresh_token=${tokens.refreshToken}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000`,
    ]);
    expect(await statusWith(tokens.token)).toBe(200);
    const { sub, iat, exp } = claimsIn(tokens.token);
    expect([sub, Number(exp) - Number(iat)]).toEqual([String(user.user.number), 604_800]);
    expect((await byPost(tokens.refreshToken)).statusCode).toBe(200);
  });

  test('does not look at the Authorization header: the old token raw, as a Bearer, expired, or nonsense', async () => {
    aheadMs += 8 * dayMs;
    expect(await statusWith(first.token)).toBe(401);
    for (const authorization of [first.token, `Bearer ${first.token}`, 'Bearer null', 'Bearer', 'Basic eDp5']) {
      const answer =
        refresh === byGet
          ? await byGet(first.refreshToken, '', { authorization })
          : await byPost(first.refreshToken, {}, { authorization });
      expect(answer.statusCode).toBe(200);
    }
  });

  test('does not end the refresh token: the first one is good until its own year is over', async () => {
    const start = aheadMs;
    for (const days of [1, 100, 364]) {
      aheadMs = start + days * dayMs;
      expect((await refresh(first.refreshToken)).statusCode).toBe(200);
    }
    const later = (await refresh(first.refreshToken)).json<Tokens>();
    aheadMs = start + 365 * dayMs;
    expect((await refresh(first.refreshToken)).statusCode).toBe(401);
    expect((await refresh(later.refreshToken)).statusCode).toBe(200);
  });

  test('is 401, and never says that a token is expired, for what is no refresh token of a user here', async () => {
    const disabled = await newUser(app);
    const rotated = await newUser(app);
    const lost = [await tokensOf(app, disabled), await tokensOf(app, rotated)].map((one) => one.refreshToken);
    await disableUser(app.engine, { email: disabled.email, actor: operator });
    await rotateUser(app.engine, { email: rotated.email, actor: operator });
    const other = await startApp({ workers: 0 });
    const foreign = (await tokensOf(other, await newUser(other))).refreshToken;
    await other.close();
    const cut = first.refreshToken.slice(0, -1);
    for (const token of [first.token, await app.token(), foreign, cut, 'x', ...lost]) {
      const answer = await refresh(token);
      expect([answer.statusCode, answer.json()]).toEqual([401, { error: 'The refresh token is not valid' }]);
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
  });
});

test('a refresh with a ttl gives a token that lives so long, by either method', async () => {
  for (const answer of [await byPost(first.refreshToken, { ttl: 36_000 }), await byGet(first.refreshToken, '36000')]) {
    const { iat, exp } = claimsIn(answer.json<Tokens>().token);
    expect(Number(exp) - Number(iat)).toBe(36_000);
  }
  for (const answer of [await byPost(first.refreshToken, { ttl: 'soon' }), await byGet(first.refreshToken, '0')]) {
    expect([answer.statusCode, answer.json()]).toEqual([400, { error: 'ttl must be a number of seconds, 1 or more' }]);
  }
});

test('a refresh without its token is 400, by either method', async () => {
  const answers = [
    await byPost(undefined),
    await byPost(null),
    await byPost(7),
    await postTwin(app, 'auth/refresh', '[]'),
    await postTwin(app, 'auth/refresh', ''),
    await getTwin(app, 'auth/refresh'),
    await getTwin(app, 'auth/refresh?refreshToken='),
    await getTwin(app, 'auth/refresh?refreshToken=a&refreshToken=b'),
  ];
  for (const answer of answers) {
    expect([answer.statusCode, answer.json()]).toEqual([400, { error: expect.stringMatching(/^refreshToken /) }]);
  }
});

test('a refresh token opens nothing itself, and stands in no log line even when it comes in a URL', async () => {
  expect(await statusWith(first.refreshToken)).toBe(401);
  expect((await byGet(first.refreshToken)).statusCode).toBe(200);
  expect(app.logged.join('\n')).not.toContain(first.refreshToken.slice(-40));
});
