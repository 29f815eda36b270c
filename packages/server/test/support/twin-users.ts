/** Users of Twin24's surface, and how their programs log in. */
import { operator } from '../../src/engine/access/operator.ts';
import { createUser } from '../../src/engine/access/users.ts';
import { type Scope, scopes, type Tenant, type User } from '../../src/model/tenant.ts';
import type { TestApp } from './harness.ts';

const iam = '/iam/api/v1';

export type TestUser = { user: User; email: string; password: string };

let made = 0;

/** A new user of the tenant (default: the archive's own) with these scopes (default: all). */
export async function newUser(
  app: TestApp,
  asked: { scopes?: readonly Scope[]; tenant?: Tenant; email?: string; password?: string } = {},
): Promise<TestUser> {
  made += 1;
  const { email = `user-${made}@example.org`, tenant = app.tenant } = asked;
  const password = asked.password === undefined ? {} : { password: asked.password };
  const all = { email, scopes: [...(asked.scopes ?? scopes)], actor: operator, ...password };
  const { user, password: given } = await createUser(app.engine, tenant, all);
  return { user, email, password: given };
}

/** Sends JSON, or text as it is, to a path below `iam/api/v1` unless it is absolute. */
export async function postTwin(app: TestApp, path: string, body: unknown, headers: Record<string, string> = {}) {
  return await app.http.inject({
    method: 'POST',
    url: path.startsWith('/') ? path : `${iam}/${path}`,
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** Asks with a token; without one there is no Authorization header. */
export async function getTwin(app: TestApp, path: string, token?: string, headers: Record<string, string> = {}) {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const url = path.startsWith('/') ? path : `${iam}/${path}`;
  return await app.http.inject({ method: 'GET', url, headers: { ...authorization, ...headers } });
}

/** Logs in over HTTP; throws unless it succeeds. */
export async function tokensOf(app: TestApp, { email, password }: Pick<TestUser, 'email' | 'password'>, more = {}) {
  const answer = await postTwin(app, 'auth/login', { email, password, ...more });
  if (answer.statusCode !== 200) throw new Error(`the login was refused: ${answer.statusCode} ${answer.body}`);
  return answer.json<{ token: string; refreshToken: string }>();
}

/** What the middle part of a token says, read as the vendor's SDK reads it: unverified. */
export function claimsIn(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}
