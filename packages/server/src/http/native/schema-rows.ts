import { isJsonObject } from '../json-in.ts';
import type { JsonSchema } from './openapi-document.ts';

/** A word of a type; `ref` is the name of the schema that it points at. */
export type TypeWord = { text: string; ref?: string };

/** One field of a body, as a reference lists it. */
export type SchemaRow = {
  /** With those it lies in: `subject.phones`, `items[].id`. */
  name: string;
  type: readonly TypeWord[];
  isRequired: boolean;
  /** Sentences about it; may be empty. */
  text: string;
};

/**
 * The fields of a schema, those of objects within it behind their own row. Schemas that have a name are pointed at, and not
 * listed again. Empty for what is no object.
 */
export function rowsOf(schema: JsonSchema, prefix = ''): SchemaRow[] {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(properties).flatMap(([name, property]): SchemaRow[] => {
    if (!isJsonObject(property)) return [];
    const path = `${prefix}${name}`;
    const row = { name: path, type: typeOf(property), isRequired: required.includes(name), text: textOf(property) };
    const { inner, isList } = objectWithin(property);
    return [row, ...rowsOf(inner, `${path}${isList ? '[]' : ''}.`)];
  });
}

/** A schema as words: `text`, `list of Item`, `purge | depersonalize`, `time or null`. */
export function typeOf(schema: JsonSchema): TypeWord[] {
  const { $ref, type, format, items, anyOf } = schema;
  if (typeof $ref === 'string') {
    const ref = nameOfReference($ref);
    return [{ text: ref, ref }];
  }
  if ('const' in schema) return [{ text: JSON.stringify(schema['const']) }];
  if (Array.isArray(schema['enum'])) return [{ text: schema['enum'].map((one) => String(one)).join(' | ') }];
  const choices = Array.isArray(anyOf) ? anyOf.filter(isJsonObject) : [];
  if (choices.length > 0) return joined(choices.map(typeOf), ' or ');
  if (type === 'array') return [{ text: 'list of ' }, ...(isJsonObject(items) ? typeOf(items) : [{ text: 'any' }])];
  if (type === 'string') return [{ text: format === 'date-time' ? 'time' : format === 'binary' ? 'bytes' : 'text' }];
  return [{ text: simpleWords.get(String(type)) ?? 'any JSON' }];
}

const simpleWords = new Map([
  ['integer', 'whole number'],
  ['number', 'number'],
  ['boolean', 'true or false'],
  ['object', 'object'],
  ['null', 'null'],
]);

/** What is said of a schema, and what bounds it. */
export function textOf(schema: JsonSchema): string {
  const said = typeof schema['description'] === 'string' ? schema['description'] : '';
  const sentences = [said.replace(/\.$/, ''), ...boundsOf(schema)].filter((one) => one !== '');
  return sentences.join('. ');
}

function boundsOf(schema: JsonSchema): string[] {
  const { minimum, maximum, maxLength, maxItems } = schema;
  const isBounded = typeof minimum === 'number' && typeof maximum === 'number';
  return [
    isBounded && maximum < Number.MAX_SAFE_INTEGER ? `${minimum} to ${maximum}` : '',
    typeof maxLength === 'number' ? `At most ${maxLength} characters` : '',
    typeof maxItems === 'number' ? `At most ${maxItems} entries` : '',
    'default' in schema ? `Default: \`${JSON.stringify(schema['default'])}\`` : '',
  ];
}

/** `Erasure` of `#/components/schemas/Erasure`. */
export function nameOfReference(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** The object whose fields stand at a place: itself, the entries of a list, or what may be null. */
function objectWithin(schema: JsonSchema): { inner: JsonSchema; isList: boolean } {
  const { items, anyOf } = schema;
  if (isJsonObject(items)) return { inner: objectWithin(items).inner, isList: true };
  const choices = Array.isArray(anyOf) ? anyOf.filter(isJsonObject) : [];
  const [only, ...others] = choices.filter((one) => one['type'] !== 'null');
  return only !== undefined && others.length === 0 ? objectWithin(only) : { inner: schema, isList: false };
}

function joined(lists: readonly TypeWord[][], between: string): TypeWord[] {
  return lists.flatMap((words, place) => (place === 0 ? words : [{ text: between }, ...words]));
}
