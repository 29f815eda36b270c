import { Type } from 'typebox';
import { approvePlan } from '../../../engine/plans/approve-plan.ts';
import { readErasure } from '../../../engine/plans/read-erasure.ts';
import { Digest, ErasureShape, erasureBody } from '../erasure-view.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';

export const approveErasureOperation = operation({
  id: 'approveErasure',
  method: 'POST',
  path: '/erasures/:id/approve',
  tag: 'Erasures',
  summary: 'Approve a plan that the guard has stopped',
  description:
    "By another client or user than who asked for it, a vendor's client included. Afterwards either may execute it, and a vendor's request goes through when it is sent again.",
  scopes: ['erasures:execute'],
  body: Type.Object({ digest: Digest }, strict),
  answers: { 200: { description: 'The plan, approved', content: ErasureShape } },
  errors: ['erasure_not_found', 'erasure_state', 'plan_cancelled', 'digest_mismatch', 'approval_own'],
  takesKey: true,
  handle: async ({ engine, caller, id, body, once }) => {
    const { status } = await once(null, async (keeper) => {
      await approvePlan(engine, caller, id, body, keeper);
      return { status: 200, subjectId: id };
    });
    return { status, body: erasureBody(await readErasure(engine, caller, id)) };
  },
});
