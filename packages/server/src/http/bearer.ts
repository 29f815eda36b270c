import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { authenticate } from '../engine/access/authenticate.ts';
import { type Caller, type Engine, requireScope } from '../engine/context.ts';
import type { Scope } from '../model/tenant.ts';

const decorator = 'caller';

/**
 * Lets a request into this plugin's routes only with a good token, which is asked for before a byte of its body is.
 *
 * `graceMs`: for how long after its `exp` a token is still taken; 0 unless it is said.
 */
export function requireBearer(app: FastifyInstance, engine: Engine, options: { graceMs?: number } = {}): void {
  app.decorateRequest(decorator, null);
  app.addHook('onRequest', async (request) => {
    request.setDecorator(decorator, await authenticate(engine, request.headers.authorization, options));
  });
}

/** Who sends this request. Only for routes under `requireBearer`, which has put a caller there. */
export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller>(decorator);
}

/**
 * A step before the body is read, behind `requireBearer`: throws `scope_missing` unless the caller has one of the scopes.
 * The verbs ask too; here, whoever may not is not told first what is wrong with the request.
 */
export function within(...oneOf: Scope[]): onRequestAsyncHookHandler {
  return async (request) => requireScope(callerOf(request), ...oneOf);
}
