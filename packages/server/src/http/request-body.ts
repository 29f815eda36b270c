import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { nextTurn } from '../lib/next-turn.ts';
import { AppError } from '../model/errors.ts';

/** What is still taken of a body after its answer, so that a client that sends first and reads later gets the answer. */
const drainBytesMax = 64 * 1024 * 1024;
const drainMsMax = 15_000;

/** One reader per request: whoever reads on after an error goes on where the last one stopped. */
const readers = new WeakMap<IncomingMessage, AsyncIterator<Uint8Array>>();
/** Requests whose client holds its body back until it hears `100 Continue` (RFC 9110, section 10.1.1). */
const heldBack = new WeakMap<IncomingMessage, ServerResponse>();

/**
 * The bytes of a request as they come. Stopping early closes nothing, and a second loop goes on where the first stopped.
 * A client that waits for `100 Continue` is told so at the first read, hence never when the request is refused before.
 */
export function bodyOf(request: FastifyRequest): AsyncIterable<Uint8Array> {
  const reader = readerOf(request.raw);
  const next = () => {
    heldBack.get(request.raw)?.writeContinue();
    heldBack.delete(request.raw);
    return reader.next();
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

/**
 * A whole body, in memory. `what` names it in the message. Throws `upload_too_large` above `bytesMax`, before reading
 * where the length was announced, and `upload_cut` when the client goes away.
 */
export async function readWhole(request: FastifyRequest, bytesMax: number, what: string): Promise<Buffer> {
  if (Number(request.headers['content-length']) > bytesMax) throw tooLarge(what, bytesMax);
  try {
    return await collect(bodyOf(request), bytesMax, what);
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('upload_cut', { cause: error });
  }
}

/** Everything of a source, in memory. Throws `upload_too_large` above `bytesMax`; errors of the source pass through. */
export async function collect(source: AsyncIterable<Uint8Array>, bytesMax: number, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > bytesMax) throw tooLarge(what, bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(what: string, bytesMax: number): AppError {
  return new AppError('upload_too_large', { message: `${what} is larger than ${bytesMax / 1024} KiB` });
}

/** Makes a plugin leave the bodies of its requests, of whatever type, to the handlers. */
export function leaveBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/**
 * Makes answers reach clients whose body has not been read to its end.
 *
 * Closing a socket on which bytes lie unread resets the connection, and the reset can overtake the answer. So the answer
 * goes out whole, with `Connection: close`, and is ended only when a bounded rest of the body has been taken and dropped.
 */
export function answerBeforeBodyEnds(app: FastifyInstance): void {
  app.server.on('checkContinue', (raw: IncomingMessage, response: ServerResponse) => {
    heldBack.set(raw, response);
    app.server.emit('request', raw, response);
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (!isComing(request.raw)) return payload;
    // What came in one packet with the headers is being parsed at this moment; short bodies end here.
    await nextTurn();
    if (!isComing(request.raw)) return payload;
    reply.header('connection', 'close');
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
    const answer = Buffer.from(payload);
    reply.header('content-length', answer.length);
    return Readable.from(answerThenDrain(answer, request.raw), { objectMode: false });
  });
}

/** True while Node has not seen the end of the request. An injected one, of tests, says nothing and is whole. */
function isComing(raw: IncomingMessage): boolean {
  return raw.complete === false;
}

async function* answerThenDrain(answer: Buffer, raw: IncomingMessage): AsyncGenerator<Buffer> {
  yield answer;
  // By now the client has its answer; whatever happens below only ends the connection.
  const reader = readerOf(raw);
  const timer = setTimeout(() => raw.destroy(), drainMsMax);
  try {
    for (let sizeBytes = 0; sizeBytes <= drainBytesMax; ) {
      const next = await reader.next();
      if (next.done === true) return;
      sizeBytes += next.value.length;
    }
  } catch {
    // The client has gone, as it may.
  } finally {
    clearTimeout(timer);
  }
}

function readerOf(raw: IncomingMessage): AsyncIterator<Uint8Array> {
  const known = readers.get(raw);
  if (known !== undefined) return known;
  // Without an encoding set, and nobody sets one, a request yields Buffers.
  const reader = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  readers.set(raw, reader);
  return reader;
}
