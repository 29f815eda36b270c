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

/** What is known of the order of acts. */
export type Order = {
  /** The process died: each may have stopped at any step. One that was answered had come that far. */
  mayBreakOff?: boolean;
  /** The second act began when the first had done `from` steps, and ended before it did more than `to`. */
  between?: { from: number; to: number } | undefined;
};

/** The second act began when the first was through. */
export const afterAll = { from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** The worlds in which acts side by side may have been answered so, their steps in any order that keeps each act's own. */
export function explain(worlds: readonly World[], outcomes: readonly Outcome[], order: Order = {}): Explained {
  const found = new Map<string, World>();
  const differences = new Set<string>();
  for (const world of worlds) {
    for (const state of orders(world, outcomes, order)) {
      const met = agreeing(state, outcomes);
      if (typeof met === 'string') differences.add(met);
      else found.set(JSON.stringify(met), met);
    }
  }
  return { worlds: [...found.values()], differences: [...differences].slice(0, 5) };
}

/** Every state that the acts' steps can lead to from a world: those where all are through, or all. */
function* orders(world: World, outcomes: readonly Outcome[], order: Order): Generator<State> {
  const { mayBreakOff = false } = order;
  const threads = outcomes.map(() => ({ pc: 0, local: {}, isOver: false }));
  const [only] = outcomes;
  if (only !== undefined && threads.length === 1 && !mayBreakOff) {
    yield throughAlone({ world: copyOf(world), threads }, only.act);
    return;
  }
  const waiting: State[] = [{ world, threads }];
  const seen = new Set<string>();
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    const text = JSON.stringify(state);
    if (seen.has(text)) continue;
    seen.add(text);
    if (seen.size > statesMax) throw new Error('a rule does not come to an end');
    if (mayBreakOff || state.threads.every((thread) => thread.isOver)) yield state;
    for (const [i, thread] of state.threads.entries()) {
      const act = outcomes[i]?.act;
      if (act !== undefined && !thread.isOver && mayStep(state, i, order)) waiting.push(stepped(state, i, act));
    }
  }
}

function mayStep({ threads }: State, i: number, { between }: Order): boolean {
  const [first, second] = threads;
  if (between === undefined || first === undefined || second === undefined) return true;
  return i === 0 ? first.pc < between.to || second.isOver : first.pc >= between.from || first.isOver;
}

/** An act by itself has but one way to go. */
function throughAlone(state: State, act: Act): State {
  while (state.threads.some((thread) => !thread.isOver)) step(state, 0, act);
  return state;
}

function stepped(state: State, i: number, act: Act): State {
  const next: State = { world: copyOf(state.world), threads: structuredClone(state.threads) };
  step(next, i, act);
  return next;
}

/** Changes the state that it is given. */
function step({ world, threads }: State, i: number, act: Act): void {
  const thread = threads[i];
  const steps = stepsOf(act);
  const next = thread && steps[thread.pc];
  if (thread === undefined || next === undefined) throw new Error('there is no such step');
  const told = next({ world, act, local: thread.local });
  if (told !== 'stay') thread.pc += 1;
  thread.isOver = told === 'end' || thread.pc === steps.length;
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
