import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { entityTagOf, namesTag } from '../../../lib/entity-tag.ts';
import { docsPage } from '../docs-page.ts';
import { openapiOf } from '../openapi.ts';
import type { Answered, Operation } from '../operation.ts';

/** A text that is the same for everybody until the server is another one. */
type Fixed = { text: string; tag: string };

/** What the API tells about itself. */
type AboutApi = { openapi: Fixed; docs: Fixed };

const decorator = 'aboutApi';
/** Long enough for a reader's clicks; a new version is seen soon after. */
const cachedS = 300;

/** Makes the document of these operations, and its page, for the routes of this plugin. */
export function decorateAbout(app: FastifyInstance, operations: readonly Operation[]): void {
  const document = openapiOf(operations);
  const about: AboutApi = { openapi: fixed(JSON.stringify(document)), docs: fixed(docsPage(document)) };
  app.decorate(decorator, about);
}

function fixed(text: string): Fixed {
  return { text, tag: entityTagOf(text) };
}

/** Answers with one of them, or with 304 to who has it already (RFC 9110, section 15.4.5). */
export async function sendFixed(
  request: FastifyRequest,
  reply: FastifyReply,
  which: keyof AboutApi,
  type: string,
): Promise<Answered> {
  const { text, tag } = request.server.getDecorator<AboutApi>(decorator)[which];
  reply.header('cache-control', `public, max-age=${cachedS}`).header('etag', tag);
  if (namesTag(request.headers['if-none-match'], tag)) await reply.code(304).send();
  else await reply.code(200).type(type).send(text);
  return undefined;
}
