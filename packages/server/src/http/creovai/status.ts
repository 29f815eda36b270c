import type { FastifyInstance } from 'fastify';
import { sessionStandings } from '../../engine/calls/call-status.ts';
import type { Engine } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { toStatusItem } from './map.ts';
import { parseStatusSessionIds } from './status-request.ts';

/** `POST /callCapture/v1/status`: one item per session id, in the order asked. */
export function addStatus(app: FastifyInstance, engine: Engine): void {
  app.post('/callCapture/v1/status', async (request) => {
    const sessionIds = parseStatusSessionIds(request.body);
    const standings = await sessionStandings(engine, callerOf(request), sessionIds);
    const callSessions = standings.map((standing, i) => toStatusItem(sessionIds[i] ?? '', standing));
    return { callSessions };
  });
}
