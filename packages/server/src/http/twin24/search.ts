import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ReadCall } from '../../engine/calls/read-call.ts';
import { recordLinks } from '../../engine/calls/record-link.ts';
import { type FoundCalls, searchCalls } from '../../engine/calls/search-calls.ts';
import type { Engine } from '../../engine/context.ts';
import { callerOf, within } from '../bearer.ts';
import { asAppError, reportFailure } from '../failure.ts';
import type { Query } from './list-params.ts';
import { type RowSource, rowText } from './search-fields.ts';
import { type SearchQuery, searchQueryOf } from './search-query.ts';

/** What is written in one go, in UTF-16 units. */
const pieceLength = 64 * 1024;

/**
 * `GET search/cis/calls` and `search/cis/sessions`: archived calls of the tenant as rows, each with what may still be seen
 * of it. Both names are of one list.
 *
 * `count` is how many there are, up to `searchedMax`, whatever part of them is asked for; with `withoutCount`, how many rows
 * the answer has. It stands behind the rows, which are opened while they are sent: what goes wrong after the first of them
 * breaks the connection.
 */
export function addSearch(app: FastifyInstance, engine: Engine, publicUrl: () => string): void {
  for (const name of ['calls', 'sessions']) {
    app.get<{ Querystring: Query }>(
      `/search/cis/${name}`,
      { onRequest: within('calls:read') },
      async (request, reply) => {
        const query = searchQueryOf(request.query);
        const caller = callerOf(request);
        const common = {
          companyId: caller.tenant.number,
          linkTo: await recordLinks(engine, caller),
          publicUrl: publicUrl(),
        };
        const sourceOf = (read: ReadCall): RowSource => ({ read, ...common });
        const { filter: ofRows } = query;
        const filter = ofRows && { opens: ofRows.opens, keeps: (read: ReadCall) => ofRows.keeps(sourceOf(read)) };
        const found = await searchCalls(engine, caller, { ...query.asked, filter });
        return await send(engine, request, reply, inPieces(envelope(found, query, sourceOf)));
      },
    );
  }
}

/** The answer as JSON text, bit by bit. */
async function* envelope(
  { count, shown }: FoundCalls,
  { fields, asked, hasItems }: SearchQuery,
  sourceOf: (read: ReadCall) => RowSource,
): AsyncGenerator<string> {
  let rows = 0;
  yield '{"items":[';
  if (hasItems) {
    for await (const read of shown) {
      yield `${rows === 0 ? '' : ','}${rowText(fields, sourceOf(read))}`;
      rows += 1;
    }
  }
  yield `],"count":${asked.isCounted ? count() : rows}}`;
}

/** The same text in larger pieces: each costs a system call. */
async function* inPieces(text: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const bit of text) {
    piece += bit;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

/** What fails before the second piece is answered as an error; a short answer goes out with its length. */
async function send(engine: Engine, request: FastifyRequest, reply: FastifyReply, pieces: AsyncGenerator<string>) {
  const first = await pieces.next();
  const second = await pieces.next();
  reply.type('application/json; charset=utf-8');
  if (second.done) return reply.send(first.value ?? '');
  const rest = told(engine, request, resumed([first.value ?? '', second.value], pieces));
  return reply.send(Readable.from(rest, { objectMode: false }));
}

async function* resumed(begun: readonly string[], rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* begun;
  yield* rest;
}

/** Nobody else hears of what fails once the answer has begun. */
async function* told(engine: Engine, request: FastifyRequest, pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    yield* pieces;
  } catch (error) {
    reportFailure(engine, request, asAppError(error));
    throw error;
  }
}
