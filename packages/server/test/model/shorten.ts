import { type Failure, failureOf } from './history.ts';
import type { History, Operation } from './operations.ts';
import type { Spoiling } from './verbs.ts';

/** Trying goes on for about this long. */
const budgetMs = 60_000;

/**
 * The shortest history found that still fails, and how. Takes away ever smaller stretches of operations, then acts within
 * them. What depends on the order in which acts side by side happen to run may not fail again; then it stays.
 */
export async function shortest(
  history: History,
  failure: Failure,
  spoiling: Spoiling = {},
): Promise<{ history: History; failure: Failure }> {
  const deadline = Date.now() + budgetMs;
  let best = { history, failure };
  for (let isShorter = true; isShorter && Date.now() < deadline; ) {
    isShorter = false;
    for (const candidate of shorter(best.history)) {
      if (Date.now() >= deadline) break;
      const { failure: again } = await failureOf(candidate, spoiling);
      if (again === undefined) continue;
      best = { history: candidate, failure: again };
      isShorter = true;
      break;
    }
  }
  return best;
}

function* shorter(history: History): Generator<History> {
  const { operations } = history;
  for (let size = Math.ceil(operations.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = operations.length - size; from > -size; from -= size) {
      yield { ...history, operations: operations.toSpliced(Math.max(from, 0), size + Math.min(from, 0)) };
    }
  }
  for (const [i, operation] of operations.entries()) {
    for (const simpler of simplerThan(operation)) yield { ...history, operations: operations.with(i, simpler) };
  }
}

/** The same with fewer acts side by side. */
function simplerThan(operation: Operation): Operation[] {
  switch (operation.op) {
    case 'together': {
      const { deeds, by } = operation;
      if (deeds.length === 1) return deeds.map((deed, i) => ({ op: 'one', by: by[i] ?? 0, deed }));
      return deeds.map((_, i) => ({ op: 'together', by: by.toSpliced(i, 1), deeds: deeds.toSpliced(i, 1) }));
    }
    case 'during':
      return operation.deeds.map((deed) => ({ op: 'one', by: operation.by, deed }));
    case 'crash':
      return operation.deeds.map((_, i) => ({ ...operation, deeds: operation.deeds.toSpliced(i, 1) }));
    case 'one':
    case 'restart':
    case 'lapse':
      return [];
  }
}
