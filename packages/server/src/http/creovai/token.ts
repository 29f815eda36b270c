import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { answerTokenRequest } from '../client-credentials.ts';
import { leaveBodies } from '../request-body.ts';

/** `POST /Token`. Real clients ask before every call, so it is slowed for failures only and revokes nothing. */
export function addToken(app: FastifyInstance, engine: Engine): void {
  leaveBodies(app);
  app.post('/Token', async (request, reply) => await answerTokenRequest(engine, request, reply));
}
