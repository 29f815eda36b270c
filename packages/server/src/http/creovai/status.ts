import type { FastifyInstance, FastifyRequest } from 'fastify';
import { sessionStandings } from '../../engine/calls/call-status.ts';
import type { Engine } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { itemsOf, type ToItem, toSessionItem, toStatusItem } from './status-items.ts';
import { parseSessionIdInPath, parseSessionIds } from './status-request.ts';

/**
 * `POST /callCapture/v1/status` and `POST /capture/v2/status`: one item per session id, in the order asked. `GET` of either
 * with a session id behind it: one such item.
 *
 * A session that is unknown, another tenant's or purged is an item `NotFound`, in a `GET` too: its clients have a word for
 * it, while a 404 makes them throw.
 */
export function addStatus(app: FastifyInstance, engine: Engine): void {
  const ask = async <Item>(request: FastifyRequest, sessionIds: readonly string[], toItem: ToItem<Item>) =>
    itemsOf(sessionIds, await sessionStandings(engine, callerOf(request), sessionIds), toItem);
  const addOne = <Item>(prefix: string, toItem: ToItem<Item>) => {
    app.get(`${prefix}/*`, async (request) => {
      const [item] = await ask(request, [parseSessionIdInPath(request.originalUrl, prefix)], toItem);
      return item;
    });
  };
  app.post('/callCapture/v1/status', async (request) => {
    return { callSessions: await ask(request, parseSessionIds(request.body, 'callSessionIds'), toStatusItem) };
  });
  app.post('/capture/v2/status', async (request) => {
    return { sessions: await ask(request, parseSessionIds(request.body, 'sessionIds'), toSessionItem) };
  });
  addOne('/callCapture/v1/status', toStatusItem);
  addOne('/capture/v2/status', toSessionItem);
}
