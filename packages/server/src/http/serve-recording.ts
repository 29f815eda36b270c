import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OpenedRecording } from '../engine/calls/read-recording.ts';
import type { Engine } from '../engine/context.ts';
import { asAppError } from './failure.ts';
import { parseRange } from './range.ts';

/** What surfaces do differently. */
export type RecordingForm = {
  /** The Content-Type that goes out. */
  contentType: string;
  /** The body of a 416, in the surface's own error form; status and Content-Range are set. */
  noSuchBytes: () => unknown;
};

/**
 * Answers with a recording, whole or one range of it (RFC 9110, section 14), or with the headers alone to HEAD. Sets status
 * and headers and returns the body to send; the recording is closed however that ends.
 *
 * A download that an erasure overtakes is cut: its connection breaks before the announced length is reached. What fails
 * before the first byte fails here, with no header set.
 */
export async function serveRecording(
  engine: Engine,
  request: FastifyRequest,
  reply: FastifyReply,
  recording: OpenedRecording,
  { contentType, noSuchBytes }: RecordingForm,
): Promise<unknown> {
  const { sizeBytes } = recording;
  // Ranges are for GET alone, and If-Range can match nothing, as we give no validators (RFC 9110, 13.1.5 and 14.2).
  const mayBePart = request.method === 'GET' && request.headers['if-range'] === undefined;
  const range = mayBePart ? parseRange(request.headers.range, sizeBytes) : 'whole';
  if (range === 'unsatisfiable') {
    await recording.close();
    reply.code(416).header('content-range', `bytes */${sizeBytes}`);
    setCommon(reply);
    return noSuchBytes();
  }
  const { start, endExclusive } = range === 'whole' ? { start: 0, endExclusive: sizeBytes } : range;
  const body = request.method === 'HEAD' ? null : await begin(engine, recording, start, endExclusive);
  if (body === null) await recording.close();
  if (range !== 'whole') reply.code(206).header('content-range', `bytes ${start}-${endExclusive - 1}/${sizeBytes}`);
  setCommon(reply);
  reply
    .header('content-type', contentType)
    .header('content-length', endExclusive - start)
    .header('content-disposition', 'attachment')
    .header('x-content-type-options', 'nosniff');
  return body;
}

function setCommon(reply: FastifyReply): void {
  reply.header('accept-ranges', 'bytes').header('cache-control', 'no-store');
}

/** The bytes as a stream whose first chunk has been opened already. */
async function begin(engine: Engine, recording: OpenedRecording, start: number, endExclusive: number) {
  const chunks = recording.body(start, endExclusive);
  try {
    const first = await chunks.next();
    return closing(engine, recording, Readable.from(resumed(first, chunks), { objectMode: false }));
  } catch (error) {
    await recording.close();
    throw error;
  }
}

async function* resumed(first: IteratorResult<Buffer>, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

function closing(engine: Engine, recording: OpenedRecording, body: Readable): Readable {
  return body.once('close', () => {
    // Nobody waits for this, and an error that nobody handles would end the server.
    recording.close().catch((error: unknown) => {
      engine.log.warn('recording.close_failed', { code: asAppError(error).code });
    });
  });
}
