import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { captureBody } from './capture-body.ts';
import { isCase, parseCase } from './case-body.ts';
import { parseChat } from './chat-body.ts';

/**
 * `POST /chatCapture/v1` and `POST /capture/v2/chat`: a chat as one JSON object.
 *
 * 200 with its id once it is archived, and the same id when the same chat comes again, in the words of either. Version 2
 * takes a case as well, as one release of its client sends it here.
 */
export function addChatCapture(app: FastifyInstance, engine: Engine): void {
  app.post('/chatCapture/v1', async (request) => {
    const { callId } = await captureBody(engine, request, (body) => parseChat(body, 'v1'));
    return { callId };
  });
  app.post('/capture/v2/chat', async (request) => {
    const { callId } = await captureBody(engine, request, (body) =>
      isCase(body) ? parseCase(body, 'v2') : parseChat(body, 'v2'),
    );
    return { id: callId };
  });
}
