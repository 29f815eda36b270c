import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { createClient, disableClient } from '../../src/engine/access/clients.ts';
import { issueToken } from '../../src/engine/access/issue-token.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { ensureUserTokenKey } from '../../src/engine/access/user-token-key.ts';
import { disableUser, rotateUser } from '../../src/engine/access/users.ts';
import { forgeUserToken, goodUserHeader } from '../support/forged-user-tokens.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { claimsIn, getTwin, newUser, postTwin, type TestUser, tokensOf } from '../support/twin-users.ts';

let app: TestApp;
let user: TestUser;
/** Always a whole second, since tokens count in seconds. */
let nowMs = Math.ceil(Date.now() / 1000) * 1000;

beforeAll(async () => {
  app = await startApp({ clock: { now: () => nowMs }, workers: 0 });
});
beforeEach(async () => {
  nowMs += 86_400_000;
  user = await newUser(app);
});
afterAll(async () => await app.close());

const id = '01900000-0000-7000-8000-000000000000';
const expMs = (token: string) => Number(claimsIn(token)['exp']) * 1000;
const accepted = [404, 'passed the door'] as const;
const over = [401, 'Token is expired.'] as const;
const refused = [401, 'The token is missing, malformed, expired or not ours'] as const;

/** What each of the vendor's services answers at this door: for somebody let in, that there is no such thing. */
async function doors(authorization: string | undefined): Promise<(readonly [number, string])[]> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const answers = [
    await getTwin(app, 'users/999999', undefined, headers),
    await getTwin(app, '/api/v1/users/999999', undefined, headers),
    await postTwin(app, `/cis/api/v1/calls/${id}/depersonalization`, '', headers),
    await postTwin(app, `/api/v1/telephony/autoCallCandidate/${id}/depersonalization`, '[]', headers),
  ];
  return answers.map(({ statusCode, json }) => {
    const { error } = json<{ error: string }>();
    return [statusCode, statusCode === 404 ? 'passed the door' : error] as const;
  });
}

const expectAt = async (token: string, atMs: number, outcome: readonly [number, string]) => {
  nowMs = atMs;
  const all = await doors(`Bearer ${token}`);
  expect(all).toEqual(all.map(() => outcome));
};

describe.each([
  ['a user', async () => (await tokensOf(app, user)).token, 604_800],
  ['a user, for an hour', async () => (await tokensOf(app, user, { ttl: 3600 })).token, 3600],
  ['a program', async () => await app.token(), 1799],
])('the token of %s', (_whose, issue, lifeSeconds) => {
  test('is never refused before its exp, is taken for a minute more, and then is what alone is told to be expired', async () => {
    const token = await issue();
    const exp = expMs(token);
    expect(exp - nowMs).toBe(lifeSeconds * 1000);
    for (const seconds of [-lifeSeconds, -lifeSeconds / 2, -1, 0, 1, 59]) {
      await expectAt(token, exp + seconds * 1000, accepted);
    }
    await expectAt(token, exp + 59_999, accepted);
    for (const seconds of [60, 61, 3600, 10 * 365 * 86_400]) await expectAt(token, exp + seconds * 1000, over);
  });

  test('dies at its exp to the millisecond on every other surface', async () => {
    const token = await issue();
    const headers = { authorization: `Bearer ${token}` };
    const statuses = async () => [
      (await postTwin(app, '/callCapture/v1/status', '{"callSessionIds":[]}', headers)).statusCode,
      (await getTwin(app, `/v1/calls/${id}/recording`, token)).statusCode,
    ];
    const exp = expMs(token);
    nowMs = exp - 1;
    expect(await statuses()).toEqual([200, 404]);
    nowMs = exp;
    expect(await statuses()).toEqual([401, 401]);
  });
});

