import type { FastifyPluginCallback } from 'fastify';
import { authenticate } from '../../engine/access/authenticate.ts';
import type { Engine } from '../../engine/context.ts';
import { requireBearer } from '../bearer.ts';
import type { Door, KnownPaths } from '../known-paths.ts';
import { leaveBodies } from '../request-body.ts';
import { decorateAbout } from './about/reference.ts';
import { allowOrigins } from './cross-origin.ts';
import { sendProblem } from './errors.ts';
import { addOperations } from './operation.ts';
import { operations } from './operations.ts';
import { limitRate } from './rate-limit.ts';

export type NativeOptions = {
  /** Learns which methods the paths have. */
  known: KnownPaths;
  /** Requests a minute by each client; 0 for any number. */
  rateLimit: number;
  /** Origins whose pages may call it; none if empty. */
  corsOrigins: readonly string[];
};

/** Tacet's own API, under `/v1`. Sealed: its own door, parsers and error form, which is problem details (RFC 9457). */
export function nativePlugin(engine: Engine, options: NativeOptions): FastifyPluginCallback {
  const { known, rateLimit, corsOrigins } = options;
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendProblem(engine, error, request, reply));
    // A page hears of what is not there, too.
    app.setNotFoundHandler(async (request, reply) => await known.refuse(request, reply));
    allowOrigins(app, corsOrigins);
    decorateAbout(app, operations);
    app.register((open, _none, ready) => {
      known.watch(open, { ids: 'any' });
      leaveBodies(open);
      addOperations(
        open,
        engine,
        operations.filter(({ scopes }) => scopes.length === 0),
      );
      ready();
    });
    app.register((guarded, _none, ready) => {
      const door: Door = async ({ headers }) => await authenticate(engine, headers.authorization);
      known.watch(guarded, { door, ids: 'any' });
      requireBearer(guarded, engine);
      limitRate(guarded, rateLimit);
      leaveBodies(guarded);
      addOperations(
        guarded,
        engine,
        operations.filter(({ scopes }) => scopes.length > 0),
      );
      ready();
    });
    done();
  };
}
