import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../model/errors.ts';
import { callerOf } from '../bearer.ts';

const windowMs = 60_000;
/** Clients that are remembered at a time; with more, those that were quiet for longest start afresh. */
const clientsMax = 10_000;

/**
 * Lets each client send so many requests a minute to the routes of this plugin, and refuses more as `rate_limited`; 0 is any
 * number. Only behind `requireBearer`: who is counted is known by then, and a stranger costs nobody anything. Every answer
 * tells what is left (draft-ietf-httpapi-ratelimit-headers-06).
 *
 * A process counts for itself, and forgets when it ends.
 */
export function limitRate(app: FastifyInstance, perMinute: number): void {
  if (perMinute === 0) return;
  app.register(rateLimit, {
    global: false,
    max: perMinute,
    timeWindow: windowMs,
    cache: clientsMax,
    enableDraftSpec: true,
    keyGenerator: (request) => {
      const { tenant, actor } = callerOf(request);
      return `${tenant.id} ${actor.kind} ${actor.id}`;
    },
    errorResponseBuilder: (_request, { ttl }) => new AppError('rate_limited', { retryAfterMs: ttl }),
  });
  app.after(() => app.addHook('onRequest', app.rateLimit()));
}
