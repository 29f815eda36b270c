import type { FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { invalidField, isJsonObject, isPlainText } from '../json-in.ts';
import { shapeOf } from './shape.ts';

const whole = /^-?\d{1,16}$/;

/**
 * A reader of a request's query, of a flat schema of strings, whole numbers and booleans. Throws `input_invalid` for a
 * parameter that is unknown, repeated or malformed, and for text that `isPlainText` refuses, which no database need take;
 * never with its value.
 */
export function readQuery<S extends TSchema>(schema: S): (request: FastifyRequest) => Static<S> {
  const read = shapeOf(schema);
  const types = typesOf(schema);
  return ({ query }) => {
    const given = isJsonObject(query) ? query : {};
    const entries = Object.entries(given).map(([name, text]) => [name, converted(types.get(name), text)] as const);
    const asked = read(Object.fromEntries(entries), 'The query');
    for (const [name, value] of entries) {
      if (types.has(name) && typeof value === 'string' && !isPlainText(value)) {
        throw invalidField(name, 'must not hold NUL or lone surrogates');
      }
    }
    return asked;
  };
}

/** What the schema says a parameter is; what cannot be that stays text, which the schema then refuses. */
function converted(type: string | undefined, text: unknown): unknown {
  if (typeof text !== 'string') return text;
  if (type === 'integer' && whole.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function typesOf(schema: TSchema): Map<string, string> {
  const types = new Map<string, string>();
  const properties: unknown = 'properties' in schema ? schema.properties : undefined;
  if (!isJsonObject(properties)) return types;
  for (const [name, property] of Object.entries(properties)) {
    if (isJsonObject(property) && typeof property['type'] === 'string') types.set(name, property['type']);
  }
  return types;
}
