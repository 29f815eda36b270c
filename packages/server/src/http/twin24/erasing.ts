import type { FastifyInstance } from 'fastify';
import type { JsonObject } from '../../engine/archive/new-call.ts';
import type { Engine } from '../../engine/context.ts';
import { deleteRecording, depersonalizeCall, depersonalizeCandidate } from '../../engine/erasure/depersonalize.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf, within } from '../bearer.ts';
import { valuesMax } from '../json-text.ts';
import { parametersOf, parseEveryBody } from './parameters.ts';

/** The answer waits for the keys at most this long; then it says that the erasure goes on. */
const waitMsMax = 20_000;

/**
 * The three methods. Each is 200 with nothing in it, and no Content-Type, once the keys are destroyed; a repeat is the
 * same. 404 for an id that is unknown, another tenant's or malformed, 400 for a call that is not over and for one under
 * hold, with nothing changed; 503 with Retry-After when the keys take longer than `waitMsMax`.
 */
export function addErasing(app: FastifyInstance, engine: Engine): void {
  parseEveryBody(app, valuesMax, ['skipDeleteRecord']);
  app.addHook('onRequest', within('erasures:execute'));
  app.post<{ Params: { id: string } }>('/calls/:id/depersonalization', async (request, reply) => {
    const options = { keepRecording: keepsRecording(parametersOf(request)), waitMs: waitMsMax };
    await depersonalizeCall(engine, callerOf(request), request.params.id, options);
    return reply.code(200).send();
  });
  app.delete<{ Params: { id: string } }>('/calls/:id/record', async (request, reply) => {
    parametersOf(request);
    await deleteRecording(engine, callerOf(request), request.params.id, { waitMs: waitMsMax });
    return reply.code(200).send();
  });
  const candidate = '/telephony/autoCallCandidate/:id/depersonalization';
  app.post<{ Params: { id: string } }>(candidate, async (request, reply) => {
    const options = { keepRecording: keepsRecording(parametersOf(request)), waitMs: waitMsMax };
    await depersonalizeCandidate(engine, callerOf(request), request.params.id, options);
    return reply.code(200).send();
  });
}

/** Nothing but JSON `true` keeps the audio, and nothing but `true`, `false`, null or silence is understood. */
function keepsRecording(parameters: JsonObject): boolean {
  const { skipDeleteRecord = null } = parameters;
  if (skipDeleteRecord === null) return false;
  if (typeof skipDeleteRecord === 'boolean') return skipDeleteRecord;
  throw new AppError('input_invalid', { message: 'skipDeleteRecord must be true or false' });
}
