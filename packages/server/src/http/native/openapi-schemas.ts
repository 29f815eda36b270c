import type { TSchema } from 'typebox';
import { Bug } from '../../model/errors.ts';
import { isJsonObject } from '../json-in.ts';
import type { JsonSchema } from './openapi-document.ts';

/**
 * Turns schemas of operations into those of the document: one that has a `title` is told once, under that name, and referred
 * to wherever it stands.
 */
export class SchemaWriter {
  readonly #named = new Map<string, JsonSchema>();

  /**
   * A schema as it stands at a place. Throws `Bug` where another schema has the same title: readers would take one for the
   * other.
   */
  write(schema: TSchema): JsonSchema {
    const { title, ...full } = this.#inFull(schema);
    if (typeof title !== 'string') return full;
    const known = this.#named.get(title);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(full)) {
      throw new Bug(`two schemas of the native API are called ${title}`);
    }
    this.#named.set(title, full);
    return { $ref: `#/components/schemas/${title}` };
  }

  /** The named ones that were written so far, by name. */
  named(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #inFull(schema: TSchema): JsonSchema {
    const fields = Object.entries(schema).map(([keyword, value]) => [keyword, this.#valueOf(value)] as const);
    return plainMap(Object.fromEntries(fields));
  }

  #valueOf(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry) => this.#valueOf(entry));
    if (!isJsonObject(value)) return value;
    // Whatever is an object here is a schema, or a map of schemas by names of properties: both are walked alike.
    return this.write(value);
  }
}

/** `patternProperties` with a pattern that all names fit says less plainly what `additionalProperties` says. */
function plainMap({ patternProperties, ...rest }: JsonSchema): JsonSchema {
  if (patternProperties === undefined) return rest;
  const entries = isJsonObject(patternProperties) ? Object.entries(patternProperties) : [];
  const [only] = entries;
  if (entries.length !== 1 || only === undefined || only[0] !== '^.*$' || 'additionalProperties' in rest) {
    return { ...rest, patternProperties };
  }
  return { ...rest, additionalProperties: only[1] };
}
