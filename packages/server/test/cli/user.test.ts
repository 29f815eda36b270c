import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scopes } from '../../src/model/tenant.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';

let folder: string;
let server: TacetProcess;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-user-'));
  await run(['tenant', 'create', 'acme', '--json']);
  await run(['tenant', 'create', 'other', '--json']);
  // Everything below happens beside a running server.
  server = startTacet(['serve'], environment());
  url = await server.listening;
});

afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.ended;
  await rm(folder, { recursive: true, force: true });
});

const environment = () => ({ TACET_HOME: join(folder, 'home'), TACET_LISTEN: '127.0.0.1:0' });

async function run(args: string[], input?: string | Uint8Array) {
  return await startTacet(args, environment(), input === undefined ? {} : { input }).ended;
}

const create = async (email: string, allowed: string, input?: string | Uint8Array) => {
  const args = ['user', 'create', '--tenant', 'acme', '--email', email, '--scopes', allowed, '--json'];
  return await run(input === undefined ? args : [...args, '--password-stdin'], input);
};

async function logIn(email: string, password: string): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ email, password });
  const answer = await fetch(`${url}/iam/api/v1/auth/login`, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  return answer.status;
}

describe('`user create`', { timeout: 120_000 }, () => {
  test('prints e-mail and generated password once, and they open the running server', async () => {
    const { code, output, errors } = await create('Ann@example.org', 'all');
    expect([code, errors]).toEqual([0, '']);
    const made = JSON.parse(output);
    expect(made).toStrictEqual({
      email: 'Ann@example.org',
      password: expect.stringMatching(/^tacet_pw_[A-Za-z0-9_-]{43}$/),
    });
    expect(await logIn('ann@example.org', made.password)).toBe(200);
    const again = await create(' ANN@example.org', 'all');
    expect([again.code, again.output, again.errors]).toEqual([1, '', 'tacet: A user with this e-mail exists\n']);
  });

  test.each([
    ['a digest with a line end', '5f4dcc3b5aa765d61d8327deb882cf99\n', '5f4dcc3b5aa765d61d8327deb882cf99'],
    [
      'the line end of another system',
      '\ufeff \u043f\u0430\u0440\u043e\u043b\u044c \r\n',
      '\ufeff \u043f\u0430\u0440\u043e\u043b\u044c ',
    ],
    ['two line ends, of which one is its own', 'x\n\n', 'x\n'],
  ])('takes over a password to the byte: %s', async (what, input, password) => {
    const email = `${what.replaceAll(/\W/g, '')}@example.org`;
    const { code, output } = await create(email, 'calls:read', input);
    expect([code, JSON.parse(output)]).toEqual([0, { email, password }]);
    expect(await logIn(email, password)).toBe(200);
    expect(await logIn(email, `${password}\n`)).toBe(401);
  });

  test.each([
    ['an empty password', ['a@example.org', 'all', '\n'], 'A password has 1 to 1024 characters'],
    ['a password that is no UTF-8', ['b@example.org', 'all', Buffer.from([0x61, 0xff])], 'must be UTF-8'],
    ['an e-mail that is none', ['nobody', 'all'], 'has the form name@host'],
  ] as const)('refuses %s with 2 and repeats nothing of it', async (_what, [email, allowed, input], words) => {
    const ended = await create(email, allowed, input);
    expect([ended.code, ended.output]).toEqual([2, '']);
    expect(ended.errors).toContain(words);
    expect(ended.errors).not.toContain(email);
  });

  test('refuses an unknown tenant', async () => {
    const args = ['user', 'create', '--tenant', 'nobody', '--email', 'd@example.org', '--scopes', 'all'];
    expect(await run(args)).toMatchObject({ code: 1, output: '', errors: 'tacet: No such tenant\n' });
  });
});

describe('`user rotate`, `disable` and `list`', { timeout: 120_000 }, () => {
  test('end the password before, end every password and the e-mail, and show who there is', async () => {
    const [email, first] = ['Eve@example.org', 'the first'];
    await run(
      ['user', 'create', '--tenant', 'other', '--email', email, '--scopes', 'admin', '--password-stdin'],
      first,
    );
    const rotated = await run(['user', 'rotate', 'EVE@example.org', '--json']);
    const { password } = JSON.parse(rotated.output);
    expect([await logIn(email, first), await logIn(email, password)]).toEqual([401, 200]);
    await run(['user', 'rotate', email, '--password-stdin'], 'the third');
    expect([await logIn(email, password), await logIn(email, 'the third')]).toEqual([401, 200]);
    const listed = async (...more: string[]) => JSON.parse((await run(['user', 'list', '--json', ...more])).output);
    const eve = { id: expect.any(Number), email, tenant: 'other', scopes: ['admin'], disabled: false };
    expect(await listed('--tenant', 'other')).toEqual([eve]);
    const disabled = await run(['user', 'disable', 'eve@example.org', '--json']);
    expect(JSON.parse(disabled.output)).toEqual({ email: 'eve@example.org', disabled: true });
    expect(await logIn(email, 'the third')).toBe(401);
    const everybody: { email: string | null; tenant: string; scopes: string[] }[] = await listed();
    expect(everybody.filter((user) => user.tenant === 'other')).toEqual([{ ...eve, email: null, disabled: true }]);
    expect(await run(['user', 'disable', email])).toMatchObject({ code: 1, errors: 'tacet: No such user\n' });
    const again = ['user', 'create', '--tenant', 'acme', '--email', email, '--scopes', 'admin', '--password-stdin'];
    expect((await run(again, 'the fourth')).code).toBe(0);
    // So many have failed by now that the next is let in a second later.
    await until(async () => (await logIn(email, 'the fourth')) === 200);
    expect(await logIn(email, 'the third')).toBe(401);
    expect(everybody.find((user) => user.email === 'Ann@example.org')?.scopes).toEqual(scopes);
  });

  test('refuse a user that is not there, without its name', async () => {
    for (const verb of ['rotate', 'disable']) {
      const ended = await run(['user', verb, 'ghost@example.org', '--json']);
      expect(ended).toMatchObject({ code: 1, output: '', errors: 'tacet: No such user\n' });
    }
    expect(await run(['user', 'list', '--tenant', 'nobody'])).toMatchObject({ code: 1, output: '' });
  });

  test('ask for the tenant where users of several have the e-mail, and touch no other', async () => {
    const email = 'both@example.org';
    const elsewhere = ['user', 'create', '--tenant', 'other', '--email', email, '--scopes', 'all', '--password-stdin'];
    expect((await create(email, 'all', 'of acme')).code).toBe(0);
    expect((await run(elsewhere, 'of other')).code).toBe(0);
    for (const verb of ['rotate', 'disable']) {
      const errors = 'tacet: Users of several tenants have this e-mail; name the tenant\n';
      expect(await run(['user', verb, email])).toMatchObject({ code: 2, output: '', errors });
    }
    expect((await run(['user', 'rotate', email, '--tenant', 'other', '--password-stdin'], 'renewed')).code).toBe(0);
    expect([await logIn(email, 'of acme'), await logIn(email, 'renewed')]).toEqual([200, 200]);
    expect((await run(['user', 'disable', email, '--tenant', 'other'])).code).toBe(0);
    expect([await logIn(email, 'renewed'), await logIn(email, 'of acme')]).toEqual([401, 200]);
    // Of one tenant alone it need not be said.
    expect((await run(['user', 'disable', email])).code).toBe(0);
  });
});
