import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** For how long a browser need not ask again, in seconds. */
const preflightS = 600;

const common = {
  credentials: false,
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-None-Match', 'Last-Event-ID', 'Range'],
  exposedHeaders: [
    'Accept-Ranges',
    'Allow',
    'Content-Disposition',
    'Content-Range',
    'ETag',
    'RateLimit-Limit',
    'RateLimit-Remaining',
    'RateLimit-Reset',
    'Retry-After',
    'WWW-Authenticate',
  ],
  maxAge: preflightS,
} satisfies FastifyCorsOptions;

/**
 * Lets pages of these origins call the routes of this plugin from a browser (Fetch, section 3.2), with a token that they
 * have, never with cookies. With none configured there is no answer to a preflight, and no page is let in.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const options = { ...common, origin: [...origins] };
  app.register(cors, {
    delegator: async (request: FastifyRequest): Promise<FastifyCorsOptions> =>
      // An OPTIONS that asks for nothing is a request like any other, and no route takes it.
      request.method !== 'OPTIONS' || isPreflight(request) ? options : { ...options, origin: false },
  });
}

function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
