import type { FastifyInstance } from 'fastify';
import { type Engine, requireScope } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { parseMonitor } from './monitor-request.ts';

/**
 * `POST /callCapture/v1/monitor` and `POST /capture/v2/status/monitor`: the heartbeat of a client. Answered `{}`.
 *
 * The log gets the word alone: the client's name and version are text of its own, which no log may hold. Nothing is stored.
 */
export function addMonitor(app: FastifyInstance, engine: Engine): void {
  for (const route of ['/callCapture/v1/monitor', '/capture/v2/status/monitor']) {
    app.post(route, async (request) => {
      requireScope(callerOf(request), 'calls:write');
      engine.log.info('creovai.monitor', { status: parseMonitor(request.body) });
      return {};
    });
  }
}
