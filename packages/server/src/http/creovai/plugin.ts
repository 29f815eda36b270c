import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { requireBearer } from '../bearer.ts';
import { leaveBodies, readWhole } from '../request-body.ts';
import { addArchive } from './archive.ts';
import { sendCreovaiError } from './errors.ts';
import { parseJson } from './json-in.ts';
import { addPurge } from './purge.ts';
import { addStatus } from './status.ts';
import { addToken } from './token.ts';

const jsonBytesMax = 1024 * 1024;

/**
 * Creovai's API (formerly Tethr), version 1, at the root of the host: token, archive, status, purge.
 *
 * Sealed: its own door, parsers and error form. Success is exactly 200, errors are `{"message"}`.
 */
export function creovaiPlugin(engine: Engine): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendCreovaiError(engine, error, request, reply));
    app.register((open, _none, ready) => {
      addToken(open, engine);
      ready();
    });
    app.register((guarded, _none, ready) => {
      requireBearer(guarded, engine);
      leaveBodies(guarded);
      addArchive(guarded, engine);
      ready();
    });
    app.register((guarded, _none, ready) => {
      requireBearer(guarded, engine);
      parseEveryBody(guarded);
      addStatus(guarded, engine);
      addPurge(guarded, engine);
      ready();
    });
    done();
  };
}

/** Bodies are JSON whatever their Content-Type says: a label that a client forgot must not cost it the request. */
function parseEveryBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest) =>
    parseJson(await readWhole(request, jsonBytesMax, 'The body'), 'The body'),
  );
}