describe('anything that is no good token is refused in other words than an expired one', () => {
  const expectRefused = async (authorization: string | undefined) => {
    const all = await doors(authorization);
    expect(all, authorization).toEqual(all.map(() => refused));
  };

  test('nothing, and what is no token', async () => {
    const { token } = await tokensOf(app, user);
    const wrong = [undefined, '', 'Bearer', 'Bearer null', 'Bearer undefined', `Basic ${token}`, `Bearer ${token} x`];
    for (const authorization of wrong) await expectRefused(authorization);
    // Raw, without Bearer: it is taken by auth/refresh alone, which does not look at it.
    await expectRefused(token);
  });

  test('a token that is malformed or forged, also when it says that it is over', async () => {
    const { token } = await tokensOf(app, user);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const said = claimsIn(token);
    const past = { ...said, iat: nowMs / 1000 - 7200, exp: nowMs / 1000 - 3600 };
    const encoded = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url');
    for (const fake of [
      forgeUserToken(goodUserHeader, said),
      forgeUserToken(goodUserHeader, past),
      `${header}.${encoded(past)}.${signature}`,
      `${header}.${encoded({ ...said, sub: '1' })}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${encoded({ typ: 'JWT', alg: 'none' })}.${payload}.${signature}`,
      'a'.repeat(9000),
    ]) {
      await expectRefused(`Bearer ${fake}`);
    }
  });

  test('the token of another archive, with the same user and company, over or not', async () => {
    const other = await startApp({ clock: { now: () => nowMs }, workers: 0 });
    const theirs = (await tokensOf(other, await newUser(other))).token;
    await other.close();
    expect(claimsIn(theirs)).toMatchObject({ sub: '1', company_id: app.tenant.number });
    await expectRefused(`Bearer ${theirs}`);
    nowMs = expMs(theirs) + 86_400_000;
    await expectRefused(`Bearer ${theirs}`);
  });

  test('a token whose user was disabled or has another password since, and only those', async () => {
    const [disabled, rotated] = [await newUser(app), await newUser(app)];
    const before = [await tokensOf(app, disabled), await tokensOf(app, rotated)];
    const untouched = (await tokensOf(app, user)).token;
    await disableUser(app.engine, { email: disabled.email, actor: operator });
    const { password } = await rotateUser(app.engine, { email: rotated.email, actor: operator });
    for (const { token } of before) await expectRefused(`Bearer ${token}`);
    await expectAt(untouched, nowMs, accepted);
    await expectAt((await tokensOf(app, { ...rotated, password })).token, nowMs, accepted);
  });

  test('a token of a client that was disabled since, in its minute of grace too', async () => {
    const made = await createClient(app.engine, app.tenant, { scopes: ['admin'], actor: operator });
    const asked = { clientId: made.clientId, secret: made.clientSecret, address: '127.0.0.1' };
    const { token } = await issueToken(app.engine, asked);
    await disableClient(app.engine, app.tenant, made.clientId, operator);
    await expectRefused(`Bearer ${token}`);
    nowMs = expMs(token) + 30_000;
    await expectRefused(`Bearer ${token}`);
  });
});

test("a token has the user's scopes as they are, and no more", async () => {
  const reader = await newUser(app, { scopes: ['calls:read'] });
  const { token } = await tokensOf(app, reader);
  const headers = { authorization: `Bearer ${token}` };
  const denied = await postTwin(app, `/cis/api/v1/calls/${id}/depersonalization`, '', headers);
  expect([denied.statusCode, denied.json()]).toEqual([403, { error: 'This needs the scope erasures:execute' }]);
});

test('of two processes that need the key of the tokens first, both use the same', async () => {
  const fresh = await startApp({ workers: 0 });
  const other = await openApp(fresh.config, {});
  const engines = [fresh.engine, other.engine, fresh.engine, other.engine];
  const pairs = await Promise.all(engines.map(async (engine) => await ensureUserTokenKey(engine)));
  const texts = pairs.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' }));
  expect(new Set(texts).size).toBe(1);
  const rows = (await fresh.engine.store.reads.artifacts.ofOwner('archive')).map(({ kind }) => kind);
  expect(rows.filter((kind) => kind === 'user-token-key')).toHaveLength(1);
  await other.close();
  await fresh.close();
});
