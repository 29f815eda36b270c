import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import type { AppError } from '../../model/errors.ts';
import { asAppError, reportFailure, retryAfterSeconds } from '../failure.ts';
import { vendorStatuses } from '../vendor-statuses.ts';

/** Answers any error at all as `{"message"}`. Total: there is no error for which it throws. */
export function sendCreovaiError(engine: Engine, thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error: AppError = asAppError(thrown);
  const status = vendorStatuses[error.code];
  if (status >= 500 && error.code !== 'upload_busy') reportFailure(engine, request, error);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 429 || status === 503) reply.header('retry-after', retryAfterSeconds(error));
  void reply.code(status).send({ message: error.message });
}
