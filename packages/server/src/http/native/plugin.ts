import type { FastifyPluginCallback } from 'fastify';
import { authenticate } from '../../engine/access/authenticate.ts';
import type { Engine } from '../../engine/context.ts';
import { requireBearer } from '../bearer.ts';
import type { KnownPaths } from '../known-paths.ts';
import { leaveBodies } from '../request-body.ts';
import { addCalls } from './calls.ts';
import { sendProblem } from './errors.ts';
import { addLateParts } from './late-parts.ts';
import { addRecording } from './recording.ts';
import { addToken } from './token.ts';

/**
 * Tacet's own API, under `/v1`. Sealed: its own door, parsers and error form, which is problem details (RFC 9457).
 *
 * `known` learns which methods its paths have.
 */
export function nativePlugin(engine: Engine, known: KnownPaths): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendProblem(engine, error, request, reply));
    app.register((open, _none, ready) => {
      known.watch(open);
      leaveBodies(open);
      addToken(open, engine);
      ready();
    });
    app.register((guarded, _none, ready) => {
      known.watch(guarded, async ({ headers }) => await authenticate(engine, headers.authorization));
      requireBearer(guarded, engine);
      leaveBodies(guarded);
      addCalls(guarded, engine);
      addLateParts(guarded, engine);
      addRecording(guarded, engine);
      ready();
    });
    done();
  };
}
