/** Values made of nothing but a JSON Schema: such as fit it, and such as nearly do. */
import fc from 'fast-check';
import { isJsonObject } from '../../src/http/json-in.ts';
import type { JsonSchema, OpenapiDocument } from '../../src/http/native/openapi-document.ts';

/** In every hostile text: no answer that refuses may hold it. */
export const mark = 'MARK5551234';

/** Texts that mean something to those they name, by the field that they stand in. */
export type Words = (field: string) => readonly string[];

/** A schema with what it points at put in its place. */
export function inPlace(document: OpenapiDocument, schema: JsonSchema): JsonSchema {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (!isJsonObject(value)) return value;
    const { $ref, ...rest } = value;
    if (typeof $ref !== 'string') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, walk(v)]));
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    const target: unknown = document.components.schemas[name];
    return walk({ ...(isJsonObject(target) ? target : {}), ...rest });
  };
  const placed = walk(schema);
  return isJsonObject(placed) ? placed : {};
}

/** Texts that a schema lets through, and that mean trouble to whoever stores them. */
const oddTexts = ['\u0000', `${mark}\u0000`, `${mark}\ud800`, `${mark}\uffff`, '%00', '9'.repeat(500), mark.repeat(40)];

/** What somebody sends who means harm, or has a bug. */
export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e308,
    -0.5,
    2 ** 53,
    '',
    ' ',
    mark,
    `${mark}\u0000`,
    '\u0000',
    `${mark}\uffff`,
    `${mark}%00%25`,
    `\ud800${mark}`,
    `${mark}\u202e\ufeff\u0301`,
    `'; drop table calls; -- ${mark}`,
    `../../${mark}`,
    '9'.repeat(400),
    mark.repeat(200),
    mark.repeat(5_000),
    [],
    {},
    [mark],
    { [mark]: mark },
    JSON.parse(`{"__proto__":{"${mark}":1},"constructor":"${mark}"}`),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `${mark}${text}`),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value that fits a schema. */
export function fitting(schema: JsonSchema, words: Words, field = ''): fc.Arbitrary<unknown> {
  const { type, anyOf, items, patternProperties, additionalProperties } = schema;
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...schema['enum']);
  const choices = Array.isArray(anyOf) ? anyOf.filter(isJsonObject) : [];
  if (choices.length > 0) return fc.oneof(...choices.map((one) => fitting(one, words, field)));
  switch (type) {
    case 'object':
      if (isJsonObject(schema['properties'])) return objectFitting(schema, words);
      return isJsonObject(additionalProperties) || isJsonObject(patternProperties)
        ? fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
        : fc.constant({});
    case 'array': {
      const most = typeof schema['maxItems'] === 'number' ? Math.min(3, schema['maxItems']) : 3;
      const least = typeof schema['minItems'] === 'number' ? schema['minItems'] : 0;
      return fc.array(isJsonObject(items) ? fitting(items, words, field) : hostile, {
        minLength: least,
        maxLength: Math.max(most, least),
      });
    }
    case 'string':
      return textFitting(schema, words, field);
    case 'integer':
      return wholeFitting(schema, field);
    case 'number':
      return fc.double({ noNaN: true, ...numberBounds(schema, -1e6, 1e6) });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectFitting(schema: JsonSchema, words: Words): fc.Arbitrary<unknown> {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
  // With half of all fields there, hardly a large object would be one that is taken.
  const fields = Object.entries(properties).map(([name, one]) => {
    const value = fitting(isJsonObject(one) ? one : {}, words, name).map((fit) => [[name, fit] as const]);
    const none = fc.constant<(readonly [string, unknown])[]>([]);
    return required.includes(name) ? value : fc.oneof({ weight: 3, arbitrary: none }, { weight: 1, arbitrary: value });
  });
  return fc.tuple(...fields).map((chosen) => Object.fromEntries(chosen.flat()));
}

function textFitting(schema: JsonSchema, words: Words, field: string): fc.Arbitrary<string> {
  const { minLength = 0, maxLength = 40, format, description } = schema;
  const isTime = format === 'date-time' || String(description).startsWith('ISO 8601');
  if (isTime)
    return fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((at) => at.toISOString());
  const least = typeof minLength === 'number' ? minLength : 0;
  const most = typeof maxLength === 'number' ? maxLength : 40;
  const any = fc.string({ minLength: least, maxLength: Math.max(least, Math.min(40, most)), unit: 'grapheme' });
  // What fits a schema and no column of text.
  const odd = fc.constantFrom(
    ...oddTexts.filter((text) => text.length >= least && text.length <= most),
    'x'.repeat(least),
  );
  const free = fc.oneof({ weight: 6, arbitrary: any }, { weight: 1, arbitrary: odd });
  const known = words(field).filter((word) => word.length <= most);
  return known.length === 0 ? free : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, free);
}

function wholeFitting(schema: JsonSchema, field: string): fc.Arbitrary<number> {
  const { min, max } = numberBounds(schema, -1e9, 1e9);
  // Seconds to wait for something: the test has none to spare.
  return fc.integer({ min: Math.ceil(min), max: field === 'wait' ? 1 : Math.floor(max) });
}

function numberBounds({ minimum, maximum }: JsonSchema, least: number, most: number): { min: number; max: number } {
  const min = typeof minimum === 'number' ? minimum : least;
  const max = typeof maximum === 'number' ? maximum : Math.max(min, most);
  return { min: Math.max(min, Number.MIN_SAFE_INTEGER), max: Math.min(max, Number.MAX_SAFE_INTEGER) };
}

/** A value of which one thing, somewhere, is not as it was. */
export function spoiled(value: unknown): fc.Arbitrary<unknown> {
  const places: (readonly string[])[] = [];
  const walk = (at: unknown, path: readonly string[]): void => {
    places.push(path);
    if (typeof at === 'object' && at !== null) for (const [k, v] of Object.entries(at)) walk(v, [...path, k]);
  };
  walk(value, []);
  const change = fc.oneof(
    hostile.map((put) => ({ put })),
    fc.constant({ drop: true }),
    hostile.map((put) => ({ put, beside: mark })),
  );
  return fc.tuple(fc.constantFrom(...places), change).map(([path, how]) => changedAt(value, path, how));
}

type Change = { put?: unknown; drop?: boolean; beside?: string };

function changedAt(value: unknown, [step, ...rest]: readonly string[], how: Change): unknown {
  if (step === undefined) {
    if (how.beside === undefined || !isJsonObject(value)) return how.drop ? undefined : how.put;
    return { ...value, [how.beside]: how.put };
  }
  if (Array.isArray(value)) {
    const place = Number(step);
    if (rest.length === 0 && how.drop) return value.filter((_, at) => at !== place);
    return value.map((one, at) => (at === place ? changedAt(one, rest, how) : one));
  }
  if (!isJsonObject(value)) return value;
  if (rest.length === 0 && how.drop) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== step));
  return { ...value, [step]: changedAt(value[step], rest, how) };
}
