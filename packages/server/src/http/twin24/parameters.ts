import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { JsonObject } from '../../engine/archive/new-call.ts';
import { AppError } from '../../model/errors.ts';
import { isJsonObject } from '../json-in.ts';
import { parseJson } from '../json-text.ts';
import { readWhole } from '../request-body.ts';

const bodyBytesMax = 4 * 1024 * 1024;

/**
 * Bodies are JSON whatever their Content-Type says, or nothing: clients announce JSON and send no byte of it, send neither
 * length nor type, or send a form's type with JSON in it.
 */
export function parseEveryBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest) => {
    const bytes = await readWhole(request, bodyBytesMax, 'The body');
    return bytes.length === 0 ? undefined : parseJson(bytes, 'The body');
  });
}

/**
 * The parameters of a request: a JSON object. Nothing, and the empty array that PHP makes of an empty map, are `{}`. Throws
 * `input_invalid` for anything else.
 */
export function parametersOf(request: FastifyRequest): JsonObject {
  const { body } = request;
  if (body === undefined || (Array.isArray(body) && body.length === 0)) return {};
  if (!isJsonObject(body)) throw new AppError('input_invalid', { message: 'The body must be a JSON object' });
  return body;
}
