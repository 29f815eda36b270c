/** A candidate with two calls, on which the vendor's methods are used one after another, and what the table says is left. */
import { expect } from 'vitest';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { deleteRecording, depersonalizeCall, depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import type { Call } from '../../src/model/call.ts';
import { fateOf, sealedCallClasses, sealedCandidateClasses } from './data-classes.ts';
import { type StoredState, storedStateOf } from './sealed-state.ts';
import type { ErasingMethod, ErasingSubject } from './twin-erasing.ts';

/** The call that the methods are used on, its candidate, and the candidate's other call. */
export type MethodStage = ErasingSubject & { otherId: string };
export type StageStates = Record<keyof MethodStage, StoredState>;

/** What is stored of the three. It can be written down as JSON. */
export async function stageStates(engine: Engine, tenantId: string, stage: MethodStage): Promise<StageStates> {
  const state = async (id: string) => await storedStateOf(engine, tenantId, id);
  return {
    callId: await state(stage.callId),
    candidateId: await state(stage.candidateId),
    otherId: await state(stage.otherId),
  };
}

/** The slots that the rows of a stage name. */
export function slotsIn(states: StageStates): number[] {
  return Object.values(states).flatMap(({ parts }) => Object.values(parts).map(({ slot }) => slot));
}

/** Uses a method without a surface; resolves when the keys are destroyed, and fails when that takes too long. */
export async function erase(
  engine: Engine,
  caller: Caller,
  method: ErasingMethod,
  on: ErasingSubject,
  { waitMs }: { waitMs: number } = { waitMs: 20_000 },
): Promise<void> {
  const options = { keepRecording: method.endsWith('1'), waitMs };
  if (method === 'R') await deleteRecording(engine, caller, on.callId, options);
  else if (method.startsWith('C')) await depersonalizeCall(engine, caller, on.callId, options);
  else await depersonalizeCandidate(engine, caller, on.candidateId, options);
}

/**
 * What is stored is what the table leaves of what was stored before these methods, byte for byte: which of them were used
 * counts, and not in which order.
 */
export function expectTable(methods: readonly ErasingMethod[], was: StageStates, now: StageStates): void {
  const ofCandidate = methods.filter((method) => method.startsWith('K'));
  const reaching = [
    ['callId', sealedCallClasses, methods],
    ['otherId', sealedCallClasses, ofCandidate],
    ['candidateId', sealedCandidateClasses, ofCandidate],
  ] as const;
  for (const [which, table, reached] of reaching) {
    const isErased = (name: string) => reached.some((method) => fateOf(table, name).isErasedBy(method));
    const kept = (of: object, prefix = '') =>
      Object.fromEntries(Object.entries(of).filter(([kind]) => !isErased(`${prefix}${kind}`)));
    expect(now[which].parts, `sealed of ${which}`).toEqual(kept(was[which].parts));
    expect(now[which].tokens, `tokens of ${which}`).toEqual(kept(was[which].tokens, 'token:'));
    // Of a candidate there is only the first of the marks.
    const row = now[which].row as Partial<Call>;
    for (const mark of ['depersonalizedAt', 'recordingErasedAt'] as const) {
      if (table.has(mark)) expect(row[mark] !== null, `${mark} of ${which}`).toBe(isErased(mark));
    }
  }
}
