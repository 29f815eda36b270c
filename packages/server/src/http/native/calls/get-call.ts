import { readCall } from '../../../engine/calls/read-call.ts';
import { operation } from '../operation.ts';
import { CallView, callView } from './call-view.ts';

/** `GET /v1/calls/{id}`. */
export const getCall = operation({
  id: 'getCall',
  method: 'GET',
  path: '/calls/:id',
  tag: 'Calls',
  summary: 'Read a call',
  description:
    'All that is known of a call but its audio and what was said, which have addresses of their own. What was never said is ' +
    'null, and so is what an erasure has taken, from the moment at which it starts. Metadata that came later is part of ' +
    '`metadata`.',
  scopes: ['calls:read'],
  answers: { 200: { description: 'The call', content: CallView } },
  errors: ['call_not_found'],
  async handle({ engine, caller, id }) {
    return { status: 200, body: callView(await readCall(engine, caller, id)) };
  },
});
