import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { JsonObject } from '../../engine/archive/new-call.ts';
import { AppError } from '../../model/errors.ts';
import { invalidField, isJsonObject } from '../json-in.ts';
import { namesIn, parseJson, valuesMax } from '../json-text.ts';
import { readWhole } from '../request-body.ts';

const bodyBytesMax = 4 * 1024 * 1024;

/**
 * Bodies are JSON whatever their Content-Type says, or nothing: clients announce JSON and send no byte of it, send neither
 * length nor type, or send a form's type with JSON in it. `most` is how many values a body may hold.
 *
 * `once`: fields of a body that are refused where they stand there more than once. Of equal names JSON.parse believes the
 * last, and which of them its client meant nobody can tell.
 */
export function parseEveryBody(app: FastifyInstance, most: number = valuesMax, once: readonly string[] = []): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest) => {
    const bytes = await readWhole(request, bodyBytesMax, 'The body');
    if (bytes.length === 0) return undefined;
    const body = parseJson(bytes, 'The body', most);
    if (once.length > 0) refuseRepeated(namesIn(bytes), once);
    return body;
  });
}

function refuseRepeated(names: readonly string[], once: readonly string[]): void {
  for (const name of once) {
    if (names.indexOf(name) !== names.lastIndexOf(name)) throw invalidField(name, 'must be given once');
  }
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
