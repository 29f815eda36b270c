import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { requireBearer } from '../bearer.ts';
import { parseJson } from '../json-text.ts';
import { leaveBodies, readWhole } from '../request-body.ts';
import { addArchive } from './archive.ts';
import { addAudio } from './audio.ts';
import { addCaseCapture } from './case-capture.ts';
import { addChatCapture } from './chat-capture.ts';
import { addDetails } from './details.ts';
import { sendCreovaiError } from './errors.ts';
import { addEvents } from './events.ts';
import { addExclude, addExcludeOne } from './exclude.ts';
import { addMonitor } from './monitor.ts';
import { addProcessing } from './processing.ts';
import { addPurge } from './purge.ts';
import { addRecordingSettings } from './recording-settings.ts';
import { addShare } from './share.ts';
import { addStatus } from './status.ts';
import { addToken } from './token.ts';

const jsonBytesMax = 1024 * 1024;
/** The longest metadata event. It is kept, sealed, with every call that it is about, and applied at each reading. */
const eventBytesMax = 256 * 1024;

/**
 * Creovai's API (formerly Tethr), both versions, at the root of the host.
 *
 * Sealed: its own door, parsers and error form. Success is exactly 200, errors are `{"message"}`, and no answer may be cached.
 */
export function creovaiPlugin(engine: Engine, { publicUrl }: { publicUrl: () => string }): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendCreovaiError(engine, error, request, reply));
    // Names, numbers, tokens: no answer is for a cache to keep (RFC 9111, section 5.2.2.5).
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));
    // Without a token.
    addGroup(app, (open) => {
      addToken(open, engine);
    });
    // With a token; each route reads its own body, or has none.
    addGroup(app, (guarded) => {
      requireBearer(guarded, engine);
      leaveBodies(guarded);
      addArchive(guarded, engine);
      addChatCapture(guarded, engine);
      addCaseCapture(guarded, engine);
      addExcludeOne(guarded, engine);
    });
    // With a token; the body is JSON, parsed before the route sees it.
    addGroup(app, (guarded) => {
      requireBearer(guarded, engine);
      parseEveryBody(guarded, jsonBytesMax);
      addStatus(guarded, engine);
      addExclude(guarded, engine);
      addMonitor(guarded, engine);
      addPurge(guarded, engine);
      addDetails(guarded, engine);
      addAudio(guarded, engine);
      addShare(guarded, engine, publicUrl);
      addProcessing(guarded);
      addRecordingSettings(guarded);
    });
    addGroup(app, (guarded) => {
      requireBearer(guarded, engine);
      parseEveryBody(guarded, eventBytesMax);
      addEvents(guarded, engine);
    });
    done();
  };
}

/** Routes that share a door and a parser of bodies, sealed from those of other groups. */
function addGroup(app: FastifyInstance, add: (group: FastifyInstance) => void): void {
  app.register((group, _options, done) => {
    add(group);
    done();
  });
}

/** Bodies are JSON whatever their Content-Type says: a label that a client forgot must not cost it the request. */
function parseEveryBody(app: FastifyInstance, bytesMax: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest) =>
    parseJson(await readWhole(request, bytesMax, 'The body'), 'The body'),
  );
}
