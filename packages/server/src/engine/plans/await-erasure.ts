import { steadyMs } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import type { Caller, Engine } from '../context.ts';
import { type ErasureView, readErasure } from './read-erasure.ts';

const firstLookMs = 20;
const looksMsMax = 500;

/**
 * An erasure as soon as it has ended, or as it is when `waitMs` is over, the process ends or nobody listens any more. A plan
 * is not waited for: nothing happens to it by itself.
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
    const erasure = await engine.store.reads.erasures.find(id);
    if (erasure?.tenantId !== caller.tenant.id || erasure.state !== 'running') break;
    await pause(Math.min(lookMs, left));
  }
  return await readErasure(engine, caller, id);
}
