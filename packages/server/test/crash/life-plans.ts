import type { Caller, Engine } from '../../src/engine/context.ts';
import { cancelPlan } from '../../src/engine/plans/cancel-plan.ts';
import { createPlan } from '../../src/engine/plans/create-plan.ts';
import { executePlan } from '../../src/engine/plans/execute-plan.ts';
import { findErasure } from '../../src/engine/plans/read-erasure.ts';
import type { SubjectKind } from '../../src/engine/plans/subject.ts';
import { cast } from './life.ts';

/**
 * A plan of everybody that somebody makes and thinks better of: nothing is erased by it, and how it was named goes again. And
 * one of nobody that is executed.
 */
export async function livePlans(engine: Engine, caller: Caller): Promise<void> {
  const plan = async (kind: SubjectKind, values: readonly string[]) => {
    const named = values.map((given) => ({ kind, given }));
    return await createPlan(engine, caller, { action: 'purge', keepRecording: false, named });
  };
  const sessions = Object.values(cast).map(({ session }) => session);
  await cancelPlan(engine, caller, await plan('session', sessions));
  const ofNobody = await plan('session', ['nobody has this']);
  const { digest } = await findErasure(engine.store.reads, caller, ofNobody);
  await executePlan(engine, caller, ofNobody, { digest });
}
