import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import { type AnswerKeeper, type KeyedRequest, once } from '../../engine/answers/once.ts';
import type { Caller, Engine } from '../../engine/context.ts';
import type { ArtifactKind } from '../../model/call.ts';
import { AppError, type ErrorCode } from '../../model/errors.ts';
import type { Scope } from '../../model/tenant.ts';
import { callerOf, within } from '../bearer.ts';
import { parseJson } from '../json-text.ts';
import { mediaTypeOf } from '../media-type.ts';
import { readWhole } from '../request-body.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { readQuery } from './query.ts';
import { shapeOf } from './shape.ts';

/** What one status of an operation says: JSON of a schema, bytes of a media type, or nothing (`null`). */
export type AnswerShape = {
  description: string;
  content: TSchema | { media: string } | null;
  /** Another media type that the same status may have, for those who ask for it. */
  also?: { media: string };
};

/** What everybody who reads the operation should know, and what its OpenAPI document is made of. */
export type OperationFacts = {
  /** `operationId`: a verb and a noun, unique. */
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/v1`, with `:id` for an id, or `:kind`: no path names more than one thing. */
  path: string;
  tag: 'Erasures' | 'Holds' | 'Calls' | 'Clients' | 'Users' | 'Audit' | 'Settings' | 'Tokens' | 'About';
  summary: string;
  description?: string;
  /** Any one of these opens it; none where no token is asked for. */
  scopes: readonly Scope[];
  /** What success says, by status. */
  answers: Readonly<Record<number, AnswerShape>>;
  /** Codes that this operation has beside those that all have. */
  errors: readonly ErrorCode[];
  /** Writes take an `Idempotency-Key`. */
  takesKey?: boolean;
  /** True where HEAD is answered, too: with the headers alone. */
  hasHead?: boolean;
  /** What is done to a request whose sender may come in, before its body is looked at. */
  onRequest?: onRequestAsyncHookHandler;
  /** Bodies that the handler reads by itself, by media type. */
  reads?: Readonly<Record<string, TSchema | 'bytes'>>;
};

type Schemas = { query?: TSchema; body?: TSchema; bodyBytesMax?: number; bodyValuesMax?: number };

/** What a handler is given: checked, and as the schemas say. */
export type Asked<Query, Body> = {
  engine: Engine;
  /** Throws where no token is asked for. */
  readonly caller: Caller;
  /** Of the path; empty where it names nothing. */
  id: string;
  query: Query;
  body: Body;
  request: FastifyRequest;
  reply: FastifyReply;
  /**
   * Carries a write out once under the request's `Idempotency-Key`. `beside` as in `KeyedRequest`; `said` where it is more
   * than body and id.
   */
  once: (
    beside: ArtifactKind | null,
    work: (keeper: AnswerKeeper) => Promise<{ status: number; subjectId: string }>,
    said?: unknown,
  ) => Promise<{ status: number; subjectId: string }>;
};

/** What a handler gives back; undefined where it has sent the answer by itself. */
export type Answered = { status: number; body?: unknown } | undefined;

/** An operation of the native API: how it is described is how it is checked. */
export type Operation = OperationFacts & Schemas & { handle: (asked: Asked<never, never>) => Promise<Answered> };

/** Ties the schemas of an operation to what its handler is given. */
export function operation<const Q extends TSchema = typeof None, const B extends TSchema = typeof None>(
  facts: OperationFacts & {
    query?: Q;
    body?: B;
    /** Largest body, in bytes; and how many values its JSON may hold. */
    bodyBytesMax?: number;
    bodyValuesMax?: number;
    handle: (asked: Asked<Static<Q>, Static<B>>) => Promise<Answered>;
  },
): Operation {
  // The handler is called with what these very schemas have let through.
  return facts as unknown as Operation;
}

const None = Type.Object({}, { additionalProperties: false });
const bodyBytesMax = 1024 * 1024;
const bodyValuesMax = 50_000;

/** Serves operations. Where scopes are named the token is asked for before anything of the request is looked at. */
export function addOperations(app: FastifyInstance, engine: Engine, operations: readonly Operation[]): void {
  for (const one of operations) addOperation(app, engine, one);
}

function addOperation(app: FastifyInstance, engine: Engine, one: Operation): void {
  const query = readQuery(one.query ?? None);
  const readBody = one.body && shapeOf(one.body);
  const door = one.scopes.length === 0 ? [] : [within(...one.scopes)];
  app.route({
    method: one.hasHead ? [one.method, 'HEAD'] : one.method,
    url: one.path,
    onRequest: [...door, ...(one.method === 'GET' ? [] : [refuseCoded]), ...(one.onRequest ? [one.onRequest] : [])],
    handler: async (request, reply) => {
      const id = idOf(request);
      const asked = { engine, id, request, reply, query: query(request) };
      const body = readBody?.(await jsonOf(request, one), 'The body');
      const key = one.takesKey ? idempotencyKeyOf(request) : undefined;
      const keyed = (beside: ArtifactKind | null, said: unknown): KeyedRequest | undefined =>
        key === undefined ? undefined : { key, verb: one.id, said, beside };
      const given: Asked<unknown, unknown> = {
        ...asked,
        get caller() {
          return callerOf(request);
        },
        body,
        once: async (beside, work, said = { id, body }) =>
          await once(engine, callerOf(request), keyed(beside, said), work),
      };
      // What the schemas of this very operation have let through.
      const answered = await one.handle(given as Asked<never, never>);
      if (answered === undefined) return reply;
      return await send(reply, answered);
    },
  });
}

/** A body is taken as it is: audio that came compressed would be kept so, and play nowhere (RFC 9110, section 15.5.16). */
const refuseCoded: onRequestAsyncHookHandler = async ({ headers }, reply) => {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (coding === 'identity') return;
  reply.header('accept-encoding', 'identity');
  throw new AppError('media_type_unsupported', { message: 'A body is taken without a Content-Encoding' });
};

async function send(reply: FastifyReply, { status, body }: { status: number; body?: unknown }): Promise<FastifyReply> {
  reply.code(status);
  if (body === undefined) return await reply.send();
  return await reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
}

async function jsonOf(request: FastifyRequest, one: Schemas): Promise<unknown> {
  const { 'content-type': contentType = 'application/json' } = request.headers;
  if (mediaTypeOf(contentType) !== 'application/json') {
    throw new AppError('media_type_unsupported', { message: 'The Content-Type must be application/json' });
  }
  const bytes = await readWhole(request, one.bodyBytesMax ?? bodyBytesMax, 'The body');
  // A write that says nothing may have no body at all.
  if (bytes.length === 0) return {};
  return parseJson(bytes, 'The body', one.bodyValuesMax ?? bodyValuesMax);
}

function idOf({ params }: FastifyRequest): string {
  const [named] = typeof params === 'object' && params !== null ? Object.values(params) : [];
  return typeof named === 'string' ? named : '';
}
