import type { FastifyRequest } from 'fastify';
import type { Engine } from '../engine/context.ts';
import { AppError, Bug } from '../model/errors.ts';

/**
 * Any error as one that has a code. What Fastify refuses by itself is the client's mistake and gets words of ours, since
 * Fastify's quote the request; everything unknown is `internal`.
 */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = statusIn(error);
  if (status === 413) return new AppError('upload_too_large', { message: 'The body is too large' });
  if (status === 415) return new AppError('media_type_unsupported', { message: 'The Content-Type is malformed' });
  if (status !== undefined && status >= 400 && status < 500) return new AppError('input_invalid', { cause: error });
  return new AppError('internal', { cause: error });
}

/** Logs what went wrong on our side: codes, route and stack frames, never a message that could quote somebody's data. */
export function reportFailure(engine: Engine, request: FastifyRequest, error: AppError): void {
  const origin = error.cause instanceof Error ? error.cause : error;
  engine.log.error('http.failed', {
    route: routeOf(request),
    code: error.code,
    detail: error.detail ?? (origin instanceof Bug ? origin.message : undefined),
    error: origin.name,
    frames: framesOf(origin),
  });
}

/** The pattern of the route, such as `/v1/calls/:id/recording`; never a path that somebody sent. */
export function routeOf(request: FastifyRequest): string {
  return request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched');
}

/** How long to wait before trying again, in whole seconds, as the value of Retry-After (RFC 9110, section 10.2.3). */
export function retryAfterSeconds(error: AppError): number {
  return Math.max(1, Math.ceil((error.retryAfterMs ?? 5_000) / 1000));
}

function statusIn(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

function framesOf(error: Error): string {
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith('at ')).join(' ');
}
