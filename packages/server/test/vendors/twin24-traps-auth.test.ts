import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { operator } from '../../src/engine/access/operator.ts';
import { disableUser, rotateUser } from '../../src/engine/access/users.ts';
import { forgeUserToken, goodUserHeader } from '../support/forged-user-tokens.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { claimsIn, newUser, tokensOf } from '../support/twin-users.ts';
import { TwinWire, type TwinWireAnswer, twinGateways } from '../support/twin-wire.ts';
import { pathsOf, rows } from './twin24-rows.ts';

const { iam, cis } = twinGateways;
const expiredText = 'Token is expired.';
const hourMs = 3_600_000;
const someId = '01900000-0000-7000-8000-000000000000';

let app: TestApp;
let wire: TwinWire;
/** How far the archive's clock is ahead of the client's. */
let aheadMs = 0;

beforeAll(async () => {
  app = await startApp({ clock: { now: () => Date.now() + aheadMs }, workers: 0 });
  await app.listen();
});
beforeEach(async () => {
  wire = await TwinWire.start(app);
});
afterEach(() => {
  aheadMs = 0;
});
afterAll(async () => await app.close());

async function seenWith(authorization: string | undefined): Promise<TwinWireAnswer> {
  const got = await fetch(`${wire.origin}${cis}/telephony/providers`, {
    headers: authorization === undefined ? {} : { authorization },
  });
  const text = await got.text();
  return { status: got.status, headers: got.headers, text, json: JSON.parse(text) };
}

async function hourToken(): Promise<{ token: string; expiresAt: number }> {
  const { token } = await tokensOf(app, wire.user, { ttl: 3600 });
  return { token, expiresAt: Number(claimsIn(token)['exp']) * 1000 };
}

function setClockTo(time: number): void {
  aheadMs = time - Date.now();
}

describe('7.1 the words on which the vendor\u2019s SDK refreshes, and spins until it may,', () => {
  test('are sent for a token a minute past its exp, which is good until then', async () => {
    const { token, expiresAt } = await hourToken();
    for (const [time, status] of [
      [expiresAt - 2_000, 200],
      [expiresAt, 200],
      [expiresAt + 55_000, 200],
      [expiresAt + 60_000, 401],
      [expiresAt + 30 * 24 * hourMs, 401],
    ] as const) {
      setClockTo(time);
      const answer = await seenWith(`Bearer ${token}`);
      expect(answer.status).toBe(status);
      if (status === 401) expect(answer.json).toEqual({ error: expiredText });
    }
  });

  test('are sent for nothing else: missing, malformed, forged, of another archive, disabled or of an old password', async () => {
    const [header = '', claims = '', signature = ''] = wire.token.split('.');
    const past = { ...claimsIn(wire.token), iat: 1_600_000_000, exp: 1_600_003_600 };
    const pastText = Buffer.from(JSON.stringify(past)).toString('base64url');
    const other = await startApp({ workers: 0 });
    const foreign = (await tokensOf(other, await newUser(other))).token;
    await other.close();
    const [disabled, rotated] = [await wire.within(['calls:read']), await wire.within(['calls:read'])];
    await disableUser(app.engine, { email: disabled.user.email, actor: operator });
    await rotateUser(app.engine, { email: rotated.user.email, actor: operator });
    const bad = [
      undefined,
      '',
      'Bearer',
      'Bearer null',
      'Bearer undefined',
      'Basic dXNlcjpwYXNz',
      `Bearer ${header}.${claims}`,
      `Bearer ${header}.${claims}.`,
      `Bearer ${header}.${pastText}.${signature}`,
      `Bearer ${forgeUserToken(goodUserHeader, past)}`,
      `Bearer ${forgeUserToken({ ...goodUserHeader, alg: 'none' }, past)}`,
      `Bearer ${foreign}`,
      `Bearer ${wire.refreshToken}`,
      `Bearer ${disabled.token}`,
      `Bearer ${rotated.token}`,
    ];
    for (const authorization of bad) {
      const answer = await seenWith(authorization);
      expect(answer.status, authorization).toBe(401);
      const { error } = answer.json as { error: string };
      expect(error).not.toBe('');
      expect(error.toLowerCase()).not.toContain('token is expired');
    }
    for (const path of ['auth/login', 'auth/refresh']) {
      const wrong = { email: wire.user.email, password: 'wrong', refreshToken: 'wrong' };
      const answer = await wire.post(`${iam}/${path}`, wrong);
      expect(answer.status).toBe(401);
      expect(answer.text).not.toContain(expiredText);
    }
  });

  test('are not sent for a refresh token whose year is over: that client has to log in again', async () => {
    aheadMs = 366 * 24 * hourMs;
    const answer = await wire.post(`${iam}/auth/refresh`, { refreshToken: wire.refreshToken });
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain(expiredText);
  });

  test.each([0, 30_000, 55_000])(
    'have an SDK whose clock lags by %d ms refresh once, and never spin',
    async (lagMs) => {
      const { token, expiresAt } = await hourToken();
      for (const sinceExp of [-2_000, 0, 30_000, 55_000, 59_000, 61_000, 120_000, hourMs]) {
        setClockTo(expiresAt + sinceExp);
        const sent = await asSdk(token, Date.now() + aheadMs - lagMs);
        expect(sent, `${sinceExp} ms after exp`).toBeLessThanOrEqual(2);
      }
    },
  );
});

