import type { Act } from './acts.ts';
import { agreement, type Json } from './agreement.ts';
import { stepsOf } from './rules.ts';
import type { Local } from './step.ts';
import { copyOf, type World } from './world.ts';

/** What came of an act: its answer, or that nobody lived to hear it. */
export type Outcome = { act: Act; answer: Json | undefined };

/** The worlds that may be now; none when nothing explains what came. Then `differences` says what each would have wanted. */
export type Explained = { worlds: World[]; differences: string[] };

type State = { world: World; threads: { pc: number; local: Local; isOver: boolean }[] };

/** More states than any few acts side by side have; a guard against a rule that never ends. */
const statesMax = 60_000;

/**
 * The worlds in which acts side by side may have been answered so, their steps in any order that keeps each act's own.
 * `mayBreakOff`: the process died, so that each may have stopped at any step; one that was answered had come that far.
 */
export function explain(worlds: readonly World[], outcomes: readonly Outcome[], mayBreakOff: boolean): Explained {
  const found = new Map<string, World>();
  const differences = new Set<string>();
  for (const world of worlds) {
    for (const state of orders(world, outcomes, mayBreakOff)) {
      const met = agreeing(state, outcomes);
      if (typeof met === 'string') differences.add(met);
      else found.set(JSON.stringify(met), met);
    }
  }
  return { worlds: [...found.values()], differences: [...differences].slice(0, 5) };
}

/** Every state that the acts' steps can lead to from a world: those where all are through, or all. */
function* orders(world: World, outcomes: readonly Outcome[], mayBreakOff: boolean): Generator<State> {
  const threads = outcomes.map(() => ({ pc: 0, local: {}, isOver: false }));
  const waiting: State[] = [{ world, threads }];
  const seen = new Set<string>();
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    if (state.threads.length > 1 || mayBreakOff) {
      const text = JSON.stringify(state);
      if (seen.has(text)) continue;
      seen.add(text);
      if (seen.size > statesMax) throw new Error('a rule does not come to an end');
    }
    if (mayBreakOff || state.threads.every((thread) => thread.isOver)) yield state;
    for (const [i, thread] of state.threads.entries()) {
      const act = outcomes[i]?.act;
      if (act !== undefined && !thread.isOver) waiting.push(stepped(state, i, act));
    }
  }
}

function stepped(state: State, i: number, act: Act): State {
  const next: State = { world: copyOf(state.world), threads: structuredClone(state.threads) };
  const thread = next.threads[i];
  const steps = stepsOf(act);
  const step = thread && steps[thread.pc];
  if (thread === undefined || step === undefined) throw new Error('there is no such step');
  const told = step({ world: next.world, act, local: thread.local });
  if (told !== 'stay') thread.pc += 1;
  thread.isOver = told === 'end' || thread.pc === steps.length;
  return next;
}

/** The world with the ids that the answers have taught, or where they differ from what it predicted. */
function agreeing(state: State, outcomes: readonly Outcome[]): World | string {
  let ids = state.world.ids;
  for (const [i, { act, answer }] of outcomes.entries()) {
    if (answer === undefined) continue;
    const predicted = state.threads[i]?.local.answer ?? { error: 'no answer yet' };
    const met = agreement(predicted, answer, ids, act.do);
    if (!met.agrees) return met.where;
    ids = met.ids;
  }
  return { ...state.world, ids };
}
