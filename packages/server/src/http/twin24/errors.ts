import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { isExpiredToken } from '../../lib/access-token.ts';
import type { AppError, ErrorCode } from '../../model/errors.ts';
import { asAppError, reportFailure, retryAfterSeconds } from '../failure.ts';
import { vendorStatuses } from '../vendor-statuses.ts';

/** Every code as a status that Twin24's clients know: what they may try again is 503 with Retry-After. */
export const twinStatuses: Record<ErrorCode, number> = {
  ...vendorStatuses,
  method_not_allowed: 405,
  // Nothing is slowed here but logins, and a login that fails is 401 to the vendor's clients, whatever the reason.
  slow_down: 401,
};

/**
 * The one text on which the vendor's SDK refreshes its token, and on which it spins for as long as its own clock thinks the
 * token good: sent for nothing but a token of ours whose time is over.
 */
const expiredText = 'Token is expired.';

/** Answers any error at all as `{"error"}`. Total: there is no error for which it throws. */
export function sendTwinError(engine: Engine, thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error: AppError = asAppError(thrown);
  const status = twinStatuses[error.code];
  if (status >= 500 && error.retry === 'never') reportFailure(engine, request, error);
  else if (error.code === 'internal') reportFailure(engine, request, error);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (error.code === 'slow_down' || status === 503) reply.header('retry-after', retryAfterSeconds(error));
  const text = isExpiredToken(error) ? expiredText : error.message;
  void reply.code(status).type('application/json; charset=utf-8').send({ error: text });
}
