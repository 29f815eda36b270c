import type { FastifyInstance } from 'fastify';
import { requireScope } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';

/**
 * `GET /processing/v2/categories`, `/customFields` and `/ParticipantRefTypes`: what calls are analysed for. Nothing
 * analyses them here, so each list is empty.
 */
export function addProcessing(app: FastifyInstance): void {
  const answers = {
    categories: { results: [] },
    customFields: { customFields: [] },
    ParticipantRefTypes: { types: [] },
  };
  for (const [name, answer] of Object.entries(answers)) {
    app.get(`/processing/v2/${name}`, async (request) => {
      requireScope(callerOf(request), 'calls:read', 'calls:write');
      return answer;
    });
  }
}
