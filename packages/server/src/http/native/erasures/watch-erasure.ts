import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { authenticate } from '../../../engine/access/authenticate.ts';
import { type Caller, type Engine, requireScope } from '../../../engine/context.ts';
import { type Watched, watchErasure } from '../../../engine/plans/watch-erasure.ts';
import { AppError, hasCode } from '../../../model/errors.ts';
import type { Scope } from '../../../model/tenant.ts';
import { erasureBody } from '../erasure-view.ts';
import { operation } from '../operation.ts';

/** Proxies close a connection on which nothing is said for a minute, some of them sooner. */
const quietMs = 15_000;
const longestMs = 3_600_000;
/** Streams that one client may have open at a time. */
const streamsMax = 20;
/** How often is looked whether the token is still good. */
const tokenLookMs = 30_000;
/** Any one of these opens it. */
const watchingScopes: readonly Scope[] = ['erasures:preview', 'erasures:execute'];

export const watchErasureOperation = operation({
  id: 'watchErasure',
  method: 'GET',
  path: '/erasures/:id/events',
  tag: 'Erasures',
  summary: 'Watch an erasure as server-sent events',
  description:
    'An event `progress` with the whole erasure at once and whenever something of it changes, `end` with it when it has ended; then the stream closes. Comments keep the connection alive. How the subject was named stands in the first event alone; later ones have null. It ends after an hour, or when the token does: ask again. A client may have 20 of them open at a time.',
  scopes: watchingScopes,
  answers: { 200: { description: 'The events', content: { media: 'text/event-stream' } } },
  errors: ['erasure_not_found'],
  handle: async ({ engine, caller, id, request, reply }) => {
    const leave = enter(engine, caller);
    const ending = new AbortController();
    ending.signal.addEventListener('abort', leave, { once: true });
    const watched = await watchErasure(engine, caller, id, { quietMs, longestMs, signal: ending.signal }).catch(
      (error) => {
        leave();
        throw error;
      },
    );
    endWithToken(engine, request.headers.authorization, ending);
    endWithConnection(reply.raw, ending);
    const events = Readable.from(eventsOf(watched));
    reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no');
    await reply.send(events);
    return undefined;
  },
});

/** Streams that are open, by client; of each process. */
const open = new WeakMap<Engine, Map<string, number>>();

/** Counts a stream of the caller's until the function that is returned is called. Throws `rate_limited` for one too many. */
function enter(engine: Engine, { tenant, actor }: Caller): () => void {
  const counts = open.get(engine) ?? new Map<string, number>();
  open.set(engine, counts);
  const who = `${tenant.id} ${actor.kind} ${actor.id}`;
  const count = (change: number) => (counts.get(who) ?? 0) + change;
  if (count(1) > streamsMax) {
    throw new AppError('rate_limited', { message: 'Too many streams are open at a time', retryAfterMs: quietMs });
  }
  counts.set(who, count(1));
  let isOpen = true;
  return () => {
    if (!isOpen) return;
    isOpen = false;
    if (count(-1) === 0) counts.delete(who);
    else counts.set(who, count(-1));
  };
}

async function* eventsOf(watched: AsyncIterable<Watched>): AsyncGenerator<string> {
  let id = 0;
  for await (const one of watched) {
    if (one.kind === 'quiet') {
      yield ': still here\n\n';
      continue;
    }
    id += 1;
    const event = one.kind === 'ended' ? 'end' : 'progress';
    // Ten thousand identifiers are a megabyte, and never change.
    const view = id === 1 ? one.view : { ...one.view, identifiers: undefined };
    yield `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(erasureBody(view))}\n\n`;
  }
}

/** Whoever has lost the right to look stops seeing. */
function endWithToken(engine: Engine, authorization: string | undefined, ending: AbortController): void {
  const timer = setInterval(() => {
    stillMay(engine, authorization).catch((error: unknown) => {
      if (hasCode(error, 'token_invalid') || hasCode(error, 'scope_missing')) ending.abort();
    });
  }, tokenLookMs);
  timer.unref();
  ending.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/**
 * With the answer, or with its client. Not with the stream of events: to be destroyed it waits for the next of them, which may
 * be long in coming.
 */
function endWithConnection(answer: ServerResponse, ending: AbortController): void {
  if (answer.destroyed) ending.abort();
  else answer.once('close', () => ending.abort());
}

async function stillMay(engine: Engine, authorization: string | undefined): Promise<void> {
  requireScope(await authenticate(engine, authorization), ...watchingScopes);
}
