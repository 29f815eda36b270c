import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify';
import { readCall } from '../../engine/calls/read-call.ts';
import { openRecording } from '../../engine/calls/read-recording.ts';
import { openShare } from '../../engine/calls/share.ts';
import type { Engine } from '../../engine/context.ts';
import { safeMediaType } from '../media-type.ts';
import { leaveBodies } from '../request-body.ts';
import { serveRecording } from '../serve-recording.ts';
import { callPage } from './call-page.ts';
import { noticePage, sendGuestError } from './errors.ts';
import { guestHeaders } from './html.ts';

type ShareRoute = { Params: { token: string } };

const html = 'text/html; charset=utf-8';

/**
 * What a share link opens, under `/share`: a plain page without scripts for a guest without credentials, and the recording
 * that it plays. The link is the only door, and it is asked for each time.
 *
 * Sealed: its own error form, which is a page. Every link that opens nothing, whatever the reason, is the same 404.
 */
export function sharePlugin(engine: Engine): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error, request, reply) => sendGuestError(engine, error, request, reply));
    leaveBodies(app);
    addPage(app, engine);
    addAudio(app, engine);
    done();
  };
}

/** `GET /share/{token}`. */
function addPage(app: FastifyInstance, engine: Engine): void {
  app.route<ShareRoute>({
    method: ['GET', 'HEAD'],
    url: '/:token',
    handler: async (request, reply) => {
      const { caller, callId } = await openShare(engine, request.params.token);
      const page = callPage(await readCall(engine, caller, callId), audioSourceOf(request, request.params.token));
      return await reply.headers(guestHeaders).type(html).send(page);
    },
  });
}

/** `GET /share/{token}/audio`, whole or one range, under the type that it was archived with. */
function addAudio(app: FastifyInstance, engine: Engine): void {
  app.route<ShareRoute>({
    method: ['GET', 'HEAD'],
    url: '/:token/audio',
    handler: async (request, reply) => {
      const { caller, callId } = await openShare(engine, request.params.token);
      const recording = await openRecording(engine, caller, callId);
      const body = await serveRecording(engine, request, reply, recording, {
        contentType: safeMediaType(recording.contentType),
        noSuchBytes: () => {
          reply.type(html);
          return noticePage('Nothing to hear there', 'The recording has no such bytes.');
        },
      });
      reply.headers(guestHeaders);
      return body;
    },
  });
}

/**
 * Where the recording is, seen from the page. Relative, so that it is right behind any proxy, whatever path the proxy puts
 * before ours; a slash at the end of the page's address makes it one level deeper.
 */
function audioSourceOf(request: FastifyRequest, token: string): string {
  const [path = ''] = (request.raw.url ?? '').split('?');
  return path.endsWith('/') ? 'audio' : `${token}/audio`;
}
