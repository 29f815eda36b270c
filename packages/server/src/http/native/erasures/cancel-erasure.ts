import { cancelPlan } from '../../../engine/plans/cancel-plan.ts';
import { readErasure } from '../../../engine/plans/read-erasure.ts';
import { ErasureShape, erasureBody } from '../erasure-view.ts';
import { operation } from '../operation.ts';
import { Nothing } from '../shapes.ts';

export const cancelErasureOperation = operation({
  id: 'cancelErasure',
  method: 'POST',
  path: '/erasures/:id/cancel',
  tag: 'Erasures',
  summary: 'Cancel a plan',
  description:
    'It can be executed no more, and how its subject was named is erased. The plan of another actor takes `erasures:execute`.',
  scopes: ['erasures:preview', 'erasures:execute'],
  body: Nothing,
  answers: { 200: { description: 'The plan, cancelled', content: ErasureShape } },
  errors: ['erasure_not_found', 'erasure_state'],
  takesKey: true,
  handle: async ({ engine, caller, id, once }) => {
    const { status } = await once(null, async (keeper) => {
      await cancelPlan(engine, caller, id, keeper);
      return { status: 200, subjectId: id };
    });
    return { status, body: erasureBody(await readErasure(engine, caller, id)) };
  },
});
