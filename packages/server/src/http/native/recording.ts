import { Readable } from 'node:stream';
import { Type, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type OpenedRecording, openRecording } from '../../engine/calls/read-recording.ts';
import type { Engine } from '../../engine/context.ts';
import { isId } from '../../lib/ids.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf } from '../bearer.ts';
import { asAppError } from '../failure.ts';
import { problemPayload } from './errors.ts';
import { safeMediaType } from './media-type.ts';
import { parseRange } from './range.ts';

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
      if (!isId(request.params.id)) throw new AppError('recording_not_found');
      const recording = await openRecording(engine, callerOf(request), request.params.id);
      return await answer(engine, request, reply, recording);
    },
  });
}

/** Sets status and headers; what it returns is the body to send. */
async function answer(engine: Engine, request: FastifyRequest, reply: FastifyReply, recording: OpenedRecording) {
  const { sizeBytes } = recording;
  // Ranges are for GET alone, and If-Range can match nothing, as we give no validators (RFC 9110, 13.1.5 and 14.2).
  const mayBePart = request.method === 'GET' && request.headers['if-range'] === undefined;
  const range = mayBePart ? parseRange(request.headers.range, sizeBytes) : 'whole';
  reply.header('accept-ranges', 'bytes').header('cache-control', 'no-store');
  if (range === 'unsatisfiable') {
    await recording.close();
    reply.header('content-range', `bytes */${sizeBytes}`);
    const title = 'The recording has no such bytes';
    const code = 'range_not_satisfiable';
    return problemPayload(reply, { type: `urn:tacet:error:${code}`, title, status: 416, code });
  }
  const { start, endExclusive } = range === 'whole' ? { start: 0, endExclusive: sizeBytes } : range;
  if (range !== 'whole') {
    reply.code(206).header('content-range', `bytes ${start}-${endExclusive - 1}/${sizeBytes}`);
  }
  reply
    .type(safeMediaType(recording.contentType))
    .header('content-length', endExclusive - start)
    .header('content-disposition', 'attachment')
    .header('x-content-type-options', 'nosniff');
  if (request.method === 'HEAD') {
    await recording.close();
    return null;
  }
  return bodyOf(engine, recording, start, endExclusive);
}

/** The bytes as a stream; however it ends, the recording is closed. */
function bodyOf(engine: Engine, recording: OpenedRecording, start: number, endExclusive: number): Readable {
  const body = Readable.from(recording.body(start, endExclusive), { objectMode: false });
  body.once('close', () => {
    // Nobody waits for this, and an error that nobody handles would end the server.
    recording.close().catch((error: unknown) => {
      engine.log.warn('recording.close_failed', { code: asAppError(error).code });
    });
  });
  return body;
}
