import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { logIn, refreshTokens, type UserTokens } from '../../engine/access/user-tokens.ts';
import type { JsonObject } from '../../engine/archive/new-call.ts';
import type { Engine } from '../../engine/context.ts';
import { refreshTokenLife } from '../../lib/refresh-token.ts';
import { userTokenLifeMax } from '../../lib/user-token.ts';
import { invalidField } from '../json-in.ts';
import { type Query, textOf } from './list-params.ts';
import { parametersOf } from './parameters.ts';

/** A token lives a week where nothing else is asked for, in seconds. */
const lifeDefault = 7 * 24 * 3_600;

/**
 * `POST auth/login`, `POST auth/refresh` and `GET auth/refresh`: a token and a refresh token, as JSON and as cookies. Open,
 * and the Authorization header is not looked at: clients send `Bearer null`, the token that is over, or nothing.
 *
 * 401 for what is wrong, never with the words of a token that is over; 400 for a request that is malformed. When too many
 * logins have failed for the e-mail or from the address it is 401, too, which clients know, with Retry-After.
 */
export function addLogin(app: FastifyInstance, engine: Engine, publicUrl: () => string): void {
  const answer = answerer(publicUrl);
  app.post('/auth/login', async (request, reply) => {
    const parameters = parametersOf(request);
    const asked = {
      email: requiredText(parameters, 'email'),
      password: requiredText(parameters, 'password'),
      company: companyOf(parameters),
      address: request.ip,
    };
    const lifeSeconds = lifeOf(parameters['ttl']);
    return answer(request, reply, lifeSeconds, await logIn(engine, { ...asked, lifeSeconds }));
  });
  app.post('/auth/refresh', async (request, reply) => {
    const parameters = parametersOf(request);
    const asked = { refreshToken: requiredText(parameters, 'refreshToken'), lifeSeconds: lifeOf(parameters['ttl']) };
    return answer(request, reply, asked.lifeSeconds, await refreshTokens(engine, asked));
  });
  app.get<{ Querystring: Query }>('/auth/refresh', async (request, reply) => {
    const [refreshToken, ttl] = [textOf(request.query, 'refreshToken'), textOf(request.query, 'ttl')];
    const asked = { refreshToken: requiredText({ refreshToken }, 'refreshToken'), lifeSeconds: lifeOf(ttl) };
    return answer(request, reply, asked.lifeSeconds, await refreshTokens(engine, asked));
  });
}

/**
 * Makes the answer, and the same once more for scripts of a browser that read the cookies (RFC 6265, section 4.1). They are
 * Secure where the request came over TLS, and where clients are meant to come by it: a proxy in front need not say so.
 */
function answerer(publicUrl: () => string) {
  return (request: FastifyRequest, reply: FastifyReply, lifeSeconds: number, tokens: UserTokens): UserTokens => {
    const isSecure = request.protocol === 'https' || /^https:/i.test(publicUrl());
    const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
    reply.header('set-cookie', [
      `token=${tokens.token}; ${attributes}; Max-Age=${lifeSeconds}`,
      `refresh_token=${tokens.refreshToken}; ${attributes}; Max-Age=${refreshTokenLife}`,
    ]);
    return { token: tokens.token, refreshToken: tokens.refreshToken };
  };
}

/** As it is: blanks around a password belong to it. */
function requiredText(parameters: JsonObject, name: string): string {
  const value = parameters[name];
  if (typeof value !== 'string' || value === '') throw invalidField(name, 'is required and must be a string');
  return value;
}

/** Seconds, as a number or in digits; more than a token may live is as long as it may. Empty text is what PHP makes of null. */
function lifeOf(ttl: unknown = null): number {
  if (ttl === null || ttl === '') return lifeDefault;
  const seconds = wholeNumber(ttl);
  if (seconds === undefined || seconds < 1) throw invalidField('ttl', 'must be a number of seconds, 1 or more');
  return Math.min(seconds, userTokenLifeMax);
}

function companyOf({ companyId = null }: JsonObject): number | null {
  if (companyId === null || companyId === '') return null;
  const company = wholeNumber(companyId);
  if (company === undefined) throw invalidField('companyId', 'must be a whole number');
  return company;
}

function wholeNumber(value: unknown): number | undefined {
  if (typeof value === 'string') return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
}
