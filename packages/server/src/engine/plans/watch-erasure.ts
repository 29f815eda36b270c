import { steadyMs } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import type { Erasure } from '../../model/erasure.ts';
import type { ErasureTally } from '../../model/erasure-store.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { asOfNow, type ErasureView, findErasure, readErasure } from './read-erasure.ts';
import { recentTally } from './recent-tally.ts';

/** How often is looked, and how seldom where nothing moves. */
const lookMsMin = 200;
const lookMsMax = 1000;

/** What a watcher is told: what it is now, or that all is as it was for so long. */
export type Watched = { kind: 'changed' | 'ended'; view: ErasureView } | { kind: 'quiet' };

export type Watching = {
  /** After so long without a change it says that it is quiet. */
  quietMs: number;
  /** Over after so long. */
  longestMs: number;
  /** Ends it. */
  signal: AbortSignal;
};

/**
 * Tells what an erasure is now, and again whenever that has changed, until it has ended. However many watch a large one, they
 * look together. Ends also with the process. Throws `erasure_not_found` before anything is told.
 */
export async function watchErasure(
  engine: Engine,
  caller: Caller,
  id: string,
  watching: Watching,
): Promise<AsyncGenerator<Watched>> {
  requireScope(caller, 'erasures:preview', 'erasures:execute');
  await findErasure(engine.store.reads, caller, id);
  return looks(engine, caller, id, watching);
}

async function* looks(
  engine: Engine,
  caller: Caller,
  id: string,
  { quietMs, longestMs, signal }: Watching,
): AsyncGenerator<Watched> {
  const end = steadyMs() + longestMs;
  let [seen, saidAt, lookMs] = ['', steadyMs(), lookMsMin];
  const isOver = () => signal.aborted || engine.stopping.aborted || steadyMs() >= end;
  while (!isOver()) {
    const erasure = asOfNow(engine, await findErasure(engine.store.reads, caller, id));
    const now = printOf(erasure, await recentTally(engine, id));
    if (now !== seen) {
      const view = await readErasure(engine, caller, id);
      const isEnded = view.erasure.state !== 'planned' && view.erasure.state !== 'running';
      yield { kind: isEnded ? 'ended' : 'changed', view };
      if (isEnded) return;
      [seen, saidAt, lookMs] = [now, steadyMs(), lookMsMin];
    } else {
      lookMs = Math.min(lookMsMax, lookMs * 1.5);
      if (steadyMs() - saidAt >= quietMs) {
        yield { kind: 'quiet' };
        saidAt = steadyMs();
      }
    }
    await pause(lookMs);
  }
}

/** Whatever a watcher would see change. */
function printOf({ state, approval, needsApproval, ...times }: Erasure, tally: ErasureTally): string {
  const { unreadableAt, shreddedAt, sealedAt, goneAt } = times;
  return JSON.stringify([state, approval, needsApproval, unreadableAt, shreddedAt, sealedAt, goneAt, tally]);
}
