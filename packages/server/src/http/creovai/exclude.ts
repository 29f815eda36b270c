import type { FastifyInstance, FastifyRequest } from 'fastify';
import { excludeSessions } from '../../engine/calls/exclude.ts';
import type { Engine } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { itemsOf, toSessionItem, toStatusItem } from './status-items.ts';
import { parseSessionIdInPath, parseSessionIds } from './status-request.ts';

const v2 = '/capture/v2/status/exclude';

/**
 * `POST /callCapture/v1/status/exclude` and `POST /capture/v2/status/exclude`: sessions to leave out of what is analysed.
 * Answered with what a status request would then say of each, in the order asked.
 */
export function addExclude(app: FastifyInstance, engine: Engine): void {
  app.post('/callCapture/v1/status/exclude', async (request) => {
    const sessionIds = parseSessionIds(request.body, 'callSessionIds');
    return { callSessions: itemsOf(sessionIds, await exclude(engine, request, sessionIds), toStatusItem) };
  });
  app.post(v2, async (request) => {
    const sessionIds = parseSessionIds(request.body, 'sessionIds');
    return { sessions: itemsOf(sessionIds, await exclude(engine, request, sessionIds), toSessionItem) };
  });
}

/**
 * `POST /capture/v2/status/exclude/` with a session id behind it: the same for one session, answered with one item. Its
 * clients send neither a body nor a Content-Type. A body that is there is not read: `app` must leave bodies alone.
 */
export function addExcludeOne(app: FastifyInstance, engine: Engine): void {
  app.post(`${v2}/*`, async (request) => {
    const sessionIds = [parseSessionIdInPath(request.originalUrl, v2)];
    const [item] = itemsOf(sessionIds, await exclude(engine, request, sessionIds), toSessionItem);
    return item;
  });
}

async function exclude(engine: Engine, request: FastifyRequest, sessionIds: readonly string[]) {
  return await excludeSessions(engine, callerOf(request), sessionIds);
}
