import { listRetention as list } from '../../../engine/retention/read-retention.ts';
import { operation } from '../operation.ts';
import { RetentionListShape, retentionListBody } from './settings-shapes.ts';

/** `GET /v1/retention`. */
export const listRetention = operation({
  id: 'listRetention',
  method: 'GET',
  path: '/retention',
  tag: 'Settings',
  summary: 'List for how long calls are kept',
  description: 'By kind: what is in force, and what is to come.',
  scopes: ['admin'],
  answers: { 200: { description: 'Each kind', content: RetentionListShape } },
  errors: [],
  async handle({ engine, caller }) {
    return { status: 200, body: retentionListBody(await list(engine, caller)) };
  },
});
