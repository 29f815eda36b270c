import { Type } from 'typebox';
import { awaitErasure } from '../../../engine/plans/await-erasure.ts';
import { executePlan } from '../../../engine/plans/execute-plan.ts';
import { Digest, ErasureShape, erasureBody } from '../erasure-view.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { Wait } from './read-erasure.ts';

export const executeErasureOperation = operation({
  id: 'executeErasure',
  method: 'POST',
  path: '/erasures/:id/execute',
  tag: 'Erasures',
  summary: 'Execute a plan',
  description:
    'Erases exactly what the plan of this digest has, and tells as `drift` what has changed since it was made. The answer comes as soon as no surface returns what is being erased; with `wait`, once all of it is verified, or the time is over.',
  scopes: ['erasures:execute'],
  query: Type.Object({ wait: Wait }, strict),
  body: Type.Object({ digest: Digest }, strict),
  answers: { 202: { description: 'It runs, or has ended already', content: ErasureShape } },
  errors: ['erasure_not_found', 'erasure_state', 'plan_cancelled', 'digest_mismatch', 'approval_required', 'call_live'],
  takesKey: true,
  handle: async ({ engine, caller, id, query, body, request, once }) => {
    const { status } = await once(null, async (keeper) => {
      await executePlan(engine, caller, id, body, keeper);
      return { status: 202, subjectId: id };
    });
    const waiting = { waitMs: (query.wait ?? 0) * 1000, isHeard: () => !request.raw.socket.destroyed };
    return { status, body: erasureBody(await awaitErasure(engine, caller, id, waiting)) };
  },
});
