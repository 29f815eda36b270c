import { steadyMs } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import type { Caller, Engine } from '../context.ts';
import { type ErasureView, findErasure, readErasure } from './read-erasure.ts';

const firstLookMs = 20;
const looksMsMax = 500;

/**
 * An erasure as soon as it has ended, or as it is when `waitMs` is over, the process ends or nobody listens any more. A plan
 * is not waited for: nothing happens to it by itself. Throws `erasure_not_found` as `readErasure` does.
 */
export async function awaitErasure(
  engine: Engine,
  caller: Caller,
  id: string,
  { waitMs, isHeard }: { waitMs: number; isHeard: () => boolean },
): Promise<ErasureView> {
  const deadline = steadyMs() + waitMs;
  for (let lookMs = firstLookMs; ; lookMs = Math.min(lookMs * 2, looksMsMax)) {
    const left = deadline - steadyMs();
    if (left <= 0 || engine.stopping.aborted || !isHeard()) break;
    const { state } = await findErasure(engine.store.reads, caller, id);
    if (state !== 'running') break;
    await pause(Math.min(lookMs, left));
  }
  return await readErasure(engine, caller, id);
}
