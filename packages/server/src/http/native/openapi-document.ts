import type { Scope } from '../../model/tenant.ts';

/* The part of OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1) that this API's document is made of. */

/** A JSON Schema of draft 2020-12, as data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Something in `components`. */
export type Reference = { $ref: string };

export type Parameter = {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: JsonSchema;
};

export type HeaderObject = { description: string; schema: JsonSchema };

export type MediaContent = Readonly<Record<string, { schema?: JsonSchema; example?: unknown }>>;

export type ResponseObject = {
  description: string;
  headers?: Readonly<Record<string, HeaderObject | Reference>>;
  content?: MediaContent;
};

export type OperationObject = {
  operationId: string;
  tags: readonly string[];
  summary: string;
  description?: string;
  /** Any one of these opens it; `{}` where no token is asked for. */
  security: readonly { [scheme: string]: readonly Scope[] }[];
  parameters?: readonly (Parameter | Reference)[];
  requestBody?: { required: boolean; content: MediaContent };
  responses: Readonly<Record<string, ResponseObject | Reference>>;
};

/** By method, in lower case. */
export type PathItem = { [method: string]: OperationObject };

export type Components = {
  securitySchemes: Readonly<Record<string, JsonSchema>>;
  schemas: Readonly<Record<string, JsonSchema>>;
  parameters: Readonly<Record<string, Parameter>>;
  headers: Readonly<Record<string, HeaderObject>>;
  responses: Readonly<Record<string, ResponseObject>>;
};

export type OpenapiDocument = {
  openapi: '3.1.1';
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } };
  servers: readonly { url: string; description?: string }[];
  security: OperationObject['security'];
  tags: readonly { name: string; description: string }[];
  paths: Readonly<Record<string, PathItem>>;
  components: Components;
};
