import { readErasure } from '../../../engine/plans/read-erasure.ts';
import { retryErasure } from '../../../engine/plans/retry-erasure.ts';
import { ErasureShape, erasureBody } from '../erasure-view.ts';
import { operation } from '../operation.ts';
import { Nothing } from '../shapes.ts';

export const retryErasureOperation = operation({
  id: 'retryErasure',
  method: 'POST',
  path: '/erasures/:id/retry',
  tag: 'Erasures',
  summary: 'Retry what has failed or waits, at once',
  description:
    "It is tried again by itself too, after a pause that grows. A vendor's erasure that has ended with items under hold goes on, and waits for their release.",
  scopes: ['erasures:execute'],
  body: Nothing,
  answers: { 202: { description: 'It runs', content: ErasureShape } },
  errors: ['erasure_not_found', 'erasure_state'],
  takesKey: true,
  handle: async ({ engine, caller, id, once }) => {
    const { status } = await once(null, async (keeper) => {
      await retryErasure(engine, caller, id, keeper);
      return { status: 202, subjectId: id };
    });
    return { status, body: erasureBody(await readErasure(engine, caller, id)) };
  },
});
