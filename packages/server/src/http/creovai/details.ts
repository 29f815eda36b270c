import type { FastifyInstance } from 'fastify';
import { readCall } from '../../engine/calls/read-call.ts';
import type { Engine } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { toInteraction } from './interaction.ts';

/**
 * `GET /interactions/v2/{id}`: everything that is known of a call.
 *
 * 404 for a call that is unknown, another tenant's, purged or being purged, all alike. The .NET client asks for flows by
 * `&isFlow=true` right behind the id; there are none here, and the call itself is the answer.
 */
export function addDetails(app: FastifyInstance, engine: Engine): void {
  app.get<{ Params: { '*': string } }>('/interactions/v2/*', async (request) => {
    const id = request.params['*'].replace(/&isFlow=true$/i, '');
    return toInteraction(await readCall(engine, callerOf(request), id));
  });
}
