/** What a document says that an operation answers, to compare with what it did. */
import { Compile } from 'typebox/compile';
import { isJsonObject } from '../../src/http/json-in.ts';
import type {
  JsonSchema,
  OpenapiDocument,
  OperationObject,
  ResponseObject,
} from '../../src/http/native/openapi-document.ts';
import type { BoundedAnswer } from './bounded-http.ts';
import { inPlace } from './schema-arbitrary.ts';

type Check = (value: unknown) => string | undefined;

export class DeclaredAnswers {
  readonly #document: OpenapiDocument;
  readonly #checks = new Map<JsonSchema, Check>();

  constructor(document: OpenapiDocument) {
    this.#document = document;
  }

  /** What is wrong with an answer; undefined where it is as declared. */
  faultOf(operation: OperationObject, { status, headers, body, isPart }: BoundedAnswer): string | undefined {
    const declared = operation.responses[String(status)];
    if (declared === undefined) return `status ${status} is not declared`;
    const response = this.#resolved(declared);
    const wrongHeader = this.#wrongHeader(response, headers);
    if (wrongHeader !== undefined) return wrongHeader;
    if (response.content === undefined) return body.length === 0 ? undefined : 'a body where none is declared';
    const type = String(headers['content-type'] ?? '').split(';', 1)[0] ?? '';
    const media = Object.entries(response.content).find(([name]) => name === type || name === '*/*');
    if (media === undefined) return `Content-Type ${type} is not declared for ${status}`;
    const { schema } = media[1];
    return schema === undefined || isPart ? undefined : this.#fault(schema, body);
  }

  #resolved(one: OperationObject['responses'][string]): ResponseObject {
    if (!('$ref' in one)) return one;
    const found = this.#document.components.responses[one.$ref.slice(one.$ref.lastIndexOf('/') + 1)];
    if (found === undefined) throw new Error(`${one.$ref} is not in the document`);
    return found;
  }

  #wrongHeader(response: ResponseObject, headers: BoundedAnswer['headers']): string | undefined {
    for (const name of Object.keys(response.headers ?? {})) {
      const value = headers[name.toLowerCase()];
      // The rate is told where it is limited.
      if (value === undefined && !name.startsWith('RateLimit-')) return `${name} is declared and missing`;
      if (value !== undefined && /^(RateLimit|Retry)-/.test(name) && !/^\d+$/.test(String(value)))
        return `${name} is no number`;
    }
    return undefined;
  }

  #fault(schema: JsonSchema, body: Buffer): string | undefined {
    let value: unknown;
    try {
      value = JSON.parse(body.toString());
    } catch {
      return 'the body is no JSON';
    }
    return this.#checkOf(schema)(value);
  }

  #checkOf(schema: JsonSchema): Check {
    const known = this.#checks.get(schema);
    if (known !== undefined) return known;
    const shape = Compile(inPlace(this.#document, schema));
    const check: Check = (value) => {
      if (shape.Check(value)) return undefined;
      const [first] = shape.Errors(value);
      return `${first?.instancePath ?? ''} ${first?.message ?? ''}`;
    };
    this.#checks.set(schema, check);
    return check;
  }
}

/** The code of a refusal; undefined of any other answer. */
export function codeIn({ headers, body }: Pick<BoundedAnswer, 'headers' | 'body'>): string | undefined {
  if (headers['content-type'] !== 'application/problem+json') return undefined;
  const said: unknown = JSON.parse(body.toString());
  return isJsonObject(said) ? String(said['code']) : undefined;
}
