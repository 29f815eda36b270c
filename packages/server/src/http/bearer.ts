import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authenticate } from '../engine/access/authenticate.ts';
import type { Caller, Engine } from '../engine/context.ts';

const decorator = 'caller';

/** Lets a request into this plugin's routes only with a good token, which is asked for before a byte of its body is. */
export function requireBearer(app: FastifyInstance, engine: Engine): void {
  app.decorateRequest(decorator, null);
  app.addHook('onRequest', async (request) => {
    request.setDecorator(decorator, await authenticate(engine, request.headers.authorization));
  });
}

/** Who sends this request. Only for routes under `requireBearer`, which has put a caller there. */
export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller>(decorator);
}
