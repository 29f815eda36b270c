import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { AppError } from '../../model/errors.ts';
import { invalidField, isJsonObject } from '../json-in.ts';

/**
 * A reader of values of one shape. What it gives is what was given, checked.
 *
 * It throws `input_invalid` with the place and the first thing that is wrong there, such as `participants[2].phone must be
 * a string`; never a value, nor a name that only the client knows. `what` names the whole in such a message.
 */
export function shapeOf<S extends TSchema>(schema: S): (value: unknown, what: string) => Static<S> {
  const shape = Compile(schema);
  return (value, what) => {
    if (shape.Check(value)) return value;
    throw complaintOf(schema, shape.Errors(value), what);
  };
}

/** What the library says of one mistake (JSON pointers: RFC 6901). */
type Mistake = { keyword: string; schemaPath: string; instancePath: string; params: object };

function complaintOf(schema: TSchema, mistakes: readonly Mistake[], what: string): AppError {
  // Of an unknown property there are two, the first of which tells its name.
  const mistake = mistakes.find(({ keyword }) => keyword !== 'boolean');
  if (mistake === undefined) return invalidField(what, 'is not valid');
  const params = new Map<string, unknown>(Object.entries(mistake.params));
  const path = pathOf(mistake.instancePath);
  switch (mistake.keyword) {
    case 'type':
      return invalidField(path || what, `must be ${typeWords.get(String(params.get('type'))) ?? 'of another type'}`);
    case 'enum':
      return invalidField(path || what, `must be one of ${listed(params.get('allowedValues'))}`);
    case 'required':
      return invalidField(within(path, listed(params.get('requiredProperties'))), 'is required');
    case 'additionalProperties': {
      const known = Object.keys(propertiesAt(schema, mistake.schemaPath)).join(', ');
      return invalidField(path || what, `has a field that is not known; known are ${known}`);
    }
    default:
      return invalidField(path || what, boundWords(mistake.keyword, String(params.get('limit'))));
  }
}

const typeWords = new Map([
  ['string', 'a string'],
  ['number', 'a number'],
  ['integer', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'an array'],
  ['object', 'a JSON object'],
]);

function boundWords(keyword: string, limit: string): string {
  switch (keyword) {
    case 'minLength':
      return `must have at least ${limit} character`;
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'maxItems':
      return `must have at most ${limit} entries`;
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    default:
      return 'is not valid';
  }
}

/** Words of the schema's own. */
function listed(words: unknown): string {
  return Array.isArray(words) ? words.join(', ') : '';
}

function within(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** `/participants/2/phone` as `participants[2].phone`. Its steps are names of the schema and places in lists. */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .reduce((path, step) => (/^\d+$/.test(step) ? `${path}[${step}]` : within(path, step)), '');
}

/** The properties of the object that the schema describes at `#/properties/participants/items` or the like. */
function propertiesAt(schema: TSchema, pointer: string): object {
  let at: unknown = schema;
  for (const step of pointer.split('/').slice(1)) at = isJsonObject(at) ? at[step] : undefined;
  const properties = isJsonObject(at) ? at['properties'] : undefined;
  return isJsonObject(properties) ? properties : {};
}
