import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { disableUser, rotateUser } from '../../src/engine/access/users.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { buildServer } from '../../src/http/server.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { claimsIn, getTwin, newUser, postTwin, type TestUser, tokensOf } from '../support/twin-users.ts';

let app: TestApp;
let ann: TestUser;
let aheadMs = 0;
const frozenAt = Date.now();
const nowSeconds = () => Math.floor((frozenAt + aheadMs) / 1000);
const weekSeconds = 604_800;
const monthSeconds = 30 * 86_400;

beforeAll(async () => {
  // Time moves only when a test says so, and then forward.
  const clock = { now: () => frozenAt + aheadMs };
  app = await startApp({ clock, env: { TACET_TRUST_PROXY: '127.0.0.1' }, workers: 0 });
  ann = await newUser(app);
});
afterAll(async () => await app.close());

const logIn = async (body: unknown, headers?: Record<string, string>) =>
  await postTwin(app, 'auth/login', body, headers);
const credentials = ({ email, password }: TestUser) => ({ email, password });
let places = 0;
/** From an address of its own, so that no failure slows another. */
const elsewhere = () => {
  places += 1;
  return { 'x-forwarded-for': `2001:db8:0:${places.toString(16)}::1` };
};

describe('a login', () => {
  test('gives token and refresh token as JSON that nobody may keep, and the token opens every surface', async () => {
    const answer = await logIn(credentials(ann));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    });
    const tokens = answer.json<{ token: string; refreshToken: string }>();
    expect(tokens).toStrictEqual({ token: expect.any(String), refreshToken: expect.any(String) });
    expect((await getTwin(app, 'users/me', tokens.token)).statusCode).toBe(200);
    const headers = { authorization: `Bearer ${tokens.token}` };
    const payload = '{"callSessionIds":[]}';
    const vendor = await app.http.inject({ method: 'POST', url: '/callCapture/v1/status', headers, payload });
    expect(vendor.statusCode).toBe(200);
    const native = await getTwin(app, `/v1/calls/${randomUUID()}/recording`, tokens.token);
    expect(native.statusCode).toBe(404);
  });

  test('sets both as cookies too, which are Secure when the request came over TLS', async () => {
    const answer = await logIn({ ...credentials(ann), ttl: 3600 });
    const { token, refreshToken } = answer.json<{ token: string; refreshToken: string }>();
    const attributes = 'Path=/; HttpOnly; SameSite=Lax';
    expect(answer.headers['set-cookie']).toEqual([
      `token=${token}; ${attributes}; Max-Age=3600`,
      `refresh_token=${refreshToken}; ${attributes}; Max-Age=31536000`,
    ]);
    const secure = await logIn(credentials(ann), { 'x-forwarded-proto': 'https' });
    expect(secure.headers['set-cookie']).toEqual([
      expect.stringMatching(/; Path=\/; HttpOnly; SameSite=Lax; Secure; Max-Age=604800$/),
      expect.stringMatching(/; Path=\/; HttpOnly; SameSite=Lax; Secure; Max-Age=31536000$/),
    ]);
  });

  test('sets cookies that are Secure wherever the public address is one over TLS', async () => {
    const proxied = buildServer(app.engine, { trustProxy: [], publicUrl: () => 'https://archive.example' });
    const answer = await proxied.inject({ method: 'POST', url: '/iam/api/v1/auth/login', payload: credentials(ann) });
    const secure = expect.stringContaining('; Secure; ');
    expect([answer.statusCode, answer.headers['set-cookie']]).toEqual([200, [secure, secure]]);
    await proxied.close();
  });

  test('gives a JWT of three parts, RS512, with the documented claims and a life of one week', async () => {
    const { token } = await tokensOf(app, ann);
    expect(token.split('.')).toHaveLength(3);
    const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as unknown;
    expect(header).toEqual({ typ: 'JWT', alg: 'RS512' });
    expect(claimsIn(token)).toStrictEqual({
      iat: nowSeconds(),
      exp: nowSeconds() + weekSeconds,
      version: 4,
      sub: String(ann.user.number),
      company_id: app.tenant.number,
      user_id: ann.user.id,
      password_id: expect.stringMatching(/^[\w-]{22}$/),
    });
  });

  test.each([
    [3600, 3600],
    ['43200', 43_200],
    [1, 1],
    [null, weekSeconds],
    ['', weekSeconds],
    [monthSeconds, monthSeconds],
    [monthSeconds + 1, monthSeconds],
    ['999999999999', monthSeconds],
    [1e20, monthSeconds],
  ])('with the ttl %j gives a token of %i seconds', async (ttl, seconds) => {
    const { exp, iat } = claimsIn((await tokensOf(app, ann, { ttl })).token);
    expect(Number(exp) - Number(iat)).toBe(seconds);
  });

  test.each([0, -1, '0', '-5', ' ', ' 60', '60s', 1.5, true, [], {}])('with the ttl %j is 400', async (ttl) => {
    const answer = await logIn({ ...credentials(ann), ttl });
    expect([answer.statusCode, answer.json()]).toEqual([400, { error: 'ttl must be a number of seconds, 1 or more' }]);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  test.each([
    ['Bearer null', { authorization: 'Bearer null' }],
    ['a header that is no token', { authorization: 'nonsense' }],
    ['a form as its Content-Type', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('does not mind %s', async (_what, headers) => {
    expect((await logIn(credentials(ann), headers)).statusCode).toBe(200);
  });

  test.each([
    [{ companyId: null }],
    [{ companyId: '' }],
    [{ extra: [] }],
    [{ extra: { a: 1 } }],
    [{ companyId: null, extra: [], remember: true }],
  ])('does not mind %j', async (more) => {
    expect((await logIn({ ...credentials(ann), ...more })).statusCode).toBe(200);
  });

  test.each(['/api/v1/auth/login', '/iam/api/v1/auth/login/', '//iam/api/v1//auth/login', '/IAM/API/v1/Auth/Login/'])(
    'is at %s too',
    async (path) => expect((await postTwin(app, path, credentials(ann))).statusCode).toBe(200),
  );

  test('finds the e-mail in any case and with blanks around it', async () => {
    for (const email of [ann.email.toUpperCase(), `  ${ann.email}\t`]) {
      expect((await logIn({ ...credentials(ann), email })).statusCode).toBe(200);
    }
  });

  test('takes the number of the own company, as a number or in digits', async () => {
    const { number } = app.tenant;
    for (const companyId of [number, String(number)]) {
      expect((await logIn({ ...credentials(ann), companyId })).statusCode).toBe(200);
    }
  });

  test('takes a password as it is: one that looks like a digest is just a password', async () => {
    const digest = '5f4dcc3b5aa765d61d8327deb882cf99';
    const taken = await newUser(app, { password: digest });
    expect((await logIn(credentials(taken))).statusCode).toBe(200);
    for (const password of [digest.toUpperCase(), 'password', ` ${digest}`, `${digest}\n`]) {
      expect((await logIn({ email: taken.email, password }, elsewhere())).statusCode).toBe(401);
    }
    const odd = await newUser(app, { password: ' \u043f\u0430\u0440\u043e\u043b\u044c\t\u0000"\\ ' });
    expect((await logIn(credentials(odd))).statusCode).toBe(200);
  });
});

describe('a login that fails', () => {
  test('is one answer, byte for byte, whatever was wrong, and never says that a token is expired', async () => {
    const other = await createTenant(app.engine, { slug: `other-${places}`, region: 'US' });
    const disabled = await newUser(app);
    await disableUser(app.engine, { email: disabled.email, actor: operator });
    const rotated = await newUser(app);
    await rotateUser(app.engine, { email: rotated.email, actor: operator });
    const wrong = [
      { ...credentials(ann), password: 'wrong' },
      { ...credentials(ann), password: `${ann.password} ` },
      { ...credentials(ann), companyId: other.number },
      { ...credentials(ann), companyId: 0 },
      { email: 'nobody@example.org', password: ann.password },
      { email: 'not an address', password: ann.password },
      { email: '\u0000', password: ann.password },
      { email: `${'a'.repeat(400)}@example.org`, password: ann.password },
      credentials(disabled),
      credentials(rotated),
    ];
    const seen = new Set<string>();
    for (const body of wrong) {
      const answer = await logIn(body, elsewhere());
      const { date: _, ...headers } = answer.headers;
      seen.add(JSON.stringify([answer.statusCode, answer.body, headers]));
    }
    expect([...seen]).toHaveLength(1);
    expect(JSON.parse([...seen][0] ?? '')).toMatchObject([401, '{"error":"The e-mail or password is wrong"}', {}]);
  });

  test.each([
    ['nothing', ''],
    ['an empty list', '[]'],
    ['no e-mail', { password: 'x' }],
    ['no password', { email: 'a@example.org' }],
    ['a number as password', { email: 'a@example.org', password: 1 }],
    ['a list as e-mail', { email: ['a@example.org'], password: 'x' }],
    ['a name in another case', { Email: 'a@example.org', password: 'x' }],
    ['a company that is no number', { email: 'a@example.org', password: 'x', companyId: {} }],
    ['what is no JSON', '{"email": "a@example.org'],
    ['what is no object', '"a@example.org"'],
  ])('is 400 for %s, in words that repeat nothing of it', async (_what, body) => {
    const answer = await logIn(body, elsewhere());
    expect([answer.statusCode, Object.keys(answer.json<object>())]).toEqual([400, ['error']]);
    expect(answer.body).not.toContain('example.org');
  });

  test('is slowed per account and address with 401, and the right user elsewhere is not', async () => {
    const bob = await newUser(app);
    const from = async (address: string, password = bob.password, email = bob.email) =>
      await logIn({ email, password }, { 'x-forwarded-for': address });
    for (let i = 0; i < 3; i += 1) expect((await from('203.0.113.7', 'wrong')).statusCode).toBe(401);
    // Another way to write the same e-mail is the same account.
    const slowed = await from('203.0.113.7', bob.password, bob.email.toUpperCase());
    expect([slowed.statusCode, slowed.headers['retry-after']]).toEqual([401, '1']);
    expect(slowed.json()).toEqual({ error: 'Too many failed attempts; try again later' });
    expect(slowed.headers['set-cookie']).toBeUndefined();
    expect((await from('203.0.113.8')).statusCode).toBe(200);
    // The password is remembered now, so that it is let in even from the address of the failures.
    expect((await from('203.0.113.7')).statusCode).toBe(200);
    aheadMs += 1000;
    expect((await from('203.0.113.7', 'wrong')).statusCode).toBe(401);
  });

  test('is slowed all the same for users that do not exist', async () => {
    const from = { 'x-forwarded-for': '203.0.113.9' };
    const waits: unknown[] = [];
    for (let i = 0; i < 4; i += 1) {
      const answer = await logIn({ email: 'nobody-at-all@example.org', password: 'x' }, from);
      expect(answer.statusCode).toBe(401);
      waits.push(answer.headers['retry-after']);
    }
    expect(waits).toEqual([undefined, undefined, undefined, '1']);
  });

  test('counts for the address of the connection where no proxy is trusted', async () => {
    const bob = await newUser(app);
    const bare = buildServer(app.engine, { trustProxy: [], publicUrl: () => 'http://127.0.0.1' });
    const from = async (forwarded: string, password: string) =>
      await bare.inject({
        method: 'POST',
        url: '/iam/api/v1/auth/login',
        remoteAddress: '198.51.100.9',
        headers: { 'x-forwarded-for': forwarded, 'x-forwarded-proto': 'https' },
        payload: { email: bob.email, password },
      });
    for (let i = 0; i < 3; i += 1) expect((await from(`203.0.113.${i}`, 'wrong')).statusCode).toBe(401);
    expect((await from('203.0.113.99', bob.password)).json()).toEqual({ error: expect.stringMatching(/^Too many/) });
    await bare.close();
  });

  test('leaves neither password nor e-mail in any log line', async () => {
    const email = 'logged-nowhere@example.org';
    await logIn({ email, password: 'a password typed wrong' }, elsewhere());
    await logIn(credentials(ann));
    const logged = app.logged.join('\n');
    for (const secret of [email, 'a password typed wrong', ann.email, ann.password]) {
      expect(logged).not.toContain(secret);
    }
  });
});

describe('a user whose maker died before the e-mail was sealed', () => {
  test('logs in, and the e-mail is there from then on', async () => {
    const carl = await newUser(app);
    const { engine } = app;
    // As the row stands after the first of the two commits.
    const sealedRow = await engine.store.reads.artifacts.find(carl.user.id, 'user');
    await engine.store.write(async (tx) => {
      await tx.artifacts.deleteSlots([sealedRow?.slot ?? -1]);
      if (sealedRow) await tx.artifacts.insert([{ ...sealedRow, sealed: null }]);
    });
    expect((await fsck(engine)).problems).toEqual([]);
    const list = async () =>
      (await getTwin(app, 'users', (await tokensOf(app, ann)).token)).json<{ items: unknown[] }>();
    expect((await list()).items).toContainEqual(expect.objectContaining({ id: carl.user.number, email: '' }));
    const { token } = await tokensOf(app, carl);
    expect((await getTwin(app, 'users/me', token)).json()).toMatchObject({ email: carl.email });
  });
});
