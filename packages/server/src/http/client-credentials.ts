import type { FastifyReply, FastifyRequest } from 'fastify';
import { issueToken } from '../engine/access/issue-token.ts';
import type { Engine } from '../engine/context.ts';
import type { AppError } from '../model/errors.ts';
import { asAppError, reportFailure, retryAfterSeconds } from './failure.ts';
import { readWhole } from './request-body.ts';

const formBytesMax = 16 * 1024;

/** RFC 6749, section 5.1. The type is lower case to the letter: real clients refuse `Bearer`. */
export type TokenAnswer = { access_token: string; token_type: 'bearer'; expires_in: number };

/** RFC 6749, section 5.2. */
export type TokenRefusal = {
  error:
    | 'invalid_request'
    | 'invalid_client'
    | 'unsupported_grant_type'
    | 'slow_down'
    | 'temporarily_unavailable'
    | 'server_error';
  error_description?: string;
};

type Credentials = { clientId: string; secret: string };

/**
 * Answers a request for a token: the client-credentials grant (RFC 6749, section 4.4), the client named in the form or by
 * HTTP Basic (section 2.3.1). All answers are JSON and `no-store`; errors have the form of section 5.2:
 *
 * - 401 `invalid_client`: id or secret unknown, wrong, expired or disabled, all alike
 * - 400 `unsupported_grant_type`: another grant, or a body that is no form
 * - 400 `invalid_request`: a parameter is missing or repeated, or the client is named twice; 413 when it is too long
 * - 429 `slow_down` with Retry-After: too many failures from this address
 */
export async function answerTokenRequest(
  engine: Engine,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<TokenAnswer | TokenRefusal> {
  reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
  try {
    const asked = await readCredentials(request);
    if ('error' in asked) {
      reply.code(400);
      return asked;
    }
    const { token, expiresInSeconds } = await issueToken(engine, { ...asked, address: request.ip });
    return { access_token: token, token_type: 'bearer', expires_in: expiresInSeconds };
  } catch (thrown) {
    const error = asAppError(thrown);
    const { status, body } = refusalOf(error);
    if (status === 401) reply.header('www-authenticate', 'Basic realm="tacet"');
    if (status === 429 || status === 503) reply.header('retry-after', retryAfterSeconds(error));
    if (status >= 500) reportFailure(engine, request, error);
    reply.code(status);
    return body;
  }
}

function refusalOf(error: AppError): { status: number; body: TokenRefusal } {
  switch (error.code) {
    case 'credentials_invalid':
      return { status: 401, body: { error: 'invalid_client' } };
    case 'slow_down':
      return { status: 429, body: { error: 'slow_down', error_description: error.message } };
    case 'upload_too_large':
      return { status: 413, body: { error: 'invalid_request', error_description: error.message } };
    case 'input_invalid':
    case 'upload_cut':
      return { status: 400, body: { error: 'invalid_request', error_description: error.message } };
    default:
      return error.retry === 'later' && error.code !== 'internal'
        ? { status: 503, body: { error: 'temporarily_unavailable' } }
        : { status: 500, body: { error: 'server_error' } };
  }
}

async function readCredentials(request: FastifyRequest): Promise<Credentials | TokenRefusal> {
  if (!/^application\/x-www-form-urlencoded *(;|$)/i.test(request.headers['content-type'] ?? '')) {
    return unsupported('The body must be a form: application/x-www-form-urlencoded');
  }
  const form = new URLSearchParams((await readWhole(request, formBytesMax, 'The form')).toString('utf8'));
  const names = ['grant_type', 'client_id', 'client_secret'] as const;
  for (const name of names) {
    if (form.getAll(name).length > 1) return invalid(`${name} is repeated`);
  }
  const [grantType, clientId, secret] = names.map((name) => form.get(name) ?? undefined);
  if (grantType === undefined) return invalid('grant_type is missing');
  if (grantType !== 'client_credentials') return unsupported('The only grant is client_credentials');
  const basic = basicCredentials(request.headers.authorization);
  if (basic !== undefined) {
    const isNamedTwice = secret !== undefined || (clientId ?? basic.clientId) !== basic.clientId;
    return isNamedTwice ? invalid('The client is named twice') : basic;
  }
  if (clientId === undefined) return invalid('client_id is missing');
  if (secret === undefined) return invalid('client_secret is missing');
  return { clientId, secret };
}

/** Both halves of HTTP Basic are form-encoded before they are joined (RFC 6749, section 2.3.1). */
function basicCredentials(header: string | undefined): Credentials | undefined {
  const encoded = /^basic +([^\s]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [clientId = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  return { clientId: formDecoded(clientId), secret: formDecoded(rest.join(':')) };
}

/** Clients that do not encode send a `%` as it is; then the text is what it says. */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function invalid(description: string): TokenRefusal {
  return { error: 'invalid_request', error_description: description };
}

function unsupported(description: string): TokenRefusal {
  return { error: 'unsupported_grant_type', error_description: description };
}
