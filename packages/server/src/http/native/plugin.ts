import type { FastifyPluginCallback } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { requireBearer } from '../bearer.ts';
import { leaveBodies } from '../request-body.ts';
import { sendProblem } from './errors.ts';
import { addRecording } from './recording.ts';
import { addToken } from './token.ts';

/** Tacet's own API, under `/v1`. Sealed: its own door, parsers and error form, which is problem details (RFC 9457). */
export function nativePlugin(engine: Engine): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendProblem(engine, error, request, reply));
    app.register((open, _none, ready) => {
      leaveBodies(open);
      addToken(open, engine);
      ready();
    });
    app.register((guarded, _none, ready) => {
      requireBearer(guarded, engine);
      leaveBodies(guarded);
      addRecording(guarded, engine);
      ready();
    });
    done();
  };
}
