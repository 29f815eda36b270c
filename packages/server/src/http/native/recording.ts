import { Type, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { openRecording } from '../../engine/calls/read-recording.ts';
import type { Engine } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { safeMediaType } from '../media-type.ts';
import { serveRecording } from '../serve-recording.ts';
import { problemPayload } from './errors.ts';

const Params = Type.Object({ id: Type.String({ description: 'The call' }) });

/**
 * `GET /v1/calls/{id}/recording`: the bytes and the type that were archived, whole or one range of them.
 *
 * 404 for a call that is unknown, another tenant's, erased, or being erased; all alike. A download that an erasure
 * overtakes is cut: its connection breaks before the announced length is reached.
 */
export function addRecording(app: FastifyInstance, engine: Engine): void {
  app.withTypeProvider<TypeBoxTypeProvider>().route({
    method: ['GET', 'HEAD'],
    url: '/calls/:id/recording',
    schema: { params: Params },
    handler: async (request, reply) => {
      const recording = await openRecording(engine, callerOf(request), request.params.id);
      return await serveRecording(engine, request, reply, recording, {
        contentType: safeMediaType(recording.contentType),
        noSuchBytes: () => {
          const title = 'The recording has no such bytes';
          const code = 'range_not_satisfiable';
          return problemPayload(reply, { type: `urn:tacet:error:${code}`, title, status: 416, code });
        },
      });
    },
  });
}
