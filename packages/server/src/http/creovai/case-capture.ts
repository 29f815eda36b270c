import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { captureBody } from './capture-body.ts';
import { parseCase } from './case-body.ts';

/**
 * `POST /caseCapture/v1` and `POST /capture/v2/case`: a case as one JSON object.
 *
 * 200 with its id once it is archived, and the same id when the same case comes again, in the words of either. Version 1
 * also echoes the ids that the client gave.
 */
export function addCaseCapture(app: FastifyInstance, engine: Engine): void {
  app.post('/caseCapture/v1', async (request) => {
    const { callId, received } = await captureBody(engine, request, (body) => parseCase(body, 'v1'));
    return { referenceId: received.sessionId, caseId: callId, collectionId: received.collectionId ?? null };
  });
  app.post('/capture/v2/case', async (request) => {
    const { callId } = await captureBody(engine, request, (body) => parseCase(body, 'v2'));
    return { id: callId };
  });
}