/** As the vendor's SDK asks: on the words it refreshes if its own clock says so, and asks again in any case. */
async function asSdk(token: string, ownTime: number): Promise<number> {
  let current = token;
  for (let sent = 1; ; sent += 1) {
    const { status, json } = await seenWith(`Bearer ${current}`);
    if (status !== 401 || (json as { error: string }).error !== expiredText || sent === 10) return sent;
    if (Number(claimsIn(current)['exp']) * 1000 > ownTime) continue;
    const refreshed = await wire.post(`${iam}/auth/refresh`, { refreshToken: wire.refreshToken });
    current = (refreshed.json as { token: string }).token;
  }
}

describe('7.9 a refresh', () => {
  const forms = (token: string) => [undefined, token, `Bearer ${token}`, 'Bearer null', 'Bearer', 'nonsense'];

  test('gives both tokens, whatever Authorization says, by POST and by GET, also when the access token is over', async () => {
    const { token } = await hourToken();
    aheadMs = 2 * hourMs;
    for (const authorization of forms(token)) {
      const headers = authorization === undefined ? {} : { authorization };
      const body = JSON.stringify({ refreshToken: wire.refreshToken, ttl: 3600 });
      const posted = await fetch(`${wire.origin}${iam}/auth/refresh`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      });
      const query = new URLSearchParams({ refreshToken: wire.refreshToken, ttl: '3600' });
      const got = await fetch(`${wire.origin}${iam}/auth/refresh?${query}`, { headers });
      for (const answer of [posted, got]) {
        expect(answer.status).toBe(200);
        const given = (await answer.json()) as Record<string, string>;
        expect(Object.keys(given).sort()).toEqual(['refreshToken', 'token']);
        expect((await seenWith(`Bearer ${given['token']}`)).status).toBe(200);
        const again = await wire.post(`${iam}/auth/refresh`, { refreshToken: given['refreshToken'] });
        expect(again.status).toBe(200);
      }
    }
  });

  test('leaves the first refresh token good: the Go client knows no other', async () => {
    for (let week = 0; week < 51; week += 1) {
      aheadMs = week * 7 * 24 * hourMs;
      expect((await wire.post(`${iam}/auth/refresh`, { refreshToken: wire.refreshToken })).status).toBe(200);
    }
  });
});

describe('7.10 a login', () => {
  test('gives the same two tokens as JSON and as cookies', async () => {
    const { email, password } = wire.user;
    const answer = await wire.post(`${iam}/auth/login`, { email, password });
    const { token, refreshToken } = answer.json as { token: string; refreshToken: string };
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split('; '));
    expect(cookies.map(([pair]) => pair)).toEqual([`token=${token}`, `refresh_token=${refreshToken}`]);
    for (const cookie of cookies) expect(cookie).toEqual(expect.arrayContaining(['Path=/', 'HttpOnly']));
  });

  test('does not look at Authorization, nor at what it does not know, nor at a slash at the end', async () => {
    const { email, password } = wire.user;
    const companyId = wire.tenant.number;
    const bodies = [
      { companyId: null, extra: [] },
      { companyId: null, extra: {}, ttl: null },
      { companyId, extra: { source: 'script' } },
      { ttl: 86_400, remember: true, clientId: [] },
    ];
    for (const authorization of ['Bearer null', 'Bearer ', 'null', `Bearer ${wire.token}x`, '']) {
      for (const path of ['/iam/api/v1/auth/login', '/iam/api/v1/auth/login/', '/api/v1/auth/login/']) {
        for (const more of bodies) {
          const body = JSON.stringify({ email, password, ...more });
          const headers = { authorization, 'content-type': 'application/json' };
          const answer = await wire.send('POST', path, { headers, body });
          expect(answer.status, `${authorization} ${path} ${answer.text}`).toBe(200);
        }
      }
    }
  });

  test('compares the password as it is, never a digest of it', async () => {
    const md5 = '5f4dcc3b5aa765d61d8327deb882cf99';
    const user = await newUser(app, { tenant: wire.tenant, password: md5 });
    expect((await wire.post(`${iam}/auth/login`, { email: user.email, password: md5 })).status).toBe(200);
    expect((await wire.post(`${iam}/auth/login`, { email: user.email, password: 'password' })).status).toBe(401);
  });
});

describe('7.11 a client that logs in again on 401', () => {
  const guarded = rows.filter(({ path }) => !/^\/(auth|records)\//.test(path));

  test.each(guarded)('is told so by $method $path, whatever else is wrong', async (row) => {
    const { token, expiresAt } = await hourToken();
    setClockTo(expiresAt + 61_000);
    for (const path of pathsOf(row)) {
      const target = path.replace(/\{\w+\}/, someId);
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const body = row.method === 'GET' ? {} : { body: '{broken' };
      const answer = await wire.send(row.method, target, { headers, ...body });
      expect([answer.status, answer.json]).toEqual([401, { error: expiredText }]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test('is not told so where it lacks a right: that is 403, and no login would help', async () => {
    const reader = await wire.within(['calls:read']);
    const callId = await wire.call();
    expect(await reader.depersonalize(callId)).toBe(403);
    expect(await reader.deleteRecord(callId)).toBe(403);
    expect(await wire.hasAudio(callId)).toBe(true);
  });
});
