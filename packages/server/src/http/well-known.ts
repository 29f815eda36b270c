import type { FastifyPluginCallback } from 'fastify';
import type { Engine } from '../engine/context.ts';
import { receiptKeys } from '../engine/receipts/receipt-key.ts';
import type { KnownPaths } from './known-paths.ts';
import { sendProblem } from './native/errors.ts';
import { leaveBodies } from './request-body.ts';

/** Keys do not change; a cache that keeps an answer for an hour has the right one. */
const cacheSeconds = 3_600;

/**
 * What anybody may read, under `/.well-known` (RFC 8615): `jwks.json`, the public keys that check receipts (RFC 7517). Sealed:
 * without a door; errors are problem details.
 */
export function wellKnownPlugin(engine: Engine, known: KnownPaths): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendProblem(engine, error, request, reply));
    known.watch(app, { ids: 'any' });
    leaveBodies(app);
    app.route({
      method: ['GET', 'HEAD'],
      url: '/jwks.json',
      handler: async (_request, reply) => {
        const body = Buffer.from(JSON.stringify(await receiptKeys(engine)));
        reply.type('application/jwk-set+json').header('cache-control', `public, max-age=${cacheSeconds}`);
        return await reply.send(body);
      },
    });
    done();
  };
}
