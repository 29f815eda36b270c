import type { TSchema } from 'typebox';
import { retainedKinds } from '../../engine/retention/in-force.ts';
import { isJsonObject } from '../json-in.ts';
import type { JsonSchema, MediaContent, OperationObject, Parameter, Reference } from './openapi-document.ts';
import { headersNamed, type ProblemWriter, rateHeaders } from './openapi-problems.ts';
import type { SchemaWriter } from './openapi-schemas.ts';
import type { AnswerShape, Operation } from './operation.ts';
import { Id } from './shapes.ts';

/** What operations of the document share while they are written. */
export type Writers = { schemas: SchemaWriter; problems: ProblemWriter };

/** The name of the scheme by which clients get tokens. */
export const tokenScheme = 'token';

const problemMedia = 'application/problem+json';

/** The header by which a write is recognised when it comes again. */
export const keyParameter: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Recognises a write that comes again: for 24 hours the same key answers the same status and the same resource, as it stands then, and changes nothing; with another request it is refused.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
};

/** Headers of HTTP itself that an operation reads, by the answer that they lead to. */
const conditions: Readonly<Record<string, Parameter>> = {
  206: {
    name: 'Range',
    in: 'header',
    required: false,
    description: 'One range of bytes (RFC 9110, section 14.2)',
    schema: { type: 'string', examples: ['bytes=0-1023'] },
  },
  304: {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'The `ETag` of what the client has already (RFC 9110, section 13.1.2)',
    schema: { type: 'string' },
  },
};

/** An operation as OpenAPI describes it. */
export function operationObject(operation: Operation, writers: Writers): OperationObject {
  const { id, tag, summary, scopes } = operation;
  const parameters = parametersOf(operation, writers.schemas);
  const content = bodyContent(operation, writers.schemas);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...withDescription(operation),
    security: scopes.length === 0 ? [] : scopes.map((scope) => ({ [tokenScheme]: [scope] })),
    ...(parameters.length > 0 && { parameters }),
    ...(content !== undefined && { requestBody: { required: needsBody(operation), content } }),
    responses: { ...answersOf(operation, writers.schemas), ...writers.problems.write(operation) },
  };
}

function withDescription({ description, hasHead }: Operation): { description?: string } {
  const said = [description ?? [], hasHead ? '`HEAD` answers the headers alone.' : []].flat();
  return said.length === 0 ? {} : { description: said.join('\n\n') };
}

/** `/erasures/:id/items` as OpenAPI writes it. */
export function templateOf(path: string): string {
  return `/v1${path}`.replaceAll(/:(\w+)/g, '{$1}');
}

function parametersOf({ path, query, takesKey, answers }: Operation, schemas: SchemaWriter): (Parameter | Reference)[] {
  const inPath = [...path.matchAll(/\/([\w-]+)\/:(\w+)/g)].map(([, noun = '', name = '']) => ({
    name,
    in: 'path' as const,
    required: true,
    ...(name === 'kind'
      ? { description: 'The kind of calls', schema: { type: 'string', enum: retainedKinds } }
      : { description: `Which of the ${noun}`, schema: schemas.write(Id) }),
  }));
  const required = query === undefined ? [] : requiredOf(query);
  const inQuery = query === undefined ? [] : Object.entries(propertiesOf(query));
  const queried = inQuery.map(([name, property]) => {
    const { description, ...schema } = schemas.write(property);
    return {
      name,
      in: 'query' as const,
      required: required.includes(name),
      ...(typeof description === 'string' && { description }),
      schema,
    };
  });
  const key = takesKey ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : [];
  const headers = Object.entries(conditions).flatMap(([status, one]) => (status in answers ? [one] : []));
  return [...inPath, ...queried, ...key, ...headers];
}

function bodyContent({ body, reads }: Operation, schemas: SchemaWriter): MediaContent | undefined {
  if (body === undefined && reads === undefined) return undefined;
  const json = body === undefined ? {} : { 'application/json': { schema: schemas.write(body) } };
  const others = Object.entries(reads ?? {}).map(([media, schema]) => [media, contentOf(schema, schemas)] as const);
  return { ...json, ...Object.fromEntries(others) };
}

/** Bytes have no schema: their media type says all (OpenAPI 3.1.1, section 4.8.14.3). */
function contentOf(schema: TSchema | 'bytes', schemas: SchemaWriter): { schema?: JsonSchema } {
  return schema === 'bytes' ? {} : { schema: schemas.write(schema) };
}

/** A body may be left out where it need not say anything. */
function needsBody({ body, reads }: Operation): boolean {
  return reads !== undefined || (body !== undefined && requiredOf(body).length > 0);
}

function answersOf({ answers, scopes }: Operation, schemas: SchemaWriter): OperationObject['responses'] {
  const headers = scopes.length === 0 ? {} : { headers: headersNamed(rateHeaders) };
  const written = Object.entries(answers).map(([status, { description, content, also }]) => {
    const others = also === undefined ? {} : answerContent(also, schemas);
    const body = content === null ? {} : { content: { ...answerContent(content, schemas), ...others } };
    return [status, { description, ...headers, ...body }] as const;
  });
  return Object.fromEntries(written);
}

function answerContent(content: Exclude<AnswerShape['content'], null>, schemas: SchemaWriter): MediaContent {
  if (isMedia(content)) {
    const { media } = content;
    return { [media]: media === problemMedia ? { schema: { $ref: '#/components/schemas/Problem' } } : {} };
  }
  return { 'application/json': { schema: schemas.write(content) } };
}

function isMedia(content: TSchema | { media: string }): content is { media: string } {
  return 'media' in content && typeof content.media === 'string';
}

/** The schemas of an object's fields, by name. */
function propertiesOf(schema: TSchema): Record<string, JsonSchema> {
  const properties: unknown = 'properties' in schema ? schema.properties : undefined;
  if (!isJsonObject(properties)) return {};
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, property]) => (isJsonObject(property) ? [[name, property]] : [])),
  );
}

function requiredOf(schema: TSchema): readonly string[] {
  const required: unknown = 'required' in schema ? schema.required : undefined;
  return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
}
