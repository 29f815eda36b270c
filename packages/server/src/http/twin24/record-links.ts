import type { FastifyInstance } from 'fastify';
import { openRecordLink } from '../../engine/calls/record-link.ts';
import type { Engine } from '../../engine/context.ts';
import { AppError } from '../../model/errors.ts';
import { safeMediaType } from '../media-type.ts';
import { serveRecording } from '../serve-recording.ts';
import { tokenInRecordPath } from './record-path.ts';

/**
 * `GET /records/{secret}.mp3`: what a row's `recordPath` leads to. The link is its own permission, asked for each time; an
 * Authorization header is not looked at.
 *
 * The bytes and the type that were archived, whole or one range of them, to be saved as a file. 404 for every link that
 * opens nothing: over, made up, of a recording that was erased or is being erased, or of a client or user who may no longer
 * read. A download that an erasure overtakes is cut: its connection breaks before the announced length is reached.
 */
export function addRecordLinks(app: FastifyInstance, engine: Engine): void {
  app.route<{ Params: { file: string } }>({
    method: ['GET', 'HEAD'],
    url: '/records/:file',
    handler: async (request, reply) => {
      const token = tokenInRecordPath(request.params.file);
      if (token === undefined) throw new AppError('recording_not_found');
      const recording = await openRecordLink(engine, token);
      return await serveRecording(engine, request, reply, recording, {
        contentType: safeMediaType(recording.contentType),
        noSuchBytes: () => {
          reply.type('application/json; charset=utf-8');
          return { error: 'The recording has no such bytes' };
        },
      });
    },
  });
}
